"""What the broker's answers to us mean."""

import asyncio

import pytest
from paho.mqtt.client import MQTTMessage
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


async def test_a_topic_that_is_no_text_is_handed_over_like_any_other() -> None:
    """A broker should not let it pass; paho's thread would end by it, and nothing would ever come again."""
    bridge = Bridge("mqtt://127.0.0.1:1", "door", ("owntracks/+/+",))
    bridge._loop = asyncio.get_running_loop()
    message = MQTTMessage(7, b"owntracks/\xff/phone")
    message.payload, message.qos = b'{"alarm":"sos"}', 1
    bridge._client.on_message(bridge._client, None, message)
    arrived = await asyncio.wait_for(bridge._arrived.get(), 20)
    assert (arrived.topic, arrived.payload, arrived.number) == ("owntracks/\ufffd/phone", b'{"alarm":"sos"}', 7)
