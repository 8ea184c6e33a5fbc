"""What a rule is here: fixes in, leaves out. The peers see exactly the fixes that ours sees."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.geofence.days import Zone
from benchmarks.geofence.fixes import Fixes


@dataclass(frozen=True)
class Alerts:
    """(k,) who is said to have left, and when: the row of the device-day and the second of the local day."""

    device: NDArray[np.int64]
    at_s: NDArray[np.float64]


class Rule(Protocol):
    """Decides device-days that have nothing to do with each other; `name` is what the figures call it."""

    @property
    def name(self) -> str: ...

    def leaves(self, zones: tuple[Zone, ...], fixes: Fixes) -> Alerts:
        """Every leave that it reports, once each time."""
        ...


def outside(zones: tuple[Zone, ...], fixes: Fixes) -> NDArray[np.float64]:
    """(n, m) metres of each fix beyond the drawn edge of its device's zone; 0 inside."""
    return np.array([zone.beyond(x, y) for zone, x, y in zip(zones, fixes.x, fixes.y, strict=True)])


def alerts_of(raised: NDArray[np.bool_], at_s: NDArray[np.int32] | NDArray[np.float64]) -> Alerts:
    """The alerts of an (n, m) table of flags with the (n, m) seconds of each."""
    device, minute = np.nonzero(raised)
    return Alerts(device, at_s[device, minute].astype(np.float64))
