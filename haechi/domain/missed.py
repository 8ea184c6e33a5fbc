"""Who is missed in one partition of `positions`, for the others: an area that falls silent lies in all of them."""

from datetime import datetime

import msgspec


class MissedCell(msgspec.Struct, frozen=True, array_like=True):
    """One cell of the map: how many devices are watched there, and when those that are overdue, or silent with their area,
    were last heard (microseconds since 1970)."""

    cell: int
    watched: int
    missed: tuple[int, ...]


class MissedPart(msgspec.Struct, frozen=True, array_like=True):
    """One district: how many devices are watched in all of it, and the cells in which somebody is missed."""

    district: str
    watched: int
    cells: tuple[MissedCell, ...]


class Missed(msgspec.Struct, frozen=True):
    """What `partition` says at `at`; it holds for some seconds, until the next."""

    partition: int
    at: datetime
    parts: tuple[MissedPart, ...]
