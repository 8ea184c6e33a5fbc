"""Our own doors, as their ticks show them: what was not heard because *we* could not hear is nobody's silence.

A door (a process that ticks) that is missing may take its devices with it. Those who have been heard since it went
evidently speak through another one, and are watched on; of the others nothing is decided until it is back, and then
their silence counts from its return. The same rule covers all doors missing at once, and a restart of ours: ticks lie
in the stream between the reports, so a worker that reads them late sees the same time pass as one that reads them live.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.time import Tick, micros_of

SECOND = 1_000_000
_SLACK = 2 * SECOND  # a report may come through a door just after its last tick
FORGET_AFTER = 24 * 3600 * SECOND
MOST_DOORS = 64
_GONE = ""  # what is left of the doors that were forgotten


class DoorSeen(msgspec.Struct, frozen=True, array_like=True):
    """One producer of ticks, microseconds since 1970. `left` and `back` are its last tick before, and its first after,
    its last absence; `empty` is whether its spool is; `told` is whether the desk thinks that it is away. `ahead_s` is by how
    many seconds its clock is ahead, where that is too much; the desk was told so of the tick at `ahead_told` (0: was not)."""

    name: str
    at: int
    left: int
    back: int
    empty: bool
    told: bool = False
    ahead_s: float = 0.0
    ahead_told: int = 0


class Doors:
    """Those of one partition. `missing_after_s`: a door without a tick for so long is away."""

    def __init__(self, missing_after_s: float = 30, kept: Sequence[DoorSeen] = ()) -> None:
        self._missing_after = int(missing_after_s * SECOND)
        self._doors: dict[str, DoorSeen] = {}
        self.load(kept)

    @property
    def now(self) -> int:
        """The newest tick; 0 before the first."""
        return max((door.at for door in self._doors.values()), default=0)

    @property
    def spools_empty(self) -> bool:
        """No door that is there holds anything back; False until each had the time to speak."""
        there = [door for door in self._doors.values() if not self.is_away(door)]
        listened = max((door.at - door.back for door in there), default=0)
        return listened >= self._missing_after and all(door.empty for door in there)

    def all(self) -> tuple[DoorSeen, ...]:
        """Every door that is or was there, by name."""
        return tuple(self._doors[name] for name in sorted(self._doors) if name != _GONE)

    def is_away(self, door: DoorSeen) -> bool:
        """Whether it has not ticked for too long."""
        return door.name != _GONE and self.now - door.at > self._missing_after

    def is_missed(self, door: DoorSeen) -> bool:
        """Whether another one has ticked for too long without it. When all were away (Kafka was), the first to be back is
        no reason to miss the others."""
        alone = max(other.at - max(other.back, door.at) for other in self._doors.values())
        return alone > self._missing_after

    def hear(self, tick: Tick) -> None:
        """Take a tick; an older one than the door's last is nothing new."""
        at, known = micros_of(tick.at), self._doors.get(tick.producer)
        if known is None:
            # The first of all: what was before we listened is nobody's silence.
            left = 0 if self._doors else at
            self._doors[tick.producer] = DoorSeen(tick.producer, at, left, at, tick.spool_empty, ahead_s=tick.ahead_s)
        elif at > known.at:
            was_away = at - known.at > self._missing_after
            left, back = (known.at, at) if was_away else (known.left, known.back)
            self._doors[tick.producer] = msgspec.structs.replace(
                known, at=at, left=left, back=back, empty=tick.spool_empty, ahead_s=tick.ahead_s
            )
        self._forget()

    def hears_nothing_new(self, tick: Tick) -> bool:
        """Whether the tick says only that time passes, so that whose silence counts is the same before it and after."""
        at, known = micros_of(tick.at), self._doors.get(tick.producer)
        there = [door for door in self._doors.values() if door.name != _GONE and not self.is_away(door)]
        stay = all(door.empty and at - door.at <= self._missing_after for door in there)
        return known in there and tick.spool_empty and stay

    def tell(self, door: DoorSeen, away: bool) -> None:
        """The desk was told that it is away, or that it is back."""
        self._doors[door.name] = msgspec.structs.replace(self._doors[door.name], told=away)

    def tell_ahead(self, door: DoorSeen, at: int) -> None:
        """The desk was told that its clock is ahead (`at`), or that it is right again (0)."""
        self._doors[door.name] = msgspec.structs.replace(self._doors[door.name], ahead_told=at)

    def counts_from(self, heard: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) from when the silence of devices last heard at `heard` counts; `now` where nothing can be said."""
        start, now = heard.copy(), self.now
        for door in self._doors.values():
            np.maximum(start, door.back, out=start, where=heard <= door.left + _SLACK)
            if self.is_away(door):
                np.maximum(start, now, out=start, where=heard <= door.at + _SLACK)
            elif not door.empty:
                start[:] = np.maximum(start, now)
        return start

    def dump(self) -> tuple[DoorSeen, ...]:
        """What `load` takes back."""
        return tuple(self._doors[name] for name in sorted(self._doors))

    def load(self, kept: Sequence[DoorSeen]) -> None:
        """Of several that were kept at different times the newest is taken: it has seen what the others have."""
        if max((door.at for door in kept), default=0) > self.now:
            self._doors = {door.name: door for door in kept}

    def _forget(self) -> None:
        """A door that was taken out of service for good; the silence of those who spoke through it counts from now."""
        oldest = sorted(self.all(), key=lambda door: door.at)
        for place, door in enumerate(oldest):
            if self.now - door.at > FORGET_AFTER or place < len(oldest) - MOST_DOORS:
                del self._doors[door.name]
                self._doors[_GONE] = DoorSeen(_GONE, door.at, door.at, self.now, empty=True)
