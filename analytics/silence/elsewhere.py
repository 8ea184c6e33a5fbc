"""Who is missed in the other partitions, as they say every few seconds; and what ours has to say.

An area of five devices is spread over all partitions. Each decides about its own devices, and counts those of the others
with them, so that it groups the same ones. It travels in the stream as ticks do, so that a replay decides the same.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.silence.cells import EVERYWHERE
from haechi.domain.missed import Missed, MissedCell, MissedPart
from haechi.domain.time import instant_of, micros_of

SETTLED_AFTER = 10 * 1_000_000  # whoever misses somebody says so every five seconds
SAY_EVERY = 60 * 1_000_000  # whoever misses nobody
MOST = 10_000  # missed devices that one message tells of


class Beside(msgspec.Struct, frozen=True):
    """Of one district, all other partitions together: the area and the last word of each missed device (n,), and how many
    devices are watched in each area (EVERYWHERE is the district)."""

    cells: NDArray[np.int64]
    heard: NDArray[np.int64]
    watched: dict[int, int]

    def areas(self, everywhere: bool) -> NDArray[np.int64]:
        """(n,) the cells, or one area for all."""
        return np.full(len(self.cells), EVERYWHERE, dtype=np.int64) if everywhere else self.cells

    def others(self, area: int) -> int:
        """How many are watched there, beside the missed ones."""
        here = len(self.cells) if area == EVERYWHERE else int((self.cells == area).sum())
        return max(0, self.watched.get(area, 0) - here)

    def near(self, area: int, at: int, reach: int) -> int:
        """How many are missed there that were last heard about then."""
        here = np.abs(self.heard - at) <= reach
        return int(here.sum() if area == EVERYWHERE else (here & (self.cells == area)).sum())


class Elsewhere:
    """The other partitions of `positions`, as seen from `partition` of `partitions`. What each has said last holds."""

    def __init__(self, partition: int = 0, partitions: int = 1) -> None:
        self.partition = partition
        self._alone = partitions == 1
        self._said: dict[int, Missed] = {}
        self._heard_from = 0
        self._to_say: Missed | None = None
        self._quiet = False
        self._said_at = 0

    def hear(self, missed: Missed) -> None:
        """What a partition says now; our own is nothing new."""
        if missed.partition != self.partition:
            self._heard_from = self._heard_from or micros_of(missed.at)
            self._said[missed.partition] = missed

    def settled(self, now: int) -> bool:
        """Whether all have had the time to speak since we listen: before, who is missed elsewhere is not known."""
        return self._alone or (self._heard_from > 0 and now - self._heard_from >= SETTLED_AFTER)

    def beside(self, district: str) -> Beside:
        """All others together."""
        cells: list[int] = []
        heard: list[int] = []
        watched: dict[int, int] = {}
        for said in self._said.values():
            for part in (part for part in said.parts if part.district == district):
                watched[EVERYWHERE] = watched.get(EVERYWHERE, 0) + part.watched
                for one in part.cells:
                    watched[one.cell] = watched.get(one.cell, 0) + one.watched
                    cells += [one.cell] * len(one.missed)
                    heard += one.missed
        return Beside(np.array(cells, dtype=np.int64), np.array(heard, dtype=np.int64), watched)

    def asked(self, district: str) -> set[int]:
        """The cells in which somebody is missed elsewhere: whoever counts them wants to know how many we watch there."""
        return set(self.beside(district).cells.tolist())

    def say(self, now: int, parts: list[MissedPart]) -> None:
        """To the others; seldom, where there was nothing the last time either."""
        if parts or not self._quiet or now - self._said_at >= SAY_EVERY:
            self._said_at = now
            self._to_say = Missed(self.partition, instant_of(now), tuple(parts))
        self._quiet = not parts

    def take(self) -> Missed | None:
        """What is to be said, once."""
        said, self._to_say = self._to_say, None
        return said


def part_of(
    district: str, cells: NDArray[np.int64], heard: NDArray[np.int64], missed: NDArray[np.bool_], asked: set[int]
) -> MissedPart:
    """What there is to say of a district's watched devices (n,), where one is missed or a cell is asked for."""
    named = sorted({*cells[missed].tolist(), *(asked & set(cells.tolist()))})
    told = [
        MissedCell(one, int((cells == one).sum()), tuple(heard[missed & (cells == one)].tolist()[:MOST]))
        for one in named
    ]
    return MissedPart(district, len(cells), tuple(told))
