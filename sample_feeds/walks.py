"""Ways on foot through the district: the shortest one along the footways, and where a walker is on it."""

import heapq
import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from sample_feeds.district.map import District

XY = tuple[float, float]


@dataclass(frozen=True)
class Moment:
    """A person at one instant: metres of the district's plane, metres a second, degrees clockwise from north."""

    x: float
    y: float
    speed: float = 0.0
    course: float = 0.0


@dataclass(frozen=True)
class Walk:
    """A way through `points` (metres) at a steady `speed` (m/s), set out on at `begins` (seconds)."""

    begins: float
    points: tuple[XY, ...]
    speed: float

    @cached_property
    def _along(self) -> list[float]:
        along = [0.0]
        for a, b in zip(self.points, self.points[1:], strict=False):
            along.append(along[-1] + math.dist(a, b))
        return along

    @property
    def length(self) -> float:
        return self._along[-1]

    @property
    def ends(self) -> float:
        """When the walker arrives."""
        return self.begins + self.length / self.speed

    def at(self, seconds: float) -> Moment:
        """Where the walker is; before and after the walk at its ends, standing."""
        far = (seconds - self.begins) * self.speed
        if far <= 0:
            return Moment(*self.points[0])
        if far >= self.length:
            return Moment(*self.points[-1])
        k = bisect_right(self._along, far) - 1
        (ax, ay), (bx, by) = self.points[k], self.points[k + 1]
        share = (far - self._along[k]) / (self._along[k + 1] - self._along[k])
        course = math.degrees(math.atan2(bx - ax, by - ay)) % 360
        return Moment(ax + (bx - ax) * share, ay + (by - ay) * share, self.speed, course)

    def back(self, seconds: float) -> "Walk":
        """The walk back to where it began, turning round at an instant."""
        here = self.at(seconds)
        far = max(0.0, (seconds - self.begins) * self.speed)
        walked = [point for point, along in zip(self.points, self._along, strict=True) if along < far]
        return Walk(seconds, ((here.x, here.y), *reversed(walked or self.points[:1])), self.speed)


class Footways:
    """Shortest ways along sidewalks, crossings and paths; each is looked for once."""

    def __init__(self, district: District) -> None:
        self._from: dict[XY, list[tuple[tuple[XY, ...], float]]] = {}
        for way in district.ways:
            points = tuple(way.line.coords)
            self._from.setdefault(way.start, []).append((points, way.line.length))
            self._from.setdefault(way.end, []).append((points[::-1], way.line.length))
        self._nearest = district.nearest_node
        self._found: dict[tuple[XY, XY], tuple[XY, ...]] = {}

    def node(self, x: float, y: float) -> XY:
        """The place on the footways nearest to a point in metres."""
        return self._nearest(x, y)

    def way(self, start: XY, goal: XY) -> tuple[XY, ...]:
        """The points of the shortest way between two nodes, both included."""
        if (start, goal) not in self._found:
            self._found[start, goal] = self._search(start, goal)
        return self._found[start, goal]

    def _search(self, start: XY, goal: XY) -> tuple[XY, ...]:
        best: dict[XY, float] = {start: 0.0}
        came: dict[XY, tuple[XY, ...]] = {}
        queue = [(0.0, start)]
        while queue:
            far, node = heapq.heappop(queue)
            if node == goal:
                break
            for points, length in self._from[node]:
                total = far + length
                if total < best.get(points[-1], math.inf):
                    best[points[-1]], came[points[-1]] = total, points
                    heapq.heappush(queue, (total, points[-1]))
        found: tuple[XY, ...] = (goal,)
        while found[0] != start:
            found = came[found[0]][:-1] + found
        return found
