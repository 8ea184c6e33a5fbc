"""What the duty desk hears of a spool of which something can be read no more."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from haechi.clock import utc_now
from haechi.domain import wire
from haechi.domain.alerting import Severity
from haechi.sealing import Sealer, create_key
from ingest.damage import tell_of_damage
from ingest.delivery import Outlet
from ingest.lane import Lane
from ingest.metrics import IngestMetrics
from ingest.refusal import overloaded
from ingest.spool import Spool
from ingest.urgent import UrgentRoads
from tests.ingest.fakes import FakeInbox, FakeKafka
from tests.ingest.waiting import until

DESK, CALLS = Lane("alerts", 1), Lane("urgent", 3)


async def test_a_call_that_nobody_can_read_is_told_to_the_desk_and_holds_no_other_up(tmp_path: Path) -> None:
    spool, kafka, registry = (
        Spool(tmp_path / "s", Sealer(create_key()), limit_bytes=1 << 16),
        FakeKafka(),
        CollectorRegistry(),
    )
    metrics = IngestMetrics(registry)
    await spool.append(CALLS, b"of a version that nobody knows", urgent=True)
    roads = UrgentRoads(kafka, FakeInbox(), spool, metrics)
    tasks = [
        asyncio.create_task(roads.replay(CALLS)),
        asyncio.create_task(
            tell_of_damage(spool, Outlet(DESK, kafka, spool).deliver, "ingest.gateway", "haneul", metrics, utc_now)
        ),
    ]
    await until(lambda: not list((tmp_path / "s").glob("*.spool")))
    for task in tasks:
        task.cancel()
    (record,) = kafka.records
    alert = wire.ALERT.decode(record.value)
    assert (record.topic, record.partition) == DESK
    assert (alert.kind, alert.severity, alert.district) == ("dead-letter", Severity.LIFE_SAFETY, "haneul")
    assert (alert.subject, alert.place) == ("ingest.gateway", "s/000000000001.spool")
    assert alert.because.words.startswith("A record of urgent/3, at byte 0 of s/000000000001.spool: ")
    assert "maybe a call for help" in alert.because.words
    assert registry.get_sample_value("haechi_ingest_dropped_total", {"what": "spool-record"}) == 1
    await spool.close()


async def test_the_file_stays_until_the_desk_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.damage._AGAIN_S", 0)
    spool = Spool(tmp_path, Sealer(create_key()), limit_bytes=1 << 16)
    await spool.append(CALLS, b"?", urgent=True)
    spool.give_up(CALLS, "Nobody can read it.")
    tries = 0

    async def deliver(_: bytes) -> None:
        nonlocal tries
        tries += 1
        assert list(tmp_path.glob("*.spool"))
        if tries < 3:
            raise overloaded("Kafka is away.")

    metrics = IngestMetrics(CollectorRegistry())
    telling = asyncio.create_task(tell_of_damage(spool, deliver, "ingest.gateway", "haneul", metrics, utc_now))
    await until(lambda: not list(tmp_path.glob("*.spool")))
    telling.cancel()
    assert tries == 3
    await spool.close()
