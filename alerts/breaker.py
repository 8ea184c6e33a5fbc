"""A circuit breaker for one endpoint, as a pure state machine on a monotonic clock."""

from enum import Enum

import msgspec

FAILURES_TO_OPEN = 3
# Short: a breaker saves connections to a dead endpoint, and must not hold back a fresh SOS once it lives again.
COOL_DOWN_S = 2.0
LONGEST_COOL_DOWN_S = 8.0


class Mode(Enum):
    """Closed lets through, open refuses, half-open waits for the one probe under way."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker(msgspec.Struct, frozen=True):
    """`until` is the monotonic second at which an open breaker lets a probe through."""

    mode: Mode = Mode.CLOSED
    failures: int = 0
    cool_down_s: float = COOL_DOWN_S
    until: float = 0.0


def admit(breaker: Breaker, now: float) -> tuple[Breaker, float]:
    """The breaker after an attempt asks to start, and the seconds that it must wait instead (0: go)."""
    if breaker.mode is Mode.CLOSED:
        return breaker, 0.0
    if breaker.mode is Mode.OPEN and now >= breaker.until:
        return msgspec.structs.replace(breaker, mode=Mode.HALF_OPEN), 0.0
    if breaker.mode is Mode.OPEN:
        return breaker, breaker.until - now
    return breaker, breaker.cool_down_s


def succeeded(_: Breaker) -> Breaker:
    """One success closes it."""
    return Breaker()


def broken_off(breaker: Breaker, now: float) -> Breaker:
    """An attempt that we ended says nothing of the endpoint; if it was the probe, the next attempt is."""
    if breaker.mode is Mode.HALF_OPEN:
        return msgspec.structs.replace(breaker, mode=Mode.OPEN, until=now)
    return breaker


def failed(breaker: Breaker, now: float) -> Breaker:
    """The third failure in a row opens it; a failed probe opens it again, for twice as long up to a bound."""
    if breaker.mode is Mode.HALF_OPEN:
        longer = min(breaker.cool_down_s * 2, LONGEST_COOL_DOWN_S)
        return Breaker(Mode.OPEN, breaker.failures + 1, longer, now + longer)
    failures = breaker.failures + 1
    if breaker.mode is Mode.CLOSED and failures < FAILURES_TO_OPEN:
        return Breaker(Mode.CLOSED, failures)
    if breaker.mode is Mode.OPEN:  # an attempt that had started before it opened
        return msgspec.structs.replace(breaker, failures=failures)
    return Breaker(Mode.OPEN, failures, COOL_DOWN_S, now + COOL_DOWN_S)
