"""What concerns life safety and could not be processed is itself told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions, consume_urgent
from analytics.positions import PositionMetrics
from analytics.unprocessed import alert_of
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.clock import utc_now
from haechi.domain import wire
from haechi.domain.alerting import Alert, Severity
from haechi.domain.sensing import Reading, ReadingBatch
from haechi.streaming import DeadLetter, Record
from haechi.streaming.admin import ensure_topics
from tests.analytics.silence.build import Report, batch
from tests.analytics.stream import PositionStream, running

AT = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
LETTER = DeadLetter("app", "positions", 3, 17, None, b"nonsense", (), AT, AT, "It broke.")


def one_book() -> Callable[[], ZoneBook]:
    """A defect in one watch: it can be made, and cannot look."""
    books = iter([ZoneBook(())])
    return lambda: next(books)


async def test_a_batch_that_a_watch_cannot_look_at_and_a_call_that_nobody_can_read_are_incidents(
    kafka_url: str,
) -> None:
    async with PositionStream.on(kafka_url) as stream:
        await ensure_topics(stream.connection, [topics.URGENT])
        worker = stream.worker()
        consume_urgent(worker, utc_now, "haneul")
        outlook = Outlook(book=one_book(), district="haneul")
        consume_positions(worker, outlook, PositionMetrics(CollectorRegistry()), utc_now)
        await stream.positions(batch([Report("d1"), Report("d1b")], received=60))
        await stream.producer.send(Record(topics.URGENT.name, b"\x93 nonsense", partition=2))
        async with running(worker):
            alerts = await stream.alerts(lambda alerts: len(alerts) >= 2)
    by_topic = {alert.subject: alert for alert in alerts}
    assert by_topic.keys() == {"positions", "urgent"}
    for alert in alerts:
        assert (alert.kind, alert.severity, alert.district) == ("dead-letter", Severity.LIFE_SAFETY, "haneul")
    assert by_topic["positions"].because.words.startswith("Positions of 2 devices: ")
    assert "StopIteration" in by_topic["positions"].because.words
    assert by_topic["urgent"].place == "2:0"


def told(**changes: object) -> Alert:
    return alert_of(msgspec.structs.replace(LETTER, **changes), "haneul")


def test_each_call_is_an_incident_and_batches_are_one_that_is_told_again_each_minute() -> None:
    calls = [told(topic="urgent", offset=offset) for offset in (1, 2)]
    assert len({alert.place for alert in calls}) == len({alert.id for alert in calls}) == 2
    batches = [told(offset=offset, sent_at=AT + timedelta(seconds=second)) for offset, second in ((1, 0), (2, 50))]
    later, elsewhere = told(sent_at=AT + timedelta(seconds=60)), told(partition=4)
    assert len({alert.id for alert in batches}) == 1
    assert len({alert.id for alert in (*batches, later, elsewhere)}) == 3
    assert {alert.place for alert in (*batches, later, elsewhere)} == {"-"}


def test_it_says_whom_it_concerned_as_far_as_that_can_be_told() -> None:
    readings = ReadingBatch(tuple(Reading("s1", AT, AT, value) for value in (1.0, 2.0)))
    assert told(value=wire.READINGS.encode(readings)).because.words.startswith("Readings of 1 sensor: It broke.")
    assert told().because.words.startswith("It cannot be told whom it concerned: It broke.")
