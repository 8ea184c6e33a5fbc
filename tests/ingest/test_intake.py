"""What is accepted and what is refused, whichever road it came by."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from haechi import ids, topics
from haechi.domain import wire
from haechi.domain.consent import ConsentEntry, step
from haechi.domain.geo import Point
from haechi.domain.people import Consent, Device
from haechi.domain.sensing import Sensor
from haechi.domain.time import micros_of
from haechi.errors import TransientError
from haechi.sealing import Sealer, create_key
from haechi.store.registry import DeviceEntry
from ingest.batching import Batcher
from ingest.columns import positions, readings
from ingest.devices.report import Goodbye, Report
from ingest.intake import Intake, OnBehalf
from ingest.limits import RateLimit
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused
from ingest.sensors.observation import Observation
from ingest.spool import Spool
from ingest.urgent import UrgentRoads
from tests.ingest.fakes import FakeInbox, FakeKafka
from tests.ingest.waiting import until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = Point(127.1, 37.5)
CONSENT = Consent("guardian", NOW - timedelta(days=1), ("position", "sos"), NOW + timedelta(days=1))


class Known:
    """A slice that holds `rows`, and finds more behind it."""

    def __init__(self, rows, behind=None, away=False, slow=False) -> None:
        self.rows, self.behind, self.away, self.slow = rows, behind or {}, away, slow

    def get(self, row_id):
        return self.rows.get(row_id)

    def of_serial(self, serial):
        return next((row for row in self.rows.values() if row.device.serial == serial), None)

    async def read_through(self, row_id):
        if self.away and row_id not in self.rows:
            raise TransientError("PostgreSQL is away")
        if self.slow and row_id not in self.rows:
            try:
                await asyncio.Event().wait()
            finally:
                await (
                    asyncio.Event().wait()
                )  # of a PostgreSQL that does not answer, asyncpg does not let go when cancelled
        return self.rows.get(row_id) or self.behind.get(row_id)


def entry(device: str, person: str, consent: Consent | None, **more) -> DeviceEntry:
    return DeviceEntry(Device(device, "haneul", person, **{"kind": "phone"} | more), consent)


class Room:
    """An intake over fakes, and what came out of it."""

    def __init__(self, folder: Path, *, away: bool = False, slow: bool = False, limit: RateLimit | None = None) -> None:
        rows = {
            "d1": entry("d1", "p1", CONSENT, encryption_key="mysecreTpass01"),
            "d2": entry("d2", "p2", None),
            "t1": entry("t1", "p1", CONSENT, kind="tag", serial="04A2B9"),
            "w1": entry("w1", "p3", CONSENT, kind="tracker", serial="359710042436064"),
        }
        self.kafka, self.inbox = FakeKafka(), FakeInbox()
        self.sent: list[tuple[str, int, bytes]] = []
        self.spool = Spool(folder, Sealer(create_key()), limit_bytes=1 << 20)
        self.registry = CollectorRegistry()
        metrics = self.metrics = IngestMetrics(self.registry)
        self.batchers = {
            topic: [self._batcher(topic, n) for n in range(8)] for topic in (topics.POSITIONS, topics.READINGS)
        }
        self.intake = Intake(
            Known(rows, {"d3": entry("d3", "p3", CONSENT)}, away, slow),
            Known({"s1": Sensor("s1", "haneul", "gas", "gas", "%[LEL]", HERE)}, away=away),
            self.batchers[topics.POSITIONS],
            self.batchers[topics.READINGS],
            UrgentRoads(self.kafka, self.inbox, self.spool, metrics),
            limit,
            metrics,
            clock=lambda: NOW,
            district="haneul",
        )

    def _batcher(self, topic, partition):
        async def deliver(data: bytes) -> None:
            self.sent.append((topic.name, partition, data))

        return Batcher(deliver, positions if topic is topics.POSITIONS else readings, limit=100, wait_s=0.001)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Room"]:
        tasks = [asyncio.create_task(b.run()) for batchers in self.batchers.values() for b in batchers]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.intake._urgent.close()
            await self.spool.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with Room(tmp_path).open() as room:
        yield room


async def test_a_position_lands_in_its_persons_partition_with_all_it_knows(room: Room) -> None:
    await room.intake.report(Report("d1", NOW, HERE, 5.0, 1.5, 90.0, 80.0), NOW, "1.2.3.4")
    ((topic, partition, data),) = room.sent
    batch = wire.POSITIONS.decode(data)
    assert (topic, partition) == ("positions", topics.partition_of(ids.shard_of("p1")))
    assert (batch.devices, batch.persons, batch.shard[0]) == (("d1",), ("p1",), ids.shard_of("p1"))
    assert (batch.lon[0], batch.lat[0]) == (HERE.lon, HERE.lat)
    assert (batch.accuracy[0], batch.speed[0], batch.course[0], batch.battery[0]) == (5.0, 1.5, 90.0, 80.0)
    assert batch.at[0] == batch.received[0] == int(NOW.timestamp()) * 1_000_000


async def test_what_is_unknown_stays_unknown_and_batches_keep_their_order(room: Room) -> None:
    times = [NOW - timedelta(microseconds=n) for n in range(50)]
    await asyncio.gather(*(room.intake.report(Report("d1", at, HERE), NOW, "") for at in times))
    batches = [wire.POSITIONS.decode(data) for _, _, data in room.sent]
    stamps = [int(at) for batch in batches for at in batch.at]
    assert stamps == [round(at.timestamp() * 1_000_000) for at in times]
    assert all(math.isnan(value) for batch in batches for value in (*batch.accuracy, *batch.battery))


async def test_a_device_registered_a_moment_ago_is_found(room: Room) -> None:
    await room.intake.report(Report("d3", NOW, HERE), NOW, "")
    assert len(room.sent) == 1


@pytest.mark.parametrize(("device", "reason"), [("nobody", "unknown-device"), ("d2", "no-consent")])
async def test_without_registration_or_consent_nothing_is_kept(room: Room, device: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await room.intake.report(Report(device, NOW, HERE), NOW, "")
    assert (refused.value.status, refused.value.reason) == (403, reason)
    assert (room.sent, room.kafka.records) == ([], [])


async def test_what_a_telephone_kept_during_a_pause_is_taken_from_it_and_kept_nowhere(room: Room) -> None:
    """Refused it would be sent again for ever, and nothing after it."""
    minutes = [NOW - timedelta(minutes=n) for n in range(9)]
    begun = ConsentEntry("paused", minutes[6], "mother", "clerk")
    for entries, end in (
        ([begun, ConsentEntry("resumed", minutes[2], "mother", "clerk")], 2),
        ([msgspec.structs.replace(begun, ends_at=minutes[3])], 3),
    ):
        consent: Consent | None = CONSENT
        for line in entries:
            consent = step(consent, line)
        room.intake._devices.rows["d1"] = entry("d1", "p1", consent)
        room.sent.clear()
        for at in reversed(minutes):
            await room.intake.report(Report("d1", at, HERE), NOW, "1.2.3.4")
        await room.intake.report(Report("d1", minutes[5], HERE, urgent="sos"), NOW, "1.2.3.4")
        kept = [at for _, _, data in room.sent for at in wire.POSITIONS.decode(data).at]
        assert kept == [micros_of(minutes[n]) for n in (8, 7, *range(end, -1, -1))]
        assert room.kafka.records, "a call for help is processed whenever it was"


async def test_a_consent_that_has_ended_covers_nothing(room: Room) -> None:
    with pytest.raises(Refused, match="consent"):
        await room.intake.report(Report("d1", NOW, HERE), NOW + timedelta(days=1), "")


@pytest.mark.parametrize(
    ("device", "person", "source"), [("d1", "p1", None), ("d2", "p2", None), ("nobody", None, "1.2.3.4")]
)
async def test_an_sos_is_processed_whoever_sends_it(
    room: Room, device: str, person: str | None, source: str | None
) -> None:
    await room.intake.report(Report(device, NOW, HERE, battery=5.0, urgent="sos"), NOW, "1.2.3.4")
    call = wire.URGENT.decode(room.kafka.values[0])
    assert (call.device, call.person, call.source, call.point) == (device, person, source, HERE)
    assert call.id == ids.input_id(device, NOW, "sos")
    await asyncio.sleep(0.01)  # in which what nobody may know would leave
    expected = int(device == "d1")  # its fix is a position too, where a consent covers positions
    await until(lambda: len(room.sent) == expected)


async def test_the_fix_of_a_press_keeps_its_own_time_and_the_press_its(room: Room) -> None:
    earlier = NOW - timedelta(minutes=20)
    await room.intake.report(Report("d1", NOW, HERE, urgent="sos", fixed_at=earlier), NOW, "1.2.3.4")
    call = wire.URGENT.decode(room.kafka.values[0])
    assert (call.id, call.at, call.fixed_at) == (ids.input_id("d1", NOW, "sos"), NOW, earlier)
    await until(lambda: room.sent)
    assert [int(at) for _, _, data in room.sent for at in wire.POSITIONS.decode(data).at] == [
        int(earlier.timestamp()) * 1_000_000
    ]


@pytest.mark.parametrize("registry", ["away", "slow"])
async def test_an_sos_does_not_wait_for_the_registry(tmp_path: Path, registry: str) -> None:
    async with Room(tmp_path, away=registry == "away", slow=registry == "slow").open() as room:
        await room.intake.report(Report("d3", NOW, None, urgent="sos"), NOW, "1.2.3.4")
        call = wire.URGENT.decode(room.kafka.values[0])
        assert (call.person, call.device, call.on_behalf) == (None, "d3", False), "the incident will ask whose it is"
        with pytest.raises(Refused) as refused:
            await room.intake.report(Report("d3", NOW, HERE), NOW, "")
        assert refused.value.status == 503, "it may be registered since: the device should try again"


async def test_a_call_for_a_tracker_that_nobody_registered_goes_to_the_district_of_the_server_that_says_it(
    room: Room,
) -> None:
    await room.intake.report(Report("35971", NOW, HERE, urgent="sos"), NOW, "1.2.3.4", OnBehalf("bada"))
    call = wire.URGENT.decode(room.kafka.values[0])
    assert (call.person, call.device, call.district, call.on_behalf) == (None, "35971", "bada", True)
    assert call.source == "1.2.3.4 35971"


@pytest.mark.parametrize("device", ["d1", "d3"], ids=["known here", "looked up"])
async def test_a_server_speaks_for_the_devices_of_its_own_district_only_also_when_they_call(
    room: Room, device: str
) -> None:
    await room.intake.report(Report(device, NOW, HERE, urgent="sos"), NOW, "1.2.3.4", OnBehalf("bada"))
    call = wire.URGENT.decode(room.kafka.values[0])
    assert (call.person, call.district, call.on_behalf) == (None, "bada", True)


async def test_the_rate_limit_never_touches_an_sos(tmp_path: Path) -> None:
    async with Room(tmp_path, limit=RateLimit(rate=0, burst=2, most=10)).open() as room:
        for n in range(10):
            await room.intake.report(Report("d1", NOW - timedelta(seconds=n), HERE, urgent="sos"), NOW, "")
        for _ in range(2):  # and calls take nothing from what positions may
            await room.intake.report(Report("d1", NOW, HERE), NOW, "")
        with pytest.raises(Refused) as refused:
            await room.intake.report(Report("d1", NOW, HERE), NOW, "")
        assert refused.value.status == 429
        for n in range(10):
            await room.intake.report(Report("d1", NOW + timedelta(minutes=1 + n), HERE, urgent="sos"), NOW, "")
        assert len(room.kafka.records) == 20


async def test_a_reading_lands_in_its_sensors_partition(room: Room) -> None:
    await room.intake.observation(Observation("s1", NOW, 12.5), NOW)
    ((topic, partition, data),) = room.sent
    assert (topic, partition) == ("readings", topics.partition_of(ids.shard_of("s1")))
    assert [reading.value for reading in wire.READINGS.decode(data).readings] == [12.5]


@pytest.mark.parametrize(("sensor", "value", "status"), [("nothing", 1.0, 404), ("s1", 101.0, 422)])
async def test_unknown_sensors_and_impossible_values_are_refused(
    room: Room, sensor: str, value: float, status: int
) -> None:
    with pytest.raises(Refused) as refused:
        await room.intake.observation(Observation(sensor, NOW, value), NOW)
    assert refused.value.status == status
    assert room.sent == []


async def test_a_goodbye_is_counted_of_a_registered_device_with_consent(room: Room) -> None:
    for device in ("d1", "d2", "nobody"):
        await room.intake.goodbye(Goodbye(device), NOW)
    assert room.registry.get_sample_value("haechi_ingest_goodbyes_total") == 1
