"""How often a device may report by MQTT: what was promised is kept, what was not is limited."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from haechi import topics
from haechi.domain import wire
from haechi.sealing import Sealer, create_key
from ingest.limits import RateLimit
from ingest.mqtt.bridge import Arrived
from ingest.mqtt.receiver import Receiver
from ingest.sensors import sensorthings
from tests.ingest.mqtt.broker import location
from tests.ingest.test_intake import NOW, Room

AT = int(NOW.timestamp())


class Messages:
    """A broker with so many messages, and what was acknowledged of them."""

    def __init__(self, *messages: tuple[str, bytes, int]) -> None:
        self._messages = [Arrived(topic, payload, qos, n, 1) for n, (topic, payload, qos) in enumerate(messages)]
        self.acknowledged: list[int] = []

    async def messages(self) -> AsyncIterator[Arrived]:
        for one in self._messages:
            yield one

    def acknowledge(self, arrived: Arrived) -> None:
        self.acknowledged.append(arrived.number)

    def forget(self, _: Arrived) -> None:
        raise AssertionError


def positions(room: Room) -> int:
    return sum(len(wire.POSITIONS.decode(data)) for topic, _, data in room.sent if topic == topics.POSITIONS.name)


async def taken(folder: Path, messages: Sequence[tuple[str, bytes, int]]) -> tuple[Room, Messages, list[bytes]]:
    broker, letters = Messages(*messages), []

    async def bury(letter: bytes) -> None:
        letters.append(letter)

    async with Room(folder).open() as room:
        limit = RateLimit(rate=0.001, burst=3)
        sealer = Sealer(create_key())
        receiver = Receiver(broker, room.intake, bury, sealer, room.metrics, payload_bytes=1000, limit=limit)
        async with asyncio.timeout(20):
            await receiver.run()
        return room, broker, letters


def of_d1(count: int, qos: int, **more: object) -> list[tuple[str, bytes, int]]:
    return [("owntracks/d1/phone", location(AT - n, **more), qos) for n in range(count)]


async def test_at_qos_0_who_reports_too_often_is_counted_and_left_out(tmp_path: Path) -> None:
    reading = json.dumps({"Datastream": {"@iot.id": "s1"}, "result": 1.0}).encode()
    messages = [*of_d1(10, 0), *[(sensorthings.TOPIC, reading, 0)] * 5]
    room, broker, letters = await taken(tmp_path, messages)
    assert positions(room) == 3
    assert room.registry.get_sample_value("haechi_ingest_refused_total", {"reason": "rate-limit"}) == 7 + 2
    assert len(broker.acknowledged) == 15
    assert letters == [], "and fills no topic with dead letters"


async def test_what_a_broker_has_acknowledged_is_taken_however_often_it_comes(tmp_path: Path) -> None:
    room, _, _ = await taken(tmp_path, of_d1(10, 1))
    assert positions(room) == 10


async def test_a_call_for_help_is_never_too_often(tmp_path: Path) -> None:
    room, _, _ = await taken(tmp_path, [*of_d1(5, 0), *of_d1(2, 0, alarm="sos")])
    assert len(room.kafka.records) == 2
