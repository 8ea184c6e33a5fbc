"""When each device was last carried somewhere: only of those whose wearer has several, for `fusion`."""

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.quality import ALONE_US, known_accuracy, metres

MOVED_M = 50.0

# Where a device rests, how many fixes in a row say that it left, and when it last did (µs, 0: never seen to).
_MOVE = np.dtype([("lon", "<f8"), ("lat", "<f8"), ("away", "u1"), ("at", "<i8")])


class Moves:
    """`columns` has one record per slot; `at` (slots,) is when it last moved."""

    def __init__(self) -> None:
        self.columns = Columns(_MOVE, (np.nan, np.nan, 0, 0))

    @property
    def at(self) -> NDArray[np.int64]:
        moved: NDArray[np.int64] = self.columns.rows["at"]
        return moved

    def follow(self, slots: Slots, fixes: NDArray[np.void], before: NDArray[np.int64]) -> None:
        """Good fixes, at most one a slot; `before` (n,) is the time of the one before.

        Who left their resting place did so by two fixes in a row, or by one after a long silence (a gate's tag).
        """
        rows = self.columns.rows
        rest = rows.take(slots)
        far = metres(fixes["lon"] - rest["lon"], fixes["lat"] - rest["lat"], fixes["lat"])
        left = far - known_accuracy(fixes["accuracy"]) > MOVED_M
        away = np.where(left, np.minimum(rest["away"] + 1, 2), 0).astype(np.uint8)
        moved = left & ((away >= 2) | (fixes["at"] - before > ALONE_US))
        settle = np.isnan(far) | moved
        rest["away"] = np.where(moved, 0, away)
        rest["at"] = np.where(moved, fixes["at"], rest["at"])
        rest["lon"] = np.where(settle, fixes["lon"], rest["lon"])
        rest["lat"] = np.where(settle, fixes["lat"], rest["lat"])
        rows.put(slots, rest)
