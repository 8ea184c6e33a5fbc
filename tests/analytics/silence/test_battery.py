"""Low with hysteresis; empty at about."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.silence.battery import RING, SAMPLES, BatteryRule, empty_at_s, is_low, sampled

RULE = BatteryRule(low=15, fine=25)
Readings = list[tuple[float, float]]  # minute, percent


def ring_of(readings: Readings) -> np.ndarray:
    ring = np.zeros(1, RING)
    for minute, level in readings:
        ring = sampled(ring, np.array([1_790_000_000 + int(minute * 60)]), np.array([level], np.float32))
    return ring


def empty_after_min(readings: Readings) -> float | None:
    """Minutes from the first reading until it is empty."""
    at = empty_at_s(ring_of(readings)[0])
    return None if at is None else (at - 1_790_000_000) / 60


def lows(levels: list[float]) -> list[bool]:
    low, said = np.array([False]), []
    for level in levels:
        low = is_low(low, np.array([level], np.float32), RULE)
        said.append(bool(low[0]))
    return said


@pytest.mark.parametrize(
    ("why", "levels", "expected"),
    [
        ("low below, not at, the threshold", [16, 15, 14.9], [False, False, True]),
        ("it does not flap", [14, 16, 14, 20, 25, 14], [True] * 6),
        ("a charger's jump ends it", [10, 60], [True, False]),
        ("an unknown level changes nothing", [10, float("nan"), 26, float("nan")], [True, True, False, False]),
    ],
)
def test_low_with_hysteresis(why: str, levels: list[float], expected: list[bool]) -> None:
    assert lows(levels) == expected, why


@pytest.mark.parametrize(
    ("why", "readings", "expected"),
    [
        ("a percent in six minutes from thirty", [(m, 30 - m / 6) for m in range(0, 61, 6)], 180),
        ("one wrong reading moves nothing", [(m, 30 - m / 6 if m != 48 else 2) for m in range(0, 73, 6)], 180),
        ("nor does a wrong one at the end", [(m, 30 - m / 6 if m != 72 else 2) for m in range(0, 73, 6)], 180),
        ("a gauge in steps of five", [(m, 50 - 5 * (m // 30)) for m in range(0, 151, 5)], 300),
        ("too short to say", [(m, 30 - m) for m in range(0, 12, 2)], None),
        ("it stands still", [(m, 30.0) for m in range(0, 200, 20)], None),
        ("it charges", [(m, 30 + m / 6) for m in range(0, 120, 20)], None),
    ],
)
def test_when_it_will_be_empty(why: str, readings: Readings, expected: float | None) -> None:
    got = empty_after_min(readings)
    if expected is None:
        assert got is None, why
    else:
        assert got == pytest.approx(expected, rel=0.15), why


def test_a_charger_begins_anew() -> None:
    ring = ring_of([(m, 30 - m / 6) for m in range(0, 61, 6)] + [(70, 90)])
    assert int(ring["samples"][0]) == 1
    assert empty_at_s(ring[0]) is None


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 100)), max_size=60))
def test_a_ring_holds_its_samples_in_the_order_of_their_time(readings: Readings) -> None:
    ring = ring_of(readings)[0]
    count = int(ring["samples"])
    order = [i % SAMPLES for i in range(max(0, count - SAMPLES), count)]
    at = ring["sample_at"][order].tolist()
    assert at == sorted(at)
    assert len(set(at)) == len(at)
