"""Rows of positions and readings as the messages that travel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from haechi.domain import wire
from haechi.domain.people import PositionBatch
from haechi.domain.sensing import Reading, ReadingBatch


class PositionRow(NamedTuple):
    """One position as it will stand in its batch: times in microseconds since 1970, NaN for unknown."""

    device: str
    person: str
    shard: int
    at: int
    received: int
    lon: float
    lat: float
    accuracy: float
    speed: float
    course: float
    battery: float


def positions(rows: Sequence[PositionRow]) -> bytes:
    """The message of at least one row, in the order given."""
    device, person, shard, at, received, lon, lat, accuracy, speed, course, battery = zip(*rows, strict=True)
    devices = {name: index for index, name in enumerate(dict.fromkeys(device))}
    persons = {name: index for index, name in enumerate(dict.fromkeys(person))}
    return wire.POSITIONS.encode(
        PositionBatch(
            devices=tuple(devices),
            persons=tuple(persons),
            device=np.array([devices[name] for name in device], np.int32),
            person=np.array([persons[name] for name in person], np.int32),
            shard=np.array(shard, np.uint8),
            at=np.array(at, np.int64),
            received=np.array(received, np.int64),
            lon=np.array(lon, np.float64),
            lat=np.array(lat, np.float64),
            accuracy=np.array(accuracy, np.float32),
            speed=np.array(speed, np.float32),
            course=np.array(course, np.float32),
            battery=np.array(battery, np.float32),
        )
    )


def readings(rows: Sequence[Reading]) -> bytes:
    """The message of at least one reading, in the order given."""
    return wire.READINGS.encode(ReadingBatch(tuple(rows)))
