"""The zones as arrays: whose they are, how far a place is from each, and whether their schedule holds."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.edges import Edges
from haechi.domain.geo import Circle, Corridor, LocalPlane, Point
from haechi.domain.people import SafeZone
from haechi.domain.schedule import Schedule, due_since, span
from haechi.domain.time import instant_of, micros_of

MINUTE_US = 60_000_000
EARLY_US = 60 * MINUTE_US
"""Whoever comes to a place so long before its window begins has come for it."""
WEEK_US = 7 * 24 * 60 * MINUTE_US
EVER = 2**62
_MINUTES_KEPT = 64
_SPANS_KEPT = 4

RESTS, SOON, HOLDS = 0, 1, 2
"""A schedule does not hold, does not hold but begins within `EARLY_US`, holds."""

Rows = NDArray[np.int64]


class Timetable(msgspec.Struct, frozen=True):
    """One minute of all zones (z + 1,): the `phase` of each schedule, since and until when it holds, or does not (µs; a week
    at most, or 0 and EVER: always), and since when somebody is expected there (µs, 0: nobody)."""

    phase: NDArray[np.int8]
    since: NDArray[np.int64]
    until: NDArray[np.int64]
    due: NDArray[np.int64]


class _Span(NamedTuple):
    """A `haechi.domain.schedule.Span` in microseconds."""

    holds: bool
    since: int
    until: int


class _Line(msgspec.Struct):
    """The hours that some zones share, and what was read of them last."""

    schedule: Schedule
    holidays: frozenset[date]
    by: time | None
    spans: tuple[_Span, ...] = ()

    def span(self, at: int) -> _Span:
        """What holds at an instant: read once, not each minute."""
        for known in self.spans:
            if known.since <= at < known.until:
                return known
        read = span(self.schedule, instant_of(at), self.holidays)
        if self.schedule:
            since = micros_of(read.since) if read.since else at - WEEK_US
            until = micros_of(read.until) if read.until else at + WEEK_US
            new = _Span(read.holds, since, until)
        else:
            new = _Span(True, 0, EVER)
        self.spans = (new, *self.spans[: _SPANS_KEPT - 1])
        return new


class ZoneBook:
    """An immutable snapshot of the zones; a change of the registry makes a new one.

    `safe`, `forbidden`, `everyones`, `notices`, `expects`, `scheduled` (z + 1,) are what a zone is; the last entry, which
    row −1 finds, is False: no zone.
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
        self.safe = self._flags(lambda zone: zone.kind == "safe")
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

    def phase(self, zone: Rows, at: NDArray[np.int64]) -> NDArray[np.int8]:
        """(n, k) of RESTS, SOON, HOLDS: each zone's schedule at each row's time (n,); RESTS where `zone` is −1."""
        if not self.scheduled.any():
            return np.where(zone >= 0, HOLDS, RESTS).astype(np.int8)
        return self._gathered(zone, at, "phase")

    def hours(self, zone: Rows, at: NDArray[np.int64]) -> Timetable:
        """The same with all that the timetable says, each (n, k)."""
        return Timetable(*(self._gathered(zone, at, name) for name in Timetable.__struct_fields__))

    def _gathered(self, zone: Rows, at: NDArray[np.int64], name: str) -> NDArray[Any]:
        minutes, which = np.unique(at // MINUTE_US, return_inverse=True)
        table = np.stack([getattr(self.at(int(minute) * MINUTE_US), name) for minute in minutes])
        gathered: NDArray[Any] = table[which[:, np.newaxis], zone]
        return gathered

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
        self._lines = [_Line(schedule, frozenset(holidays), by) for schedule, holidays, by in dict.fromkeys(keys)]
        self._minutes: dict[int, Timetable] = {}

    def _timetable(self, minute: int) -> Timetable:
        at, moment = minute * MINUTE_US, datetime.fromtimestamp(minute * 60, UTC)
        spans = [line.span(at) for line in self._lines]
        phase = [HOLDS if one.holds else SOON if one.until - at <= EARLY_US else RESTS for one in spans]
        due = [line.by and due_since(line.schedule, line.by, moment, line.holidays) for line in self._lines]
        return Timetable(
            self._by_zone(phase, RESTS).astype(np.int8),
            self._by_zone([one.since for one in spans], 0),
            self._by_zone([one.until for one in spans], EVER),
            self._by_zone([micros_of(instant) if instant else 0 for instant in due], 0),
        )

    def _by_zone(self, of_lines: Sequence[int], nowhere: int) -> NDArray[np.int64]:
        return np.append(np.array(of_lines, dtype=np.int64)[self._line], nowhere)


def _anchor(zone: SafeZone) -> Point:
    if isinstance(zone.area, Circle):
        return zone.area.centre
    return zone.area.line[0] if isinstance(zone.area, Corridor) else zone.area.rings[0][0]
