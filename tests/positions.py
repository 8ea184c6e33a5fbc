"""Batches of positions, as a gateway makes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from haechi.domain.people import PositionBatch
from haechi.domain.time import micros_of
from haechi.ids import shard_of


class Fix(NamedTuple):
    """One fix; it is received at once unless `received` says when."""

    person: str
    at: datetime
    device: str = "watch"
    received: datetime | None = None
    lon: float = 126.92
    lat: float = 37.61
    accuracy: float = np.nan


def batch_of(fixes: Sequence[Fix]) -> PositionBatch:
    """The fixes in their order, as columns."""
    devices = tuple(dict.fromkeys(fix.device for fix in fixes))
    persons = tuple(dict.fromkeys(fix.person for fix in fixes))
    unknown = np.full(len(fixes), np.nan, np.float32)
    return PositionBatch(
        devices=devices,
        persons=persons,
        device=np.array([devices.index(fix.device) for fix in fixes], np.int32),
        person=np.array([persons.index(fix.person) for fix in fixes], np.int32),
        shard=np.array([shard_of(fix.person) for fix in fixes], np.uint8),
        at=np.array([micros_of(fix.at) for fix in fixes], np.int64),
        received=np.array([micros_of(fix.received or fix.at) for fix in fixes], np.int64),
        lon=np.array([fix.lon for fix in fixes], np.float64),
        lat=np.array([fix.lat for fix in fixes], np.float64),
        accuracy=np.array([fix.accuracy for fix in fixes], np.float32),
        speed=unknown,
        course=unknown,
        battery=unknown,
    )
