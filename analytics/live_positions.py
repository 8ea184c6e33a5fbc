"""The newest position of each person, written to the live store a batch at a time; a picture of now, never a record."""

import asyncio

import msgspec
import numpy as np
import structlog
from prometheus_client import CollectorRegistry, Counter

from haechi.domain.geo import Point
from haechi.domain.people import Position, PositionBatch
from haechi.domain.time import instant_of
from haechi.errors import TransientError
from haechi.store.live import Live

_WAITING = 20_000
_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class LivePositions:
    """Keeps the newest per person until the next write. Full, or with the store away, what waits is replaced or
    dropped, and counted: the next fix of the person makes it good."""

    def __init__(self, live: Live, registry: CollectorRegistry) -> None:
        self._live = live
        self._waiting: dict[str, tuple[PositionBatch, int]] = {}
        self._dropped = Counter("haechi_live_positions_dropped_total", "Positions not shown live", registry=registry)

    def offer(self, batch: PositionBatch) -> None:
        """The newest row of each person in the batch."""
        order = np.lexsort((batch.at, batch.person))
        last = order[np.r_[np.diff(batch.person[order]) != 0, True]] if len(batch) else order
        for row in last.tolist():
            person = batch.persons[int(batch.person[row])]
            if person not in self._waiting and len(self._waiting) >= _WAITING:
                self._dropped.inc()
                continue
            known = self._waiting.get(person)
            if known is None or known[0].at[known[1]] <= batch.at[row]:
                self._waiting[person] = batch, row

    async def write_forever(self) -> None:
        """Each second, what is new; while the store is away it is said once."""
        away = False
        while True:
            await asyncio.sleep(_EVERY_S)
            waiting, self._waiting = self._waiting, {}
            if not waiting:
                continue
            try:
                await self._live.put_positions(
                    [(person, msgspec.json.encode(_position(*row))) for person, row in waiting.items()]
                )
                away = False
            except TransientError as error:
                self._dropped.inc(len(waiting))
                if not away:
                    log.warning("live.away", reason=str(error))
                away = True


def _position(batch: PositionBatch, row: int) -> Position:
    return Position(
        device=batch.devices[int(batch.device[row])],
        person=batch.persons[int(batch.person[row])],
        at=instant_of(batch.at[row]),
        received_at=instant_of(batch.received[row]),
        point=Point(float(batch.lon[row]), float(batch.lat[row])),
        accuracy_m=_known(batch.accuracy[row]),
        speed=_known(batch.speed[row]),
        course=_known(batch.course[row]),
        battery=_known(batch.battery[row]),
    )


def _known(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)
