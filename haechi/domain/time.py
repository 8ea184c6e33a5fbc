"""Time that passes without events."""

from datetime import datetime

import msgspec


class Tick(msgspec.Struct, frozen=True):
    """Sent each second by every producer of `positions`, `readings` and `sightings`, to all partitions."""

    producer: str
    at: datetime
    spool_empty: bool
