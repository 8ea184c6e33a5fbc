"""When something holds: weekly windows in a time zone."""

from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(msgspec.Struct, frozen=True):
    """From `start` to `end` (not included) by the clock of `tz` on `days`; an end before the start is next morning."""

    tz: str
    days: tuple[Day, ...]
    start: time
    end: time

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in the window. `start == end` is the whole day."""
        local = at.astimezone(ZoneInfo(self.tz))
        today, clock = DAYS[local.weekday()], local.time()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        if self.start == self.end:
            return today in self.days
        yesterday = DAYS[(local - timedelta(days=1)).weekday()]
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)


Schedule = tuple[Window, ...]


def holds(schedule: Schedule, at: datetime) -> bool:
    """Whether any window holds at the instant; an empty schedule always holds."""
    return not schedule or any(window.holds(at) for window in schedule)
