"""What is kept of positions: the trail in PostgreSQL, and the newest of each person in the live store."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from analytics.live_positions import LivePositions
from haechi.domain.people import PositionBatch
from haechi.store.trail import Trail


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
