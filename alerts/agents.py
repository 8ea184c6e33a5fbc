"""The thin Faust edge: alerts from Kafka into incidents."""

from collections.abc import Sequence

from alerts.intake import AlertIntake
from haechi import topics
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.domain.own_alerts import unprocessed
from haechi.streaming import DeadLetter, Event, Record, Worker
from haechi.topics import Topic


def consume_alerts(worker: Worker, topic: Topic, intake: AlertIntake, district: str) -> None:
    """`topic` (`alerts.urgent` or `alerts`) into incidents; acknowledged when they are committed.

    What cannot be processed raises an incident of its own for the desk, in `district`.
    """

    async def handle(events: Sequence[Event[Alert]]) -> list[Record]:
        await intake.apply_all(event.message for event in events)
        return []

    async def tell_desk(letter: DeadLetter) -> list[Record]:
        # Not by Kafka, as others do: what comes from there may be what cannot be processed.
        place = f"{letter.partition}:{letter.offset}"
        await intake.apply(unprocessed(letter.topic, place, letter.reason, district, letter.sent_at))
        return []

    worker.consume(
        topic,
        handle,
        wire.ALERT.decode,
        batch=1 if topic is topics.ALERTS_URGENT else 50,
        event_time=lambda alert: alert.starts_at,
        on_dead_letter=tell_desk,
    )
