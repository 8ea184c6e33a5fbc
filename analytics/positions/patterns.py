"""Who has to be looked at because other zones hold for them than when they last were."""

import numpy as np
from numpy.typing import NDArray

from analytics.positions.fusion import Bools
from analytics.positions.zone_table import ZoneTable
from analytics.zone_book import MINUTE_US, ZoneBook

People = NDArray[np.int64]

# One weight per column, by which a pattern of phases becomes one number.
_WEIGHTS = np.random.default_rng(7).integers(1, 2**61, 4096)


def pattern(phase: NDArray[np.int8]) -> NDArray[np.int64]:
    """(p,) a number for the phases (p, k) of somebody's zones."""
    number: NDArray[np.int64] = (phase * _WEIGHTS[: phase.shape[1]]).sum(axis=1)
    return number


class Patterns:
    """What is remembered in `table.people` against what holds; everybody's patterns of one minute are kept at hand.

    `of` is what those follow from: the book, the number of changes of the table, the minute.
    """

    def __init__(self, table: ZoneTable) -> None:
        self._table = table
        self.of: tuple[ZoneBook, int, int] | None = None
        self._everybodys: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def begin(self, now: int) -> None:
        """Have those of the minute of `now` (microseconds since 1970) at hand."""
        table = self._table
        of = (table.book, table.changes, now // MINUTE_US)
        if self.of != of:
            lines = table.book.line[table.stakes["zone"]]
            self.of, self._everybodys = of, pattern(table.book.at(now).phase[lines])

    def stale(self, people: People, at: NDArray[np.int64]) -> Bools:
        """(p,) who has to be looked at, each at their time."""
        stale: Bools = self._now(people, at) != self._table.people["pattern"][people]
        return stale

    def all_stale(self) -> People:
        """Whoever has to be looked at in the minute that has begun."""
        people = self._table.people
        stale: People = np.flatnonzero(people["placed"] & (people["pattern"] != self._everybodys))
        return stale

    def _now(self, people: People, at: NDArray[np.int64]) -> NDArray[np.int64]:
        table = self._table
        if self.of is not None and self.of[:2] == (table.book, table.changes):
            minute = self.of[2] * MINUTE_US
            if np.all((at >= minute) & (at < minute + MINUTE_US)):
                return self._everybodys[people]
        return pattern(table.book.phase(table.stakes["zone"][people], at))
