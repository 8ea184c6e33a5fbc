"""The newest position of each person, written to the live store each second; a picture of now, never a record."""

import asyncio
from collections.abc import Callable, Collection

import numpy as np
import structlog
from prometheus_client import CollectorRegistry, Counter

from haechi.domain.people import PositionBatch
from haechi.errors import TransientError
from haechi.store.live import LastFix, Live

Refusing = Callable[[Collection[str]], frozenset[str]]  # those of the people who may not be shown now

_WAITING = 50_000
_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class LivePositions:
    """Keeps the newest per person until the next write. Full, or with the store away, what waits is replaced or
    dropped, and counted: the next fix of the person makes it good."""

    def __init__(self, live: Live, registry: CollectorRegistry, refusing: Refusing) -> None:
        self._live = live
        self._refusing = refusing
        self._leaving: set[str] = set()
        self._waiting: dict[str, LastFix] = {}
        self._away = False
        self._dropped = Counter("haechi_live_positions_dropped_total", "Positions not shown live", registry=registry)

    def offer(self, batch: PositionBatch, persons: frozenset[str]) -> None:
        """The newest row of each person in the batch, of those who may be shown."""
        for person, fix in newest(batch).items():
            if person not in persons:
                continue
            known = self._waiting.get(person)
            if known is None and len(self._waiting) >= _WAITING:
                self._dropped.inc()
            elif known is None or known.order <= fix.order:
                self._waiting[person] = fix

    def forget(self, person: str) -> None:
        """A person may no longer be shown: what waits, and what is there."""
        self._leaving.add(person)

    async def write_forever(self) -> None:
        """Each second, what is new."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """What waits, and whoever leaves goes; while the store is away it is said once."""
        waiting, self._waiting = self._waiting, {}
        leaving, self._leaving = self._leaving, set()
        refusing = self._refusing(waiting.keys() | leaving)
        for person in refusing & waiting.keys():
            del waiting[person]
        try:
            await self._live.put_positions(waiting)
            await self._live.forget_positions(refusing)
            if self._away:
                log.warning("live.back")
            self._away = False
        except TransientError as error:
            self._leaving |= leaving
            self._dropped.inc(len(waiting))
            if not self._away:
                log.warning("live.away", reason=str(error))
            self._away = True


def newest(batch: PositionBatch) -> dict[str, LastFix]:
    """Of each person in the batch the newest row."""
    if not len(batch):
        return {}
    when = np.minimum(batch.at, batch.received)  # as LastFix.order
    order = np.lexsort((when, batch.person))
    last = order[np.r_[np.diff(batch.person[order]) != 0, True]]
    columns = (
        [batch.devices[i] for i in batch.device[last].tolist()],
        *(
            column[last].tolist()
            for column in (
                batch.at,
                batch.received,
                batch.lon,
                batch.lat,
                batch.accuracy,
                batch.speed,
                batch.course,
                batch.battery,
            )
        ),
    )
    persons = (batch.persons[i] for i in batch.person[last].tolist())
    return {person: LastFix(*row) for person, row in zip(persons, zip(*columns, strict=True), strict=True)}
