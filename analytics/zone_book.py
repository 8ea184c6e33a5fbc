"""The zones as arrays: whose they are, how far a place is from each, and whether their schedule holds."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from haechi.domain.geo import Circle, Corridor, LocalPlane, Point
from haechi.domain.people import SafeZone
from haechi.domain.schedule import due_since, holds
from haechi.domain.time import micros_of

MINUTE_US = 60_000_000
_MINUTES_KEPT = 64

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Timetable(msgspec.Struct, frozen=True):
    """One minute: (z + 1,) whether each zone's schedule holds, and since when somebody is expected there (µs, 0: nobody)."""

    active: NDArray[np.bool_]
    due: NDArray[np.int64]


class ZoneBook:
    """An immutable snapshot of the zones; a change of the registry makes a new one.

    `forbidden`, `everyones`, `notices`, `expects`, `scheduled` (z + 1,) are what a zone is; the last entry, which row −1
    finds, is False: no zone.
    `reach` (z,) metres is about the radius inside: a fix less accurate than that cannot say that somebody is in the zone.
    `inner_m`: how far inside the edge one must be to have entered; less where the zone is small.
    """

    def __init__(
        self,
        zones: Iterable[SafeZone],
        *,
        inner_m: float = 10.0,
        district_of: Callable[[str], str | None] | None = None,
    ) -> None:
        self.zones = tuple(zones)
        self.index = {zone.id: i for i, zone in enumerate(self.zones)}
        self._district_of = district_of
        self.plane = LocalPlane(_anchor(self.zones[0]) if self.zones else Point(0, 0))
        self.forbidden = self._flags(lambda zone: zone.kind == "forbidden")
        self.everyones = self._flags(lambda zone: not zone.people)
        self.notices = self._flags(lambda zone: zone.notices)
        self.expects = self._flags(lambda zone: zone.expected_by is not None)
        self.scheduled = self._flags(lambda zone: bool(zone.schedule))
        self._read_shapes(inner_m)
        self._read_people()
        self._read_schedules()

    def of(self, person: str) -> tuple[int, ...]:
        """The rows of the zones of a person: their own, and those of everyone in their district."""
        own = self._of.get(person, ())
        if not self._everyones:
            return tuple(own)
        if self._district_of is None:
            return (*own, *(row for rows in self._everyones.values() for row in rows))
        return (*own, *self._everyones.get(self._district_of(person) or "", ()))

    def distance(self, row: Rows, x: Floats, y: Floats, near: Floats) -> Floats:
        """(n,) metres from each zone's edge, negative inside; x, y (n,) in metres of `plane`.

        Exact between the inner edge and `near` (n,) metres outside; beyond them only the side is.
        """
        centre = np.hypot(x - self._x[row], y - self._y[row])
        distance: Floats = centre - self._outer[row]  # a circle's, and never more than the distance of any other shape
        if self._round:
            return distance
        inside = centre - self._within[row]  # never less than the distance
        sure = inside < -self.inner[row]
        rest = np.flatnonzero(~self._circle[row] & ~sure & (distance <= near))
        distance = np.where(sure, inside, distance)
        if len(rest):
            zone, points = row[rest], shapely.points(x[rest], y[rest])
            exact = shapely.distance(self._shapes[zone], points)
            deep = (exact == 0) & (shapely.distance(self._inner_shapes[zone], points) == 0)
            distance[rest] = np.where(deep, -self.inner[zone], exact)
        return distance

    def at(self, at: int) -> Timetable:
        """What holds in the minute of `at` (microseconds since 1970)."""
        minute = at // MINUTE_US
        table = self._minutes.get(minute)
        if table is None:
            while len(self._minutes) >= _MINUTES_KEPT:
                del self._minutes[next(iter(self._minutes))]
            table = self._minutes[minute] = self._timetable(minute)
        return table

    def active(self, zone: Rows, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n, k) whether each zone holds at each row's time (n,); False where `zone` is −1."""
        if not self.scheduled.any():
            return zone >= 0
        minutes, which = np.unique(at // MINUTE_US, return_inverse=True)
        table = np.stack([self.at(int(minute) * MINUTE_US).active for minute in minutes])
        held: NDArray[np.bool_] = table[which[:, np.newaxis], zone]
        return held

    def _flags(self, of: Callable[[SafeZone], bool]) -> NDArray[np.bool_]:
        return np.array([*(of(zone) for zone in self.zones), False], dtype=bool)

    def _read_shapes(self, inner_m: float) -> None:
        count = len(self.zones)
        self._circle = np.array([isinstance(zone.area, Circle) for zone in self.zones], dtype=bool)
        self._round = bool(self._circle.all())
        self._shapes = np.full(count, None, dtype=object)
        self._inner_shapes = np.full(count, None, dtype=object)
        self._x, self._y, self._outer, self._within = np.zeros((4, count))
        self.reach, self.inner = np.zeros((2, count))
        circles = [zone.area for zone in self.zones if isinstance(zone.area, Circle)]
        lon, lat = (np.array([getattr(circle.centre, name) for circle in circles]) for name in ("lon", "lat"))
        self._x[self._circle], self._y[self._circle] = self.plane.to_metres(lon, lat)
        self._outer[self._circle] = self._within[self._circle] = [circle.radius_m for circle in circles]
        self.reach[self._circle] = self._outer[self._circle]
        rest = np.flatnonzero(~self._circle)
        if len(rest):
            self._read_polygons(rest)
        self.inner = np.minimum(inner_m, self.reach / 4)
        if len(rest):
            inner = shapely.buffer(self._shapes[rest], -self.inner[rest], quad_segs=4)
            self._inner_shapes[rest] = np.where(shapely.is_empty(inner), self._shapes[rest], inner)
            shapely.prepare(self._shapes[rest])
            shapely.prepare(self._inner_shapes[rest])

    def _read_polygons(self, rest: Rows) -> None:
        shapes = np.array([self.plane.shape(self.zones[row].area) for row in rest], dtype=object)
        centre = shapely.centroid(shapes)
        self._shapes[rest] = shapes
        self._x[rest], self._y[rest] = shapely.get_x(centre), shapely.get_y(centre)
        self._outer[rest] = shapely.hausdorff_distance(centre, shapes) + 1
        held = shapely.contains(shapes, centre)
        self._within[rest] = np.where(held, shapely.distance(shapely.boundary(shapes), centre), 0)
        self.reach[rest] = 2 * shapely.area(shapes) / shapely.length(shapes)

    def _read_people(self) -> None:
        of: dict[str, list[int]] = defaultdict(list)
        everyones: dict[str, list[int]] = defaultdict(list)
        for row, zone in enumerate(self.zones):
            for person in zone.people:
                of[person].append(row)
            if not zone.people:
                everyones[zone.district].append(row)
        self._of, self._everyones = dict(of), dict(everyones)

    def _read_schedules(self) -> None:
        """Zones with the same hours share one line of the timetable."""
        lines: dict[object, int] = {}
        keys = [(zone.schedule, zone.holidays, zone.expected_by) for zone in self.zones]
        self._line = np.array([lines.setdefault(key, len(lines)) for key in keys], dtype=np.int64)
        self._lines = [(schedule, frozenset(holidays), by) for schedule, holidays, by in dict.fromkeys(keys)]
        self._minutes: dict[int, Timetable] = {}

    def _timetable(self, minute: int) -> Timetable:
        moment = datetime.fromtimestamp(minute * 60, UTC)
        active = np.array([holds(schedule, moment, holidays) for schedule, holidays, _ in self._lines], dtype=bool)
        due = [by and due_since(schedule, by, moment, holidays) for schedule, holidays, by in self._lines]
        since = np.array([micros_of(instant) if instant else 0 for instant in due], dtype=np.int64)
        return Timetable(np.append(active[self._line], False), np.append(since[self._line], 0))


def _anchor(zone: SafeZone) -> Point:
    if isinstance(zone.area, Circle):
        return zone.area.centre
    return zone.area.line[0] if isinstance(zone.area, Corridor) else zone.area.rings[0][0]
