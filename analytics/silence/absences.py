"""A watch: which of our own doors is away while another one ticks, and whose clock is ahead. That none ticks is told by
`analytics.blindness`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Slots
from analytics.positions.doors import Doors
from analytics.positions.watch import Heard, Moment
from analytics.silence.words import Action, clock_alert, door_alert
from haechi.domain.alerting import Alert
from haechi.domain.time import instant_of


class Absences:
    """`analytics.positions.watch.Watch`. What was told is kept with the doors; ids follow from their ticks, so that every
    partition tells the same."""

    name = "doors"

    def __init__(self, doors: Doors, district: str) -> None:
        self._doors = doors
        self._district = district

    def tick(self, moment: Moment) -> list[Alert]:
        """Each door that went or came back, or whose clock went wrong or was put right."""
        return [*self._gone_or_back(moment.now), *self._clocks(moment.now)]

    def _clocks(self, now: int) -> list[Alert]:
        alerts = []
        for door in self._doors.all():
            if bool(door.ahead_s) == bool(door.ahead_told):
                continue
            since = door.at if door.ahead_s else door.ahead_told
            action: Action = "raise" if door.ahead_s else "clear"
            self._doors.tell_ahead(door, door.at if door.ahead_s else 0)
            alerts.append(
                clock_alert(action, door.name, self._district, door.ahead_s, instant_of(since), instant_of(now))
            )
        return alerts

    def _gone_or_back(self, now: int) -> list[Alert]:
        alerts = []
        for door in self._doors.all():
            away = self._doors.is_away(door) if door.told else self._doors.is_missed(door)
            if away == door.told:
                continue
            self._doors.tell(door, away)
            since, until = (door.at, now) if away else (door.left, door.back)
            action: Action = "raise" if away else "clear"
            alerts.append(door_alert(action, door.name, self._district, instant_of(since), instant_of(until)))
        return alerts

    def positions(self, _heard: Heard) -> list[Alert]:
        """Nothing."""
        return []

    def resize(self, room: int) -> None:
        """Nothing is kept of devices."""

    def holds(self, slots: Slots) -> NDArray[np.bool_]:
        """No device."""
        return np.zeros(len(slots), dtype=bool)

    def let_go(self, _slots: Slots, _now: int) -> list[Alert]:
        """Nothing."""
        return []

    def clear(self, slots: Slots) -> None:
        """Nothing is kept of devices."""

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """Nothing: the doors are kept by the partition."""
        return [b""] * len(shards)

    def load(self, slots: Slots, part: bytes) -> None:
        """Nothing."""
