"""The battery: low with hysteresis, and when it will be empty.

The forecast takes the median of the slopes between all pairs of the last samples (Theil 1950, Sen 1968), and the
median of where each sample then leads: one wrong reading, or a gauge that moves in steps of five, does not move it.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLES = 6
_EVERY_S = 900  # a sample at least so often, or at every percent
_CHARGED = 3.0  # percent that only a charger adds; less is a gauge's mood
_LEAST_SPAN_S = 1200

# The last samples: seconds since 1970, and percent; `samples` is how many were ever written.
RING = [("samples", "<u4"), ("sample_at", "<u4", SAMPLES), ("sample_level", "<f4", SAMPLES)]
NO_SAMPLES = (0, (0,) * SAMPLES, (0.0,) * SAMPLES)


class BatteryRule(msgspec.Struct, frozen=True):
    """Percent: low below `low`, well again above `fine`."""

    low: float = 15
    fine: float = 25


def sampled(ring: NDArray[np.void], at_s: NDArray[np.int64], level: NDArray[np.float32]) -> NDArray[np.void]:
    """(n,) records that have the fields of RING, with one reading each. What rose above the sample before the last has been charged: its samples
    begin anew. What only came back to it shows that the last one was wrong: it is replaced."""
    ring = ring.copy()
    row = np.arange(len(ring))
    count = ring["samples"]
    last = (count - 1) % SAMPLES
    last_level, last_at = ring["sample_level"][row, last], ring["sample_at"][row, last].astype(np.int64)
    some = count > 0
    rose = some & (level - last_level >= _CHARGED) & (at_s > last_at)
    wrong = rose & (count > 1) & (level <= ring["sample_level"][row, (count - 2) % SAMPLES] + 1)
    due = ~some | (at_s > last_at) & ((np.abs(level - last_level) >= 1) | (at_s - last_at >= _EVERY_S))
    count = np.where(wrong, count - 1, np.where(rose, 0, count)).astype(np.uint32)
    put, place = np.flatnonzero(due), (count % SAMPLES)[due]
    ring["sample_at"][put, place] = at_s[put]
    ring["sample_level"][put, place] = level[put]
    ring["samples"] = count + due
    return ring


def is_low(low: NDArray[np.bool_], level: NDArray[np.float32], rule: BatteryRule) -> NDArray[np.bool_]:
    """(n,) whether each is low now, given whether it was; an unknown level (NaN) changes nothing."""
    return np.where(np.isnan(level), low, np.where(low, level <= rule.fine, level < rule.low))


def empty_at_s(ring: NDArray[np.void]) -> float | None:
    """When one device will be empty, seconds since 1970; None while it does not discharge or too little is known."""
    known = min(int(ring["samples"]), SAMPLES)
    at, level = ring["sample_at"][:known].astype(np.float64), ring["sample_level"][:known].astype(np.float64)
    if known < 3 or at.max() - at.min() < _LEAST_SPAN_S:
        return None
    one, other = np.triu_indices(known, 1)
    span = at[other] - at[one]
    slope = float(np.median((level[other] - level[one])[span != 0] / span[span != 0]))
    if slope >= 0:
        return None
    return float(np.median(at - level / slope))
