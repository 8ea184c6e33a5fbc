"""The MQTT door as it runs: over a real broker that keeps its queues, a real Kafka and a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from haechi import topics
from haechi.domain.alerting import Alert
from haechi.ids import front_of
from haechi.sealing import Sealer
from haechi.streaming import DeadLetter
from haechi.streaming.dead_letters import unseal
from tests.ingest.devices.test_owntracks import sealed
from tests.ingest.house import PHRASE, House, Process
from tests.ingest.mqtt.broker import location, publish, subscribed
from tests.ingest.waiting import until
from tests.mosquitto import Mosquitto

AT = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())


@pytest.fixture
async def house(kafka_url: str, postgres_database: str, tmp_path: Path, mosquitto: Mosquitto) -> House:
    house = House(tmp_path / "data", kafka_url, postgres_database, more={"HAECHI_MQTT__URL": mosquitto.url})
    await house.build()
    return house


@pytest.fixture
async def door(house: House) -> AsyncIterator[Process]:
    door = house.launch("mqtt")
    await subscribed(door)
    yield door
    door.kill()


async def positions(house: House) -> list[tuple[str, int]]:
    """In order; one that a slow Kafka has twice counts where it came first."""
    return list(dict.fromkeys(await house.positions()))


async def told(house: House) -> list[Alert]:
    return [alert for _, alert in await house.read(topics.ALERTS) if isinstance(alert, Alert)]


async def letters(house: House) -> dict[tuple[str, bytes], DeadLetter]:
    found = [unseal(value, Sealer(house.key)) for _, value in await house.read(topics.DEAD_LETTERS)]
    return {(letter.topic, letter.value): letter for letter in found}


async def all_there(house: House) -> bool:
    """Each kind of message has a way of its own into Kafka: none tells that the others have come."""
    come = [await house.holds(4), await house.calls(), await house.readings(), await told(house)]
    return all(come) and len(await letters(house)) >= 4


async def test_positions_calls_and_readings_are_taken_and_the_rest_put_aside(
    house: House, door: Process, mosquitto: Mosquitto
) -> None:
    reading = {"Datastream": {"@iot.id": house.sensor}, "result": 12.5}
    await asyncio.to_thread(
        publish,
        mosquitto,
        [
            (f"owntracks/{house.device}/phone", location(AT)),
            (f"owntracks/{house.device}/phone", location(AT + 1, alarm="sos")),
            (f"owntracks/{house.device}/phone/event", location(AT + 2, _type="transition", event="leave")),
            (f"owntracks/{house.device}/phone", json.dumps(sealed(json.loads(location(AT + 3)), PHRASE)).encode()),
            (f"owntracks/{house.device}/phone", b'{"_type": "lwt"}'),
            (f"owntracks/{house.silent_device}/phone", location(AT)),
            (f"owntracks/{house.device}/phone", b"not json"),
            (f"owntracks/{house.silent_device}/phone", location(AT, acc="near")),
            ("owntracks/nobodysdevice/phone", location(AT, acc="near")),
            ("v1.1/Observations", json.dumps(reading).encode()),
            ("v1.1/Observations", json.dumps(reading | {"result": 500}).encode()),
        ],
    )
    await until(lambda: all_there(house), every=0.2)
    assert await positions(house) == [(house.device, (AT + n) * 1_000_000) for n in range(4)]
    assert {call.person for call in await house.calls()} == {house.person}
    assert set(await house.readings()) == {12.5}
    aside = await letters(house)
    assert aside.keys() == {
        (f"owntracks/{front_of(house.device)}/phone", b"not json"),
        (f"owntracks/{front_of(house.silent_device)}/phone", b""),
        ("owntracks/nobody…/phone", b""),
        ("v1.1/Observations", json.dumps(reading | {"result": 500}).encode()),
    }, "a place without a consent is not kept, nor whoever's credential"
    alerts = {(alert.kind, alert.place) for alert in await told(house)}
    assert alerts == {("dead-letter", front_of(house.device))}
    assert house.device not in door.log.read_text()
    assert any("gas lies between 0 and 100" in letter.reason for letter in aside.values())
    assert door.stop() == 0


async def test_what_comes_while_the_door_is_shut_waits_in_the_broker(
    house: House, door: Process, mosquitto: Mosquitto
) -> None:
    door.kill()
    await asyncio.to_thread(
        publish, mosquitto, [(f"owntracks/{house.device}/phone", location(AT + n)) for n in range(50)]
    )
    mosquitto.stop()
    mosquitto.start()
    again = house.launch("mqtt")
    try:
        await until(lambda: house.holds(50), every=0.2)
    finally:
        again.kill()
    assert await positions(house) == [(house.device, (AT + n) * 1_000_000) for n in range(50)]


async def test_a_call_that_the_broker_kept_says_so_whenever_the_door_subscribes(
    house: House, door: Process, mosquitto: Mosquitto
) -> None:
    """OwnTracks lets the broker keep each location. Whoever subscribes is told it, also who had it when it was said."""
    call = (f"owntracks/{house.device}/watch", location(AT, alarm="sos"))
    await asyncio.to_thread(publish, mosquitto, [call], retain=True)
    await until(house.calls, every=0.2)
    door.kill()
    again = house.launch("mqtt")
    try:
        await until(lambda: _number_of(house, 2), every=0.2)
    finally:
        again.kill()
    first, kept = await house.calls()
    assert (first.id, first.retained, kept.retained) == (kept.id, False, True)


async def _number_of(house: House, calls: int) -> bool:
    return len(await house.calls()) >= calls
