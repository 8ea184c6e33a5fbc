"""How far places are from the edges of many areas at once: plain arithmetic on line segments, no object per zone."""

from collections.abc import Sequence
from copy import copy

import numpy as np
import shapely
from numpy.typing import NDArray

from haechi.domain.geo import Area, Circle, Corridor, LocalPlane, Point

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Edges:
    """The edges of (z,) areas in metres of `plane`.

    A circle is its centre and radius. A corridor is a line of segments with half a width; a polygon the segments of all
    its rings, with inside and outside by the crossings of a ray (even–odd). `reach` (z,) metres is about the radius
    inside: a circle's radius, a corridor's width, twice a polygon's area over the length of its edge.
    """

    def __init__(self, plane: LocalPlane, areas: Sequence[Area]) -> None:
        count = len(areas)
        self._plane = plane
        self._half = np.zeros(count)  # a circle's radius, half a corridor's width
        self._filled = np.zeros(count, dtype=bool)  # polygons
        self._x, self._y, self._outer = np.zeros((3, count))
        self.reach = np.zeros(count)
        self._first = np.zeros(count, dtype=np.int64)
        self._segments = np.zeros(count, dtype=np.int64)  # how many; none of a circle
        self._read_circles(areas)
        self._read_lines(areas)
        self._round = not self._segments.any()

    def with_more(self, more: "Edges") -> "Edges":
        """The areas of both, in the same plane; those of `more` come after ours."""
        both, ours, theirs = copy(self), vars(self), vars(more)
        of_areas = ("_half", "_filled", "_x", "_y", "_outer", "_segments", "reach")
        joined = {name: np.append(ours[name], theirs[name]) for name in of_areas}
        lines, segments = np.concatenate([ours["_lines"], theirs["_lines"]], axis=1), joined["_segments"]
        vars(both).update(joined, _lines=lines, _first=np.cumsum(segments) - segments, _round=not segments.any())
        return both

    def distance(self, row: Rows, x: Floats, y: Floats, near: Floats) -> Floats:
        """(n,) metres from each area's edge to (n,) places, negative inside; exact as far as `near` (n,) metres outside,
        and never more than the truth beyond."""
        distance: Floats = np.hypot(x - self._x[row], y - self._y[row]) - self._outer[row]
        if self._round:
            return distance
        close = np.flatnonzero((self._segments[row] > 0) & (distance <= near))
        if len(close):
            distance[close] = self._to_lines(row[close], x[close], y[close])
        return distance

    def _to_lines(self, row: Rows, x: Floats, y: Floats) -> Floats:
        count = self._segments[row]
        starts = np.cumsum(count) - count
        which = np.repeat(np.arange(len(row)), count)
        segment = np.arange(len(which)) - starts[which] + self._first[row][which]
        ax, ay, by, dx, dy, length2 = self._lines[:, segment]
        px, py = x[which] - ax, y[which] - ay
        along = np.clip((px * dx + py * dy) / length2, 0, 1)
        to_edge: Floats = np.minimum.reduceat(np.hypot(px - along * dx, py - along * dy), starts)
        filled = self._filled[row]
        if not filled.any():
            return to_edge - self._half[row]
        crosses = (y[which] < ay) != (y[which] < by)  # a corner belongs to one of its two segments
        right = px * np.abs(dy) < py * dx * np.sign(dy)
        inside = np.add.reduceat((crosses & right).astype(np.int64), starts) % 2 == 1
        return np.where(filled & inside, -to_edge, to_edge - self._half[row])

    def _read_circles(self, areas: Sequence[Area]) -> None:
        found = [(i, area) for i, area in enumerate(areas) if isinstance(area, Circle)]
        rows = np.array([i for i, _ in found], dtype=np.int64)
        self._x[rows], self._y[rows] = self._metres([area.centre for _, area in found])
        self.reach[rows] = self._half[rows] = self._outer[rows] = [area.radius_m for _, area in found]

    def _read_lines(self, areas: Sequence[Area]) -> None:
        paths: list[Sequence[Point]] = []
        of: list[int] = []
        for i, area in enumerate(areas):
            if isinstance(area, Circle):
                continue
            if isinstance(area, Corridor):
                self._half[i], self.reach[i] = area.width_m / 2, area.width_m
            self._filled[i] = not isinstance(area, Corridor)
            for path in (area.line,) if isinstance(area, Corridor) else area.rings:
                paths.append(path)
                of.append(i)
        x, y = self._metres([point for path in paths for point in path])
        owner = np.repeat(np.array(of, dtype=np.int64), [len(path) for path in paths])
        path_of = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
        within = np.flatnonzero(path_of[1:] == path_of[:-1])  # from a point to the next of the same path
        dx, dy = x[within + 1] - x[within], y[within + 1] - y[within]
        self._lines = np.stack([x[within], y[within], y[within + 1], dx, dy, np.maximum(dx * dx + dy * dy, 1e-9)])
        self._segments = np.bincount(owner[within], minlength=len(areas)).astype(np.int64)
        self._first = np.cumsum(self._segments) - self._segments
        rows = np.unique(owner)
        points = np.bincount(owner, minlength=len(areas))[rows]
        self._x[rows] = np.bincount(owner, x, len(areas))[rows] / points
        self._y[rows] = np.bincount(owner, y, len(areas))[rows] / points
        np.maximum.at(self._outer, owner, np.hypot(x - self._x[owner], y - self._y[owner]))
        self._outer[rows] += self._half[rows]
        polygons = np.flatnonzero(self._filled)
        shapes = np.array([self._plane.shape(areas[i]) for i in polygons.tolist()], dtype=object)
        self.reach[polygons] = 2 * shapely.area(shapes) / shapely.length(shapes)

    def _metres(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        lon = np.array([point.lon for point in points], dtype=np.float64)
        return self._plane.to_metres(lon, np.array([point.lat for point in points], dtype=np.float64))
