"""A door whose clock is off moves time for nobody, and is named."""

from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions
from analytics.clocks import AHEAD_S, put_right
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi.clock import utc_now
from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick, micros_of
from tests.analytics.silence.build import AT, Report, Town, batch
from tests.analytics.stream import PositionStream, running

HOUR = timedelta(hours=1)


def tick(at_s: float = 0) -> Tick:
    return Tick("http", AT + timedelta(seconds=at_s), spool_empty=True)


def test_a_tick_that_is_ahead_of_the_brokers_time_is_taken_at_that_time_and_says_how_far_it_was() -> None:
    for at_s in (-3600, 0, AHEAD_S):  # what waited while Kafka stood still is no clock
        assert put_right(tick(at_s), AT) == tick(at_s)
    assert put_right(tick(3600), AT) == msgspec.structs.replace(tick(), ahead_s=3600)


def test_a_report_was_not_received_after_the_broker_had_it_but_may_have_waited_long_in_a_spool() -> None:
    late, early = batch([Report("d1")], received=-7200), batch([Report("d1")], received=3600)
    assert put_right(late, AT) is late
    put = put_right(early, AT)
    assert isinstance(put, PositionBatch)
    assert put.received.tolist() == [micros_of(AT)]


def ahead(second: float, ahead_s: float) -> Tick:
    return msgspec.structs.replace(tick(second), ahead_s=ahead_s)


def clocks(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.action, alert.place) for alert in alerts if alert.kind == "clock-off"]


def test_whose_clock_is_off_is_told_once_and_taken_back_also_across_a_restart() -> None:
    town = Town("d1")
    told = [town.hear(ahead(second, ahead_s)) for second, ahead_s in ((5, 0.0), (10, 37.0), (15, 37.2))]
    assert [clocks(alerts) for alerts in told] == [[], [("raise", "http")], []]
    assert "37 s ahead" in told[1][0].because.words
    town.report("d1")
    town.restart()
    assert clocks(town.hear(ahead(20, 37.1))) == []
    back = town.hear(ahead(25, 0.0))
    assert clocks(back) == [("clear", "http")]
    assert back[0].id == told[1][0].id


async def test_on_the_real_kafka_a_door_an_hour_ahead_is_named_and_nobody_falls_silent(kafka_url: str) -> None:
    book = ZoneBook(())
    async with PositionStream.on(kafka_url) as stream:
        worker = stream.worker()
        consume_positions(
            worker, Outlook(book=lambda: book, district="haneul"), PositionMetrics(CollectorRegistry()), utc_now
        )
        await stream.tick(Tick("right", utc_now() - timedelta(seconds=10), spool_empty=True))
        await stream.tick(Tick("fast", utc_now() + HOUR, spool_empty=True))
        await stream.tick(Tick("right", datetime.now(UTC), spool_empty=True))
        async with running(worker):
            alerts = await stream.alerts(lambda alerts: len(alerts) >= 8)  # each partition tells it, once
    assert {(alert.kind, alert.place) for alert in alerts} == {("clock-off", "fast")}
    assert all(alert.starts_at <= utc_now() for alert in alerts)
