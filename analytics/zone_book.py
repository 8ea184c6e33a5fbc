"""The zones as arrays: whose they are, how far a place is from each, and whether their schedule holds."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
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
    """One minute, of the lines of hours or of zones: the `phase` of each schedule, since and until when it holds, or does not (µs; a week
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


_FLAGS = ("safe", "forbidden", "everyones", "notices", "expects", "scheduled")
_CHANGES_KEPT = 256
_NOWHERE = _Line((), frozenset(), None, (_Span(False, 0, EVER),))


class ZoneBook:
    """An immutable snapshot of the zones; `changed` makes the next one.

    A zone's row is its for good: one that changed gets a new row after all others, and the old one, which nobody has any
    more, still says what it was.

    `keys` (z) are the id and the version of each, as they are kept.
    `safe`, `forbidden`, `everyones`, `notices`, `expects`, `scheduled` (z + 1,) are what a zone is; the last entry, which
    row −1 finds, is False: no zone.
    `reach` (z,) metres is about the radius inside: a fix less accurate than that cannot say that somebody is in the zone.
    `first` is the book whose rows this one goes on with, `number` counts from there; `changes` are the people whom each of
    the last changes concerns (None: anybody), the newest last.
    """

    def __init__(
        self,
        zones: Iterable[SafeZone],
        *,
        inner_m: float = 10.0,
        district_of: Callable[[str], str | None] | None = None,
        plane: LocalPlane | None = None,
    ) -> None:
        self.zones = tuple(zones)
        self.keys = [(zone.id, zone.version) for zone in self.zones]
        self.index = {zone.id: i for i, zone in enumerate(self.zones)}
        self._inner_m = inner_m
        self._district_of = district_of
        self.plane = plane or LocalPlane(_anchor(self.zones[0]) if self.zones else Point(0, 0))
        self.safe = self._flags(lambda zone: zone.kind == "safe")
        self.forbidden = self._flags(lambda zone: zone.kind == "forbidden")
        self.everyones = self._flags(lambda zone: not zone.people)
        self.notices = self._flags(lambda zone: zone.notices)
        self.expects = self._flags(lambda zone: zone.expected_by is not None)
        self.scheduled = self._flags(lambda zone: bool(zone.schedule))
        self.edges = Edges(self.plane, [zone.area for zone in self.zones])
        self.reach = self.edges.reach
        self._read_people()
        self._read_schedules()
        self.first = self
        self.number = 0
        self.changes: tuple[frozenset[str] | None, ...] = ()

    def changed(self, zones: Mapping[str, SafeZone | None], people: Iterable[str] = ()) -> "ZoneBook":
        """The book after these zones were changed, added or (None) removed, and these people came to other districts.

        It costs a copy of arrays, and work for what changed. When most rows are nobody's any more, all is read anew.
        """
        gone = {row for zone in zones if (row := self.index.get(zone)) is not None}
        fresh = [zone for zone in zones.values() if zone is not None]
        if not self.zones or len(self.zones) - len(self.index) > len(self.index):
            kept = [zone for zone_id, row in self.index.items() if zone_id not in zones for zone in (self.zones[row],)]
            return ZoneBook([*kept, *fresh], inner_m=self._inner_m, district_of=self._district_of)
        touched = [*fresh, *(self.zones[row] for row in gone)]
        everybody = any(not zone.people for zone in touched)
        concerned = frozenset(people).union(*(zone.people for zone in touched))
        book = copy(self)
        book.changes = (*self.changes[1 - _CHANGES_KEPT :], None if everybody else concerned)
        book.number += 1
        if touched:
            book._read_more(fresh, gone, concerned)  # noqa: SLF001 - a book that nobody has seen yet
        return book

    def concerned(self, before: "ZoneBook") -> Collection[str] | None:
        """The people whose zones may be others than in the book `before` this one; None: anybody's."""
        ago = self.number - before.number
        if before.first is not self.first or not 0 <= ago <= len(self.changes):
            return None
        found: set[str] = set()
        for people in self.changes[len(self.changes) - ago :]:
            if people is None:
                return None
            found |= people
        return found

    def inner(self, reach: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) metres inside the edge where one has entered a zone of such a `reach`: `inner_m`, or less where it is small."""
        return np.minimum(self._inner_m, reach / 4)

    def of(self, person: str) -> tuple[int, ...]:
        """The rows of the zones of a person: their own, and those of everyone in their district."""
        own = self._of.get(person, ())
        if not self._everyones:
            return tuple(own)
        if self._district_of is None:
            return (*own, *(row for rows in self._everyones.values() for row in rows))
        return (*own, *self._everyones.get(self._district_of(person) or "", ()))

    def at(self, at: int) -> Timetable:
        """What holds in the minute of `at` (microseconds since 1970), by the `line` of each zone's hours."""
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
        (phase,) = self._gathered(zone, at, ("phase",))
        return phase

    def hours(self, zone: Rows, at: NDArray[np.int64]) -> Timetable:
        """The same with all that the timetable says, each (n, k)."""
        return Timetable(*self._gathered(zone, at, Timetable.__struct_fields__))

    def _gathered(self, zone: Rows, at: NDArray[np.int64], names: Iterable[str]) -> list[NDArray[Any]]:
        minutes, which = np.unique(at // MINUTE_US, return_inverse=True)
        # Where nobody is asked for, any minute gives the types and the shape without rows.
        tables = [self.at(int(minute) * MINUTE_US) for minute in minutes] or [self.at(0)]
        rows, line = which[:, np.newaxis], self.line[zone]
        return [np.stack([getattr(table, name) for table in tables])[rows, line] for name in names]

    def _flags(self, of: Callable[[SafeZone], bool]) -> NDArray[np.bool_]:
        return np.array([*(of(zone) for zone in self.zones), False], dtype=bool)

    def _read_people(self) -> None:
        self._of: dict[str, tuple[int, ...]] = {}
        self._everyones: dict[str, tuple[int, ...]] = {}
        self._add_people(self.zones, 0)

    def _add_people(self, zones: Iterable[SafeZone], first: int) -> None:
        of: dict[str, list[int]] = defaultdict(list)
        everyones: dict[str, list[int]] = defaultdict(list)
        for row, zone in enumerate(zones, first):
            for person in zone.people:
                of[person].append(row)
            if not zone.people:
                everyones[zone.district].append(row)
        for known, more in ((self._of, of), (self._everyones, everyones)):
            known.update({key: (*known.get(key, ()), *rows) for key, rows in more.items()})

    def _read_more(self, fresh: Sequence[SafeZone], gone: Collection[int], owners: Iterable[str]) -> None:
        """Take the fresh zones after the others, and let the people have no more what is gone."""
        more, first = ZoneBook(fresh, inner_m=self._inner_m, plane=self.plane), len(self.zones)
        self.zones += more.zones
        self.keys = self.keys + more.keys
        lost = {self.zones[row].id for row in gone}
        self.index = dict(self.index)
        for zone in lost:
            del self.index[zone]
        self.index.update({zone: first + row for zone, row in more.index.items()})
        for name in _FLAGS:
            setattr(self, name, np.append(getattr(self, name)[:-1], getattr(more, name)))
        self.edges = self.edges.with_more(more.edges)
        self.reach = self.edges.reach
        self._of, self._everyones = dict(self._of), dict(self._everyones)
        for rows_of, keys in ((self._of, owners), (self._everyones, list(self._everyones))):
            for key in keys:
                rows_of[key] = tuple(row for row in rows_of.get(key, ()) if row not in gone)
        self._add_people(fresh, first)
        self._read_hours(fresh, self.line[:-1])

    def _read_schedules(self) -> None:
        """Zones with the same hours share one line of the timetable."""
        self._lines: dict[object, _Line] = {None: _NOWHERE}
        self._read_hours(self.zones, np.zeros(0, dtype=np.int64))

    def _read_hours(self, zones: Iterable[SafeZone], before: NDArray[np.int64]) -> None:
        """The `line` of each of the zones after those before; the last one, which row −1 finds, is that of no zone."""
        numbers = {key: number for number, key in enumerate(self._lines)}
        lines = dict(self._lines)
        own = []
        for zone in zones:
            key = (zone.schedule, zone.holidays, zone.expected_by)
            if key not in lines:
                numbers[key] = len(lines)
                lines[key] = _Line(zone.schedule, frozenset(zone.holidays), zone.expected_by)
            own.append(numbers[key])
        self.line = np.concatenate([before, np.array([*own, 0], dtype=np.int64)])
        self._lines = lines
        self._minutes: dict[int, Timetable] = {}

    def _timetable(self, minute: int) -> Timetable:
        at, moment = minute * MINUTE_US, datetime.fromtimestamp(minute * 60, UTC)
        lines = self._lines.values()
        spans = [line.span(at) for line in lines]
        phase = [HOLDS if one.holds else SOON if one.until - at <= EARLY_US else RESTS for one in spans]
        due = [line.by and due_since(line.schedule, line.by, moment, line.holidays) for line in lines]
        return Timetable(
            np.array(phase, dtype=np.int8),
            np.array([one.since for one in spans], dtype=np.int64),
            np.array([one.until for one in spans], dtype=np.int64),
            np.array([micros_of(instant) if instant else 0 for instant in due], dtype=np.int64),
        )


def _anchor(zone: SafeZone) -> Point:
    if isinstance(zone.area, Circle):
        return zone.area.centre
    return zone.area.line[0] if isinstance(zone.area, Corridor) else zone.area.rings[0][0]
