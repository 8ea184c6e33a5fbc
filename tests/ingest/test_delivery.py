"""A lane goes straight to Kafka while Kafka answers, behind the spool while it does not, and keeps its order."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from haechi.sealing import Sealer, create_key
from ingest.delivery import Outlet
from ingest.lane import Lane
from ingest.refusal import Refused
from ingest.spool import Spool
from tests.ingest.fakes import FakeKafka
from tests.ingest.waiting import until

LANE = Lane("positions", 2)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path, Sealer(create_key()), limit_bytes=1 << 16)
    yield spool
    await spool.close()


async def replayed(outlet: Outlet, spool: Spool) -> None:
    task = asyncio.create_task(outlet.replay())
    await until(lambda: not spool.waiting(LANE))
    task.cancel()


async def test_a_lane_that_works_does_not_touch_the_disk(spool: Spool) -> None:
    kafka = FakeKafka()
    await Outlet(LANE, kafka, spool).deliver(b"one")
    assert [(r.topic, r.partition, r.value) for r in kafka.records] == [("positions", 2, b"one")]
    assert spool.size == 0


@pytest.mark.parametrize("how", ["up", "hangs"])
async def test_what_comes_while_kafka_is_away_is_kept_and_follows_in_order(spool: Spool, how: str) -> None:
    kafka = FakeKafka(up=how != "up", hangs=how == "hangs")
    outlet = Outlet(LANE, kafka, spool, patience_s=0.05)
    for n in range(5):
        await outlet.deliver(b"%d" % n)
    assert kafka.tried == 1, "a lane that spools does not ask Kafka again for every batch"
    kafka.up, kafka.hangs = True, False
    await outlet.deliver(b"5")
    assert kafka.values == [], "nothing overtakes what waits"
    await replayed(outlet, spool)
    await outlet.deliver(b"6")
    assert kafka.values == [b"%d" % n for n in range(7)]


@pytest.mark.parametrize("how", ["up", "hangs"])
async def test_that_a_lane_spools_is_said_once_with_the_reason_and_so_is_its_end(spool: Spool, how: str) -> None:
    kafka = FakeKafka(up=how != "up", hangs=how == "hangs")
    outlet = Outlet(LANE, kafka, spool, patience_s=0.05)
    with structlog.testing.capture_logs() as log:
        for n in range(3):
            await outlet.deliver(b"%d" % n)
        kafka.up, kafka.hangs = True, False
        await replayed(outlet, spool)
    first, last = log
    assert (first["event"], last["event"]) == ("lane.spooling", "lane.straight")
    assert first["error"], "a time-out has no words of its own"


async def test_replay_goes_on_trying_and_sends_nothing_twice(spool: Spool) -> None:
    kafka = FakeKafka(up=False)
    outlet = Outlet(LANE, kafka, spool)
    await outlet.deliver(b"0")
    task = asyncio.create_task(outlet.replay())
    await until(lambda: kafka.tried >= 3)
    kafka.up = True
    await until(lambda: not spool.waiting(LANE))
    task.cancel()
    assert kafka.values == [b"0"]


async def test_when_neither_takes_it_the_sender_is_told(spool: Spool) -> None:
    outlet = Outlet(LANE, FakeKafka(up=False), spool)
    with pytest.raises(Refused) as refused:
        await asyncio.gather(*(outlet.deliver(b"x" * 1000) for _ in range(200)))
    assert refused.value.status == 503
