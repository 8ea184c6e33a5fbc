"""What is kept of positions: the trail in PostgreSQL, and the newest of each person in the live store."""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter

from analytics.live_positions import LivePositions
from haechi.clock import Clock
from haechi.domain.people import PositionBatch
from haechi.errors import TransientError
from haechi.store.postgres import Pool
from haechi.store.trail import Trail
from haechi.store.trail_days import drop_days, make_days, window_at

_EVERY_S = 600.0

log = structlog.get_logger(__name__)


class Archive:
    """Keeps batches: first the trail, then what it says may be shown."""

    def __init__(self, trail: Trail, live: LivePositions, registry: CollectorRegistry) -> None:
        self._trail = trail
        self._live = live
        self._rows = Counter(
            "haechi_trail_rows_total", "Positions by what became of them", ("what",), registry=registry
        )

    async def keep(self, batches: Sequence[PositionBatch]) -> None:
        """Returns when they may be acknowledged; a second time has no second effect. As `Trail.keep`."""
        kept = await self._trail.keep(batches)
        for batch in batches:
            self._live.offer(batch, kept.persons)
        for what in ("new", "known", "unconsented", "outside"):
            self._rows.labels(what).inc(getattr(kept, what))


class Upkeep:
    """Looks after the days of the trail: those to come are made, those past the longest retention are dropped."""

    def __init__(self, pool: Pool, longest_days: int, clock: Clock) -> None:
        self._pool = pool
        self._longest_days = longest_days
        self._clock = clock

    async def once(self) -> None:
        """Makes, then drops; while PostgreSQL is away or busy it is tried again next time."""
        window = window_at(self._clock(), self._longest_days)
        try:
            await make_days(self._pool, window.newest_days())
            if gone := await drop_days(self._pool, window.oldest):
                log.info("trail.dropped", days=gone)
        except TransientError as error:
            log.warning("trail.upkeep_waits", reason=str(error))

    async def run(self) -> None:
        """For ever, every ten minutes."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_S)
