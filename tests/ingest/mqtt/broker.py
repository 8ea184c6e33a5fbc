"""What a device says by MQTT, and when the door listens."""

import asyncio
import json

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.ingest.house import Process
from tests.mosquitto import Mosquitto


def location(at: int, **more: object) -> bytes:
    return json.dumps({"_type": "location", "lat": 37.5, "lon": 127.0, "tst": at, **more}).encode()


def publish(broker: Mosquitto, messages: list[tuple[str, bytes]], *, retain: bool = False) -> None:
    """Returns when the broker has acknowledged all of them (QoS 1); with `retain` it keeps the last of each topic."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("haechi", "durable")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        for said in [client.publish(topic, payload, qos=1, retain=retain) for topic, payload in messages]:
            said.wait_for_publish(20)
    finally:
        client.disconnect()
        client.loop_stop()


async def subscribed(door: Process) -> None:
    async with asyncio.timeout(150):
        while "mqtt.subscribed" not in door.log.read_text():
            assert door.child.poll() is None, door.log.read_text()
            await asyncio.sleep(0.1)
