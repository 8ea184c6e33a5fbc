"""The zones as arrays: whose they are, how far a place is from each, and whether their schedule holds."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.edges import Edges
from haechi.domain.geo import Circle, Corridor, LocalPlane, Point
from haechi.domain.people import SafeZone
from haechi.domain.schedule import due_since, holds
from haechi.domain.time import micros_of

MINUTE_US = 60_000_000
_MINUTES_KEPT = 64

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
    `inner` (z,): how far inside the edge one must be to have entered, `inner_m` or less where the zone is small.
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
        self.edges = Edges(self.plane, [zone.area for zone in self.zones])
        self.reach = self.edges.reach
        self.inner = np.minimum(inner_m, self.reach / 4)
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
