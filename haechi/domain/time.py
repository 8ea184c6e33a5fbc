"""Time that passes without events; instants as the columns of batches hold them, microseconds since 1970."""

from datetime import UTC, datetime

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = 1_000_000


class Tick(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sent each second by every producer of `positions`, `readings` and `sightings`, to all partitions.

    `ahead_s`: by how many seconds its clock was ahead of the broker's, where that was too much and `at` is the broker's
    time instead; set by who reads it.
    """

    producer: str
    at: datetime
    spool_empty: bool
    ahead_s: float = 0.0


def micros_of(at: datetime) -> int:
    """Exact, without a float in between."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * _MICROSECONDS + since.microseconds


def instant_of(micros: int) -> datetime:
    """The instant of a column's microseconds."""
    return datetime.fromtimestamp(int(micros) / _MICROSECONDS, UTC)


def span_in_words(seconds: float) -> str:
    """A length of time, rounded down to the largest unit of which there are two."""
    whole = max(int(seconds), 0)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 2 * 86_400 else f"{whole // 86_400} days"
