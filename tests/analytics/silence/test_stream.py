"""Silence through the real Kafka: ticks and reports in one stream, and a worker that takes over in between."""

from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.clock import utc_now
from haechi.domain.alerting import Alert
from haechi.domain.people import Device
from haechi.domain.time import Tick
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from haechi.streaming import Worker
from tests.analytics.silence.build import AT, CONSENT, Report, batch, person_of
from tests.analytics.stream import PositionStream, running


def worker_of(stream: PositionStream) -> Worker:
    worker, book = stream.worker(), ZoneBook(())

    def entry(device: str) -> DeviceEntry:
        return DeviceEntry(Device(device, "haneul", person_of(device), "phone", 60), CONSENT)

    # The times of this test are none that a broker would believe.
    outlook = Outlook(book=lambda: book, entry_of=entry, district="haneul", put_right=lambda message, _: message)
    consume_positions(worker, outlook, PositionMetrics(CollectorRegistry()), utc_now)
    return worker


async def ticks(stream: PositionStream, first: int, last: int) -> None:
    for second in range(first, last, 10):
        await stream.tick(Tick("http", at(second), spool_empty=True))


def at(second: float) -> datetime:
    return AT + timedelta(seconds=second)


def of(alerts: list[Alert]) -> list[tuple[str, str, datetime]]:
    return [(a.kind, a.action, a.starts_at) for a in alerts if a.subject == "p1"]


async def test_a_device_that_falls_silent_is_told_across_a_restart_and_its_next_report_ends_it(kafka_url: str) -> None:
    async with PositionStream.on(kafka_url) as stream:
        await ticks(stream, 0, 60)
        await stream.positions(batch([Report("d1")], received=60))
        await ticks(stream, 60, 200)
        async with running(worker_of(stream)):
            # Somebody whose alert shows that all before it was read.
            await stream.positions(batch([Report("d2", battery=10)], received=200))
            await stream.alerts(lambda alerts: bool([a for a in alerts if a.kind == "battery-low"]))
        await ticks(stream, 200, 400)
        async with running(worker_of(stream)):
            alerts = await stream.alerts(lambda alerts: bool(of(alerts)))
            assert of(alerts) == [("silent", "raise", at(60))]
            await stream.positions(batch([Report("d1")], received=410))
            alerts = await stream.alerts(lambda alerts: len(of(alerts)) >= 2)
            assert of(alerts) == [("silent", "raise", at(60)), ("silent", "clear", at(60))]


async def test_five_devices_in_five_partitions_that_fall_silent_are_told_as_one_area(kafka_url: str) -> None:
    homes: dict[int, str] = {}  # a device in each of five partitions
    for number in range(100):
        homes.setdefault(topics.partition_of(shard_of(f"p{number}")), f"d{number}")
    homes = dict(list(homes.items())[:5])
    async with PositionStream.on(kafka_url) as stream:
        await ticks(stream, 0, 60)
        for device in homes.values():
            await stream.positions(batch([Report(device)], received=60))
        await ticks(stream, 60, 300)
        async with running(worker_of(stream)):
            await stream.missed(set(homes))
            await ticks(stream, 300, 500)
            alerts = await stream.alerts(lambda alerts: len(alerts) >= 5)
    assert {(alert.kind, alert.action) for alert in alerts} == {("cell-silent", "raise")}
    assert {one for alert in alerts for one in alert.because.people} == {person_of(one) for one in homes.values()}
