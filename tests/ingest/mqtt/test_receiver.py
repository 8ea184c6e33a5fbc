"""What the MQTT door puts aside, and what it may keep of it."""

import json
from pathlib import Path

import pytest

from haechi.sealing import Sealer, create_key
from haechi.streaming import DeadLetter
from haechi.streaming.dead_letters import unseal
from ingest.mqtt.bridge import Arrived
from ingest.mqtt.receiver import Receiver
from tests.ingest.test_intake import Room

BROKEN = json.dumps({"_type": "location", "lat": 37.5, "lon": 127.0, "acc": "near"}).encode()


class Once:
    """A broker with one message; it learns whether that was acknowledged."""

    def __init__(self, topic: str, payload: bytes) -> None:
        self.message = Arrived(topic, payload, 1, 7, 1)
        self.acknowledged = False

    async def messages(self):
        yield self.message

    def acknowledge(self, arrived: Arrived) -> None:
        self.acknowledged = arrived is self.message

    def forget(self, arrived: Arrived) -> None: ...


async def put_aside(folder: Path, topic: str, payload: bytes) -> list[DeadLetter]:
    """The dead letters of one message."""
    sealer, letters, broker = Sealer(create_key()), [], Once(topic, payload)

    async def bury(value: bytes) -> None:
        letters.append(unseal(value, sealer))

    async with Room(folder).open() as room:
        await Receiver(broker, room.intake, bury, sealer, room.metrics, payload_bytes=10_000).run()
    assert broker.acknowledged
    return letters


@pytest.mark.parametrize("device", ["d2", "a-device-that-nobody-registered"])
async def test_of_whom_no_consent_covers_a_dead_letter_says_why_and_nothing_of_where(
    tmp_path: Path, device: str
) -> None:
    (letter,) = await put_aside(tmp_path, f"owntracks/{device}/phone", BROKEN)
    assert letter.value == b""
    assert "'acc' is not a number" in letter.reason
    assert letter.topic == f"owntracks/{device[:6]}…/phone"


async def test_with_a_consent_what_came_is_kept_and_of_the_device_only_the_front(tmp_path: Path) -> None:
    (letter,) = await put_aside(tmp_path, "owntracks/d1/phone", BROKEN)
    assert (letter.topic, letter.value) == ("owntracks/d1…/phone", BROKEN)


async def test_a_position_that_is_as_it_should_be_is_no_dead_letter_without_a_consent_either(tmp_path: Path) -> None:
    fix = json.dumps({"_type": "location", "lat": 37.5, "lon": 127.0}).encode()
    assert await put_aside(tmp_path, "owntracks/d2/phone", fix) == []


async def test_what_is_of_no_person_is_kept_as_it_came(tmp_path: Path) -> None:
    (letter,) = await put_aside(tmp_path, "v1.1/Observations", b"not json")
    assert (letter.topic, letter.value) == ("v1.1/Observations", b"not json")
