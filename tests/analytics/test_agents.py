"""Where alerts go, and what they say of the time it took."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from analytics.agents import consume_urgent, to_alerts
from haechi import topics
from haechi.clock import utc_now
from haechi.domain import wire
from haechi.domain.alerting import CALLS, KINDS, urgent_alert
from haechi.domain.people import UrgentCall
from haechi.streaming import Record
from haechi.streaming.admin import ensure_topics
from tests.analytics.stream import PositionStream, running

AT = datetime(2026, 11, 22, tzinfo=UTC)
CALL = UrgentCall("c", "sos", "d1", "p1", "haneul", AT, AT + timedelta(seconds=1))


@pytest.mark.parametrize("kind", KINDS)
def test_urgent_kinds_and_only_they_travel_on_the_urgent_topic_by_subject(kind: str) -> None:
    alert = msgspec.structs.replace(urgent_alert(CALL, AT), kind=kind)
    (record,) = to_alerts(lambda: AT)(alert)
    assert (record.topic == "alerts.urgent") is (
        kind in {"sos", "man-down", "strap-cut", "tamper", "zone-exit", "zone-entry"}
    )
    assert record.key == b"p1"


def test_an_alert_says_when_it_was_decided_and_never_before_it_was_received() -> None:
    alert = urgent_alert(CALL, AT)
    for now, decided in ((AT + timedelta(seconds=5), AT + timedelta(seconds=5)), (AT, CALL.received_at)):
        (record,) = to_alerts(lambda now=now: now)(alert)
        sent = wire.ALERT.decode(record.value)
        assert sent.decided_at == decided
        assert sent.id == alert.id


async def test_a_cancel_is_told_of_every_kind_that_it_may_mean(kafka_url: str) -> None:
    async with PositionStream.on(kafka_url) as stream:
        await ensure_topics(stream.connection, [topics.URGENT])
        worker = stream.worker()
        consume_urgent(worker, utc_now, "haneul")
        cancel = msgspec.structs.replace(CALL, kind="cancel")
        await stream.producer.send(Record(topics.URGENT.name, wire.URGENT.encode(cancel), partition=2))
        async with running(worker):
            alerts = await stream.alerts(lambda alerts: len(alerts) >= len(CALLS), topics.ALERTS_URGENT.name)
    assert {(alert.kind, alert.action, alert.subject) for alert in alerts} == {(kind, "update", "p1") for kind in CALLS}
