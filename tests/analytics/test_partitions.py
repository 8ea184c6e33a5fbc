"""Sensors and cameras as partition state: replays, registry gaps, ticks."""

from datetime import UTC, datetime, timedelta

import msgspec

from analytics.cameras import CameraZoneState
from analytics.keyed_blocks import KeyedBlocks
from analytics.rules.threshold import ThresholdRule
from analytics.rules.trespass import Rule, Watch, camera_rule
from analytics.sensors import SensorState
from haechi.domain.geo import Point
from haechi.domain.sensing import Reading, ReadingBatch, Sensor
from haechi.domain.time import Tick
from haechi.domain.video import BoundingBox, Camera, CameraZone, Sighting, Sightings, TrackId

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
SENSOR = Sensor("s1", "haneul", "Kitchen", "gas", "%[LEL]", Point(126.92, 37.61))
GAS = ThresholdRule("gas-high", "gas", "gas", raise_at=20, clear_at=10, readings=2)
YARD = CameraZone("z1", "yard", "forbidden", ((0, 0), (1, 0), (1, 1), (0, 1)))
TRESPASS = camera_rule(Rule(frames=2, quiet_s=10))
CAMERA = Camera("c1", "haneul", "Yard", "rtsp://x", Point(126.92, 37.61), (YARD,))


def readings(*values: float, minute: int) -> ReadingBatch:
    at = AT + timedelta(minutes=minute)
    return ReadingBatch(tuple(Reading("s1", at + timedelta(seconds=i), at, v) for i, v in enumerate(values)))


def someone(second: int) -> Sightings:
    at = AT + timedelta(seconds=second)
    return Sightings(
        "c1", second, at, at, (Sighting(TrackId("c1", 1, 1), "person", BoundingBox(0.4, 0.4, 0.1, 0.3), 0.9),)
    )


def test_a_replayed_batch_of_readings_decides_nothing_again() -> None:
    state = SensorState([GAS], {"s1": SENSOR}.get)
    assert len(state.apply(0, readings(30, 30, minute=0))) == 1
    assert state.apply(0, readings(30, 30, minute=0)) == []


def test_a_sensor_state_survives_in_its_block() -> None:
    state = SensorState([GAS], {"s1": SENSOR}.get)
    assert state.apply(0, readings(30, minute=0)) == []
    again = SensorState([GAS], {"s1": SENSOR}.get)
    for shard, block in state.changed():
        again.load(shard, block)
    assert [a.action for a in again.apply(1, readings(30, minute=1))] == ["raise"]
    assert list(state.changed()) == []


def test_a_sensor_that_is_not_registered_decides_nothing() -> None:
    assert SensorState([GAS], lambda _: None).apply(0, readings(30, 30, minute=0)) == []


def test_a_camera_state_survives_in_its_block_and_a_tick_ends_what_is_over() -> None:
    state = CameraZoneState([TRESPASS], {"c1": CAMERA}.get)
    alerts = [a for i in range(3) for a in state.apply(i, someone(i))]
    assert [a.action for a in alerts] == ["raise"]
    again = CameraZoneState([TRESPASS], {"c1": CAMERA}.get)
    for shard, block in state.changed():
        again.load(shard, block)
    assert again.apply(2, someone(2)) == []
    assert again.apply(3, Tick("cameras", AT + timedelta(seconds=5), spool_empty=True)) == []
    (cleared,) = again.apply(4, Tick("cameras", AT + timedelta(seconds=30), spool_empty=True))
    assert (cleared.action, cleared.id) == ("clear", alerts[0].id)


def test_a_block_from_before_there_were_several_rules_is_taken_back() -> None:
    state = CameraZoneState([TRESPASS], {"c1": CAMERA}.get)
    (raised,) = [a for i in range(3) for a in state.apply(i, someone(i))]
    old = KeyedBlocks(Watch, Watch())
    for shard, block in state.changed():
        old.load(shard, msgspec.msgpack.decode(block)["trespass"])
    old.applied("c1", 2)
    again = CameraZoneState([TRESPASS], {"c1": CAMERA}.get)
    for shard, block in old.changed():
        again.load(shard, block)
    (cleared,) = again.apply(4, Tick("cameras", AT + timedelta(seconds=30), spool_empty=True))
    assert (cleared.action, cleared.id) == ("clear", raised.id)
