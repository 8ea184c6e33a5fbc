"""A call for help is answered by the faster of two roads, by the disk when both are away, and reaches both."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from haechi.domain import wire
from haechi.domain.people import UrgentCall
from haechi.sealing import Sealer, create_key
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused
from ingest.spool import Spool
from ingest.urgent import UrgentRoads, lane_of
from tests.ingest.fakes import FakeInbox, FakeKafka
from tests.ingest.waiting import until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALL = UrgentCall("c1", "sos", "d1", "p1", "haneul", NOW, NOW)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path, Sealer(create_key()), limit_bytes=1 << 20)
    yield spool
    await spool.close()


def roads_over(kafka: FakeKafka, inbox: FakeInbox, spool: Spool, perseverance_s: float = 20) -> UrgentRoads:
    metrics = IngestMetrics(CollectorRegistry())
    return UrgentRoads(kafka, inbox, spool, metrics, patience_s=0.1, perseverance_s=perseverance_s)


async def until_both(kafka: FakeKafka, inbox: FakeInbox) -> None:
    await until(lambda: kafka.records and inbox.calls)


@pytest.mark.parametrize("away", ["kafka", "postgres"])
@pytest.mark.parametrize("how", ["up", "hangs"])
async def test_one_road_answers_while_the_other_is_away_and_gets_it_later(spool: Spool, away: str, how: str) -> None:
    kafka, inbox = FakeKafka(), FakeInbox()
    gone = kafka if away == "kafka" else inbox
    setattr(gone, how, how == "hangs")
    roads = roads_over(kafka, inbox, spool)
    await roads.accept(CALL)
    assert spool.size == 0
    assert not (kafka.records and inbox.calls)
    gone.up, gone.hangs = True, False
    await until_both(kafka, inbox)
    assert [wire.URGENT.decode(value) for value in (*kafka.values, *inbox.calls.values())] == [CALL, CALL]
    assert kafka.records[0].key == b"p1"
    await roads.close()


@pytest.mark.parametrize("perseverance_s", [20, 0.05], ids=["in one go", "in many goes"])
async def test_with_neither_it_is_fsynced_and_replayed_until_one_has_it(spool: Spool, perseverance_s: float) -> None:
    kafka, inbox = FakeKafka(up=False), FakeInbox(hangs=True)
    roads = roads_over(kafka, inbox, spool, perseverance_s)
    await roads.accept(CALL)
    assert spool.waiting(lane_of(CALL)) == 1
    tried = kafka.tried
    replay = asyncio.create_task(roads.replay(lane_of(CALL)))
    await until(lambda: kafka.tried >= tried + 4)
    assert spool.waiting(lane_of(CALL)) == 1
    kafka.up = True
    await until(lambda: not spool.waiting(lane_of(CALL)))
    replay.cancel()
    await asyncio.gather(replay, return_exceptions=True)
    await roads.close()
    assert [wire.URGENT.decode(value) for value in kafka.values] == [CALL]


async def test_after_the_replay_the_other_road_gets_it_too_and_each_has_it_once(spool: Spool) -> None:
    kafka, inbox = FakeKafka(up=False), FakeInbox(hangs=True)
    roads = roads_over(kafka, inbox, spool)
    await roads.accept(CALL)
    replay = asyncio.create_task(roads.replay(lane_of(CALL)))
    kafka.up, inbox.hangs = True, False
    await until_both(kafka, inbox)
    await until(lambda: not roads._under_way)
    replay.cancel()
    assert [wire.URGENT.decode(value) for value in (*kafka.values, *inbox.calls.values())] == [CALL, CALL]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every fsync takes until it is set."""
    goes_on = threading.Event()
    monkeypatch.setattr("os.fsync", lambda _: goes_on.wait())
    yield goes_on
    goes_on.set()


@pytest.mark.parametrize("late", ["kafka", "postgres"])
async def test_a_store_that_answers_late_answers_before_a_disk_that_is_slower_still(
    spool: Spool, disk: threading.Event, late: str
) -> None:
    kafka, inbox = FakeKafka(hangs=True), FakeInbox(hangs=True)
    roads = roads_over(kafka, inbox, spool)
    accepting = asyncio.create_task(roads.accept(CALL))
    await until(lambda: spool.size)
    await asyncio.sleep(0)
    assert not accepting.done(), "nobody has it"
    (kafka if late == "kafka" else inbox).hangs = False
    async with asyncio.timeout(60):
        await accepting
    disk.set()
    await until(lambda: spool.waiting(lane_of(CALL)))  # what lies there is offered again, under the same id
    await roads.close()


async def test_a_spool_that_is_full_refuses_at_once_and_a_store_that_answers_late_has_the_call_all_the_same(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, Sealer(create_key()), limit_bytes=1)
    kafka, inbox = FakeKafka(hangs=True), FakeInbox(hangs=True)
    roads = roads_over(kafka, inbox, spool)
    with pytest.raises(Refused):
        await roads.accept(CALL)
    kafka.hangs = inbox.hangs = False
    await until_both(kafka, inbox)
    await roads.close()
    await spool.close()


async def test_calls_do_not_wait_for_each_other(spool: Spool) -> None:
    kafka, inbox = FakeKafka(hangs=True), FakeInbox(hangs=True)
    roads = roads_over(kafka, inbox, spool)
    calls = [UrgentCall(f"c{n}", "sos", f"d{n}", None, "haneul", NOW, NOW) for n in range(100)]
    accepting = [asyncio.create_task(roads.accept(call)) for call in calls]
    await asyncio.wait(accepting, return_when=asyncio.FIRST_COMPLETED)
    assert kafka.tried == 100, "all were on their way before the first was given up"
    await asyncio.gather(*accepting)
    assert sum(spool.waiting(lane_of(call)) for call in {lane_of(call): call for call in calls}.values()) == 100
    await roads.close()
