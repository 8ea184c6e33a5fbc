"""Time as a parameter: decisions take event time, and the edges take a clock that tests can turn."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, aware, in UTC. Only edges call it; everything else receives a `Clock` or an event time."""
    return datetime.now(UTC)
