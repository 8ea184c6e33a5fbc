"""How far places are from the edges of many areas at once: plain arithmetic on line segments, no object per zone."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from haechi.domain.geo import Area, Circle, Corridor, LocalPlane, Point

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# A middle and how far the edge is from it at most; `half` a corridor's width; `segments` of its lines from the `first` on,
# none of a circle; `filled` polygons. One record each, because each is looked at somewhere else.
_AREA = np.dtype(
    [
        ("x", "<f8"),
        ("y", "<f8"),
        ("outer", "<f8"),
        ("reach", "<f8"),
        ("half", "<f8"),
        ("first", "<i8"),
        ("segments", "<i4"),
        ("filled", "?"),
    ],
    align=True,
)


class Edges:
    """The edges of (z,) areas in metres of `plane`.

    A circle is its centre and radius. A corridor is a line of segments with half a width; a polygon the segments of all
    its rings, with inside and outside by the crossings of a ray (even–odd). `reach` (z,) metres is about the radius
    inside: a circle's radius, a corridor's width, twice a polygon's area over the length of its edge.
    """

    def __init__(self, plane: LocalPlane, areas: Sequence[Area]) -> None:
        self._plane = plane
        self._areas: NDArray[Any] = np.zeros(len(areas), dtype=_AREA)
        self._read_circles(areas)
        self._read_lines(areas)

    @property
    def reach(self) -> Floats:
        reach: Floats = self._areas["reach"]
        return reach

    def with_more(self, more: "Edges") -> "Edges":
        """The areas of both, in the same plane; those of `more` come after ours."""
        both, ours, theirs = copy(self), vars(self), vars(more)
        areas = np.append(ours["_areas"], theirs["_areas"])
        areas["first"][len(ours["_areas"]) :] += len(ours["_lines"])
        vars(both).update(_areas=areas, _lines=np.concatenate([ours["_lines"], theirs["_lines"]]))
        return both

    def distance(self, row: Rows, x: Floats, y: Floats, near: Floats) -> Floats:
        """(n,) metres from each area's edge to (n,) places, negative inside; exact as far as `near` (n,) metres outside,
        and never more than the truth beyond."""
        area = self._areas.take(row)
        distance: Floats = np.hypot(x - area["x"], y - area["y"]) - area["outer"]
        close = np.flatnonzero((area["segments"] > 0) & (distance <= near))
        if len(close):
            distance[close] = self._to_lines(area.take(close), x[close], y[close])
        return distance

    def _to_lines(self, area: NDArray[Any], x: Floats, y: Floats) -> Floats:
        count = area["segments"]
        starts = np.cumsum(count) - count
        which = np.repeat(np.arange(len(area)), count)
        segment = np.arange(len(which)) + (area["first"] - starts)[which]
        ax, ay, by, dx, dy, length2 = self._lines.take(segment, axis=0).T
        px, py = x[which] - ax, y[which] - ay
        along = np.clip((px * dx + py * dy) / length2, 0, 1)
        to_edge: Floats = np.minimum.reduceat(np.hypot(px - along * dx, py - along * dy), starts)
        filled: NDArray[np.bool_] = area["filled"]
        outside: Floats = to_edge - area["half"]
        if not filled.any():
            return outside
        crosses = (y[which] < ay) != (y[which] < by)  # a corner belongs to one of its two segments
        right = px * np.abs(dy) < py * dx * np.sign(dy)
        inside = np.add.reduceat((crosses & right).astype(np.int64), starts) % 2 == 1
        return np.where(filled & inside, -to_edge, outside)

    def _read_circles(self, areas: Sequence[Area]) -> None:
        found = [(i, area) for i, area in enumerate(areas) if isinstance(area, Circle)]
        rows = np.array([i for i, _ in found], dtype=np.int64)
        self._areas["x"][rows], self._areas["y"][rows] = self._metres([area.centre for _, area in found])
        for name in ("reach", "outer"):
            self._areas[name][rows] = [area.radius_m for _, area in found]

    def _read_lines(self, areas: Sequence[Area]) -> None:
        known = self._areas
        paths: list[Sequence[Point]] = []
        of: list[int] = []
        for i, area in enumerate(areas):
            if isinstance(area, Circle):
                continue
            if isinstance(area, Corridor):
                known["half"][i], known["reach"][i] = area.width_m / 2, area.width_m
            known["filled"][i] = not isinstance(area, Corridor)
            for path in (area.line,) if isinstance(area, Corridor) else area.rings:
                paths.append(path)
                of.append(i)
        x, y = self._metres([point for path in paths for point in path])
        owner = np.repeat(np.array(of, dtype=np.int64), [len(path) for path in paths])
        path_of = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
        within = np.flatnonzero(path_of[1:] == path_of[:-1])  # from a point to the next of the same path
        dx, dy = x[within + 1] - x[within], y[within + 1] - y[within]
        length2 = np.maximum(dx * dx + dy * dy, 1e-9)
        self._lines = np.stack([x[within], y[within], y[within + 1], dx, dy, length2], axis=1)  # (segments, 6)
        known["segments"] = np.bincount(owner[within], minlength=len(areas))
        known["first"] = np.cumsum(known["segments"]) - known["segments"]
        rows = np.unique(owner)
        points = np.bincount(owner, minlength=len(areas))[rows]
        known["x"][rows] = np.bincount(owner, x, len(areas))[rows] / points
        known["y"][rows] = np.bincount(owner, y, len(areas))[rows] / points
        np.maximum.at(known["outer"], owner, np.hypot(x - known["x"][owner], y - known["y"][owner]))
        known["outer"][rows] += known["half"][rows]
        polygons = np.flatnonzero(known["filled"])
        shapes = np.array([self._plane.shape(areas[i]) for i in polygons.tolist()], dtype=object)
        known["reach"][polygons] = 2 * shapely.area(shapes) / shapely.length(shapes)

    def _metres(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        lon = np.array([point.lon for point in points], dtype=np.float64)
        return self._plane.to_metres(lon, np.array([point.lat for point in points], dtype=np.float64))
