"""What the broker's answers to us mean."""

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from structlog.testing import capture_logs

from ingest.mqtt.bridge import Bridge

GRANTED, REFUSED = (ReasonCode(PacketTypes.SUBACK, identifier=code) for code in (1, 0x80))


@pytest.mark.parametrize(
    ("answers", "event", "topics"),
    [
        ((GRANTED, GRANTED), "mqtt.subscribed", None),
        ((GRANTED, REFUSED), "mqtt.not_subscribed", ["v1.1/Observations"]),
    ],
)
def test_a_broker_that_does_not_let_us_listen_is_said(
    answers: tuple[ReasonCode, ...], event: str, topics: list[str] | None
) -> None:
    bridge = Bridge("mqtt://127.0.0.1:1", "door", ("owntracks/+/+", "v1.1/Observations"))
    with capture_logs() as logs:
        bridge._client.on_subscribe(bridge._client, None, 1, list(answers), None)
    assert [(one["event"], one.get("topics")) for one in logs] == [(event, topics)]
