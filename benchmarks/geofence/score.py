"""What an alert is worth against the truth; docs/geofence-truth.md says the same in words.

The edge is the drawn one, for every rule. A stay outside makes every alert within it true, and from `GRACE_S` before it
began to `GRACE_S` after it ended; any other alert is a false leave. Stays with less than `PAUSE_S` inside between them, or
with no fix that arrived from inside, are one leave; it is a real leave if it went beyond the buffered edge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.geofence.days import Days, Leave
from benchmarks.geofence.fixes import Fixes
from benchmarks.geofence.rules import Alerts

GRACE_S = 120.0
"""Two fixes: an alert a moment early or late is about the leave that it stands beside."""
PAUSE_S = 300.0
"""Nobody wants to be told again who was back for less than this."""


@dataclass(frozen=True)
class Needs:
    """The buffered edge, metres beyond the drawn one, and how many usable fixes, of how many in a row, must be found."""

    buffer_m: float
    fixes: int
    of: int | None = None


@dataclass(frozen=True)
class Score:
    """`real` leaves, of which `due` had fixes enough; `found` of the real ones, `missed` of the due ones; `repeated`
    counts alerts of a leave beyond the first. `delays_s` from the crossing of the drawn edge, of the found ones."""

    device_days: int = 0
    false: int = 0
    repeated: int = 0
    real: int = 0
    due: int = 0
    found: int = 0
    missed: int = 0
    delays_s: tuple[float, ...] = field(default=(), repr=False)

    def __add__(self, other: "Score") -> "Score":
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__dataclass_fields__))

    @property
    def rate(self) -> float:
        """False leaves per device-day."""
        return self.false / self.device_days

    @property
    def at_most(self) -> float:
        """The exact one-sided 95 % bound of the rate (Poisson)."""
        return poisson_bound(self.false) / self.device_days

    def delay_s(self, percent: float) -> float:
        """A percentile of the delays; NaN where nothing was found."""
        return float(np.percentile(self.delays_s, percent)) if self.delays_s else math.nan


def score(days: Days, fixes: Fixes, alerts: Alerts, needs: Needs) -> Score:
    """Compare the alerts of some device-days with what really happened."""
    leaves = merged(days, fixes)
    of_device: dict[int, list[int]] = {}
    for i, leave in enumerate(leaves):
        of_device.setdefault(leave.device, []).append(i)
    false, told = 0, [[] for _ in leaves]  # type: tuple[int, list[list[float]]]
    for device, at_s in sorted(zip(alerts.device.tolist(), alerts.at_s.tolist(), strict=True)):
        beside = [i for i in of_device.get(device, ()) if _is_about(leaves[i], at_s)]
        false += not beside
        for i in beside:
            told[i].append(at_s)
    real = [i for i, leave in enumerate(leaves) if leave.furthest_m > needs.buffer_m]
    due = {i for i in real if _is_due(leaves[i], days, fixes, needs)}
    found = [i for i in real if told[i]]
    return Score(
        device_days=len(days.zones),
        false=false,
        repeated=sum(len(at) - 1 for at in told if at),
        real=len(real),
        due=len(due),
        found=len(found),
        missed=len(due - set(found)),
        delays_s=tuple(max(0.0, told[i][0] - leaves[i].left_s) for i in found),
    )


def merged(days: Days, fixes: Fixes) -> list[Leave]:
    """The leaves, those of one device put together between which nobody could have seen a return."""
    result: list[Leave] = []
    for leave in sorted(days.leaves, key=lambda leave: (leave.device, leave.left_s)):
        last = result[-1] if result else None
        if last and last.device == leave.device and not _seen_back(last, leave, fixes):
            furthest = max(last.furthest_m, leave.furthest_m)
            result[-1] = Leave(leave.device, last.left_s, leave.returned_s, furthest)
        else:
            result.append(leave)
    return result


def _seen_back(last: Leave, leave: Leave, fixes: Fixes) -> bool:
    at, arrived = fixes.at[leave.device], fixes.arrived[leave.device]
    inside = arrived & (at >= last.returned_s) & (at < leave.left_s)
    return leave.left_s - last.returned_s >= PAUSE_S and bool(inside.any())


def poisson_bound(count: int, sure: float = 0.95) -> float:
    """The largest mean under which so few events are still as likely as `1 − sure` (exact, one-sided)."""
    low, high = float(count), 10.0 + 2 * count
    while high - low > 1e-9 * high:
        mean = (low + high) / 2
        low, high = (mean, high) if _at_most(count, mean) > 1 - sure else (low, mean)
    return high


def _at_most(count: int, mean: float) -> float:
    """The chance of `count` events or fewer."""
    k = np.arange(count + 1)
    logs = k * math.log(mean) - mean - np.array([math.lgamma(i + 1) for i in k.tolist()])
    return float(np.exp(logs).sum())


def _is_about(leave: Leave, at_s: float) -> bool:
    return leave.left_s - GRACE_S <= at_s <= leave.returned_s + GRACE_S


def _is_due(leave: Leave, days: Days, fixes: Fixes, needs: Needs) -> bool:
    """Whether enough fixes arrived while the person was outside whose accuracy circle lies beyond the buffered edge."""
    at = fixes.at[leave.device]
    during = (at >= leave.left_s) & (at < leave.returned_s) & fixes.arrived[leave.device]
    zone, x, y = days.zones[leave.device], fixes.x[leave.device, during], fixes.y[leave.device, during]
    usable = zone.beyond(x, y) - fixes.accuracy[leave.device, during] > needs.buffer_m  # NaN is not usable
    return enough(usable.tolist(), needs)


def enough(usable: Sequence[bool], needs: Needs) -> bool:
    """Whether `needs.fixes` are usable, of any `needs.of` in a row (of all, without it)."""
    seen = np.concatenate(([0], np.cumsum(usable, dtype=np.int64)))
    window = min(needs.of or len(usable), len(usable))
    return bool((seen[window:] - seen[: len(seen) - window]).max() >= needs.fixes)
