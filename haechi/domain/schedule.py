"""When something holds: weekly windows in a time zone, and what becomes of them on holidays."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OnHolidays = Literal["rests", "holds", "as-usual"]
_WEEK = 8  # days
_MOMENT = timedelta(microseconds=1)


class Window(msgspec.Struct, frozen=True):
    """From `start` to `end` (not included) by the clock of `tz` on `days`; an end before the start is next morning.

    On a holiday it rests (a school's), holds whatever day of the week it is (a Sunday's, or one without `days`), or goes
    on as usual. A window that goes past midnight belongs to the day on which it starts.
    """

    tz: str
    days: tuple[Day, ...]
    start: time
    end: time
    on_holidays: OnHolidays = "rests"

    def holds(self, at: datetime, holidays: AbstractSet[date] = frozenset()) -> bool:
        """Whether the instant lies in the window. `start == end` is the whole day."""
        return self.began(at, holidays) is not None

    def began(self, at: datetime, holidays: AbstractSet[date] = frozenset()) -> date | None:
        """The local day on which the window that holds at the instant started; None where none holds."""
        local = at.astimezone(ZoneInfo(self.tz))
        today, clock = local.date(), local.time()
        if self.start == self.end:
            return today if self.on(today, holidays) else None
        if self.start < self.end:
            return today if self.start <= clock < self.end and self.on(today, holidays) else None
        if clock >= self.start and self.on(today, holidays):
            return today
        yesterday = today - timedelta(days=1)
        return yesterday if clock < self.end and self.on(yesterday, holidays) else None

    def edges(self, around: datetime, holidays: AbstractSet[date]) -> Iterator[datetime]:
        """The instants, about a week before and after, at which it may begin or end."""
        zone = ZoneInfo(self.tz)
        today = around.astimezone(zone).date()
        for day in (today + timedelta(days=days) for days in range(-_WEEK, _WEEK + 1)):
            if self.on(day, holidays):
                last = day + timedelta(days=1) if self.end <= self.start else day
                for on, clock in ((day, self.start), (last, self.end)):
                    for fold in (0, 1):  # an hour that summer time repeats comes twice
                        yield datetime.combine(on, clock.replace(fold=fold), zone).astimezone(UTC)

    def on(self, day: date, holidays: AbstractSet[date]) -> bool:
        """Whether the window starts on the day."""
        if day in holidays and self.on_holidays != "as-usual":
            return self.on_holidays == "holds"
        return DAYS[day.weekday()] in self.days


Schedule = tuple[Window, ...]


class Span(msgspec.Struct, frozen=True):
    """Whether a schedule holds at an instant, since when it has been so, and until when; None: for about a week or more."""

    holds: bool
    since: datetime | None = None
    until: datetime | None = None


def holds(schedule: Schedule, at: datetime, holidays: AbstractSet[date] = frozenset()) -> bool:
    """Whether any window holds at the instant; an empty schedule always holds."""
    return not schedule or any(window.holds(at, holidays) for window in schedule)


def span(schedule: Schedule, at: datetime, holidays: AbstractSet[date] = frozenset()) -> Span:
    """What holds at the instant, and for how long: windows that meet are one."""
    now = holds(schedule, at, holidays)
    edges = sorted({edge for window in schedule for edge in window.edges(at, holidays)})
    before = (edge for edge in reversed(edges) if edge <= at and holds(schedule, edge - _MOMENT, holidays) != now)
    after = (edge for edge in edges if edge > at and holds(schedule, edge, holidays) != now)
    return Span(now, next(before, None), next(after, None))


def due_since(schedule: Schedule, by: time, at: datetime, holidays: AbstractSet[date] = frozenset()) -> datetime | None:
    """The instant at which somebody had to be there: `by` the clock of the first window that holds now and has reached
    it; None while nothing is due. Past midnight, `by` before the window's start is next morning."""
    for window in schedule:
        day = window.began(at, holidays)
        if day is None:
            continue
        if by < window.start:
            day += timedelta(days=1)
        due = datetime.combine(day, by, ZoneInfo(window.tz)).astimezone(UTC)
        if due <= at:
            return due
    return None
