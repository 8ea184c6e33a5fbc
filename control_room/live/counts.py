"""How many people are where, told only where it betrays nobody: squares that hold at least five."""

import math
from collections import Counter
from collections.abc import Iterable

from control_room.live.view import Cell
from haechi.domain.geo import METRES_PER_DEGREE, Point

LEAST = 5
CELL_M = 100.0


def count_cells(points: Iterable[Point], least: int = LEAST, cell_m: float = CELL_M) -> tuple[Cell, ...]:
    """Squares of `cell_m` metres, aligned to fixed degrees so that they do not follow anyone, with their counts."""
    high = cell_m / METRES_PER_DEGREE
    cells: Counter[tuple[int, int]] = Counter()
    for point in points:
        row = math.floor(point.lat / high)
        cells[row, math.floor(point.lon / _width(row, high))] += 1
    return tuple(
        Cell(Point((column + 0.5) * _width(row, high), (row + 0.5) * high), people)
        for (row, column), people in sorted(cells.items())
        if people >= least
    )


def _width(row: int, high: float) -> float:
    return high / max(0.01, math.cos(math.radians((row + 0.5) * high)))
