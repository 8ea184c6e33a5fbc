"""Who fell silent together: an area whose devices stop within minutes of each other has lost its network or power.

That is one thing to be told to the duty desk, not five hundred to five hundred families. What is grouped here is not
lost: the alert lists the people, and who is still silent when the area is back is watched anew, alone.
"""

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.geo import Point

LAT_STEP, LON_STEP = 0.01, 0.0125  # degrees: about 1.1 km each way at Seoul's latitude
EVERYWHERE = -1
_COLUMNS = 1 << 16


class Together(msgspec.Struct, frozen=True):
    """An area is silent when at least `least` of its devices, and at least `share` of those that are watched there,
    were last heard within `window_s` seconds of each other and are overdue."""

    least: int = 5
    share: float = 0.3
    window_s: int = 600


def cells_of(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) the cell of each place, never negative."""
    row = np.floor((lat + 90) / LAT_STEP).astype(np.int64)
    return row * _COLUMNS + np.floor((lon + 180) / LON_STEP).astype(np.int64)


def centre_of(cell: int) -> Point:
    """The middle of a cell."""
    row, column = divmod(cell, _COLUMNS)
    return Point(round((column + 0.5) * LON_STEP - 180, 5), round((row + 0.5) * LAT_STEP - 90, 5))


def name_of(cell: int) -> str:
    """How an alert names an area, the same in every partition."""
    if cell == EVERYWHERE:
        return "everywhere"
    centre = centre_of(cell)
    return f"cell:{centre.lat:.3f},{centre.lon:.5f}"


def together(
    area: NDArray[np.int64],
    heard: NDArray[np.int64],
    overdue: NDArray[np.bool_],
    silent: NDArray[np.bool_],
    rule: Together,
    others: Callable[[int], int] = lambda _: 0,
) -> NDArray[np.bool_]:
    """(n,) the devices that fell silent together, given all that are watched: their area, when they were last heard
    (microseconds), whether they are overdue, and whether they are (too) long silent; one of the latter starts it.
    `others`: how many more are watched in an area, of which nothing else is to be said."""
    grouped = np.zeros(len(area), dtype=bool)
    window = rule.window_s * 1_000_000
    for one in np.unique(area[silent]).tolist():
        here = area == one
        rows = np.flatnonzero(here & overdue)
        needed = max(rule.least, math.ceil(rule.share * (int(here.sum()) + others(one))))
        if len(rows) < needed:
            continue
        rows = rows[np.argsort(heard[rows], kind="stable")]
        first = np.arange(len(rows))
        after = np.searchsorted(heard[rows], heard[rows] + window, side="right")
        for start in np.argsort(first - after, kind="stable").tolist():  # the fullest window first
            members = rows[start : after[start]]
            if len(members) < needed:
                break
            if silent[members].any():
                grouped[members] = True
                break
    return grouped
