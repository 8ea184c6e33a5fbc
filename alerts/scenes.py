"""The scene of an alert, from what is at hand: it is asked for before an incident opens, and may never hold one up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter

from haechi.clock import utc_now
from haechi.domain.alerting import Alert
from haechi.domain.coverage import CameraSite, Coverage
from haechi.domain.people import Position
from haechi.domain.places import Gazetteer
from haechi.domain.scene import Scene, scene_of
from haechi.errors import TransientError
from haechi.patience import within

log = structlog.get_logger(__name__)

# An SOS has 150 ms in all. Redis answers in one; what is not here by then is left out, and counted.
PATIENCE_S = 0.05
_WARM_S = 1.0
_NOBODY = str(UUID(int=0))


class LastPositions(Protocol):
    """What is asked of `haechi.store.live.Live`."""

    async def positions(self, persons: Iterable[str]) -> Mapping[str, Position]: ...


class LastFixes(Protocol):
    """What is asked of `haechi.store.last_fixes.LastFixes`."""

    async def before(self, person: str, until: datetime) -> tuple[Position, ...]: ...


class Sites(Protocol):
    """What is asked of `haechi.store.slices.CameraSitesSlice`."""

    def values(self) -> list[CameraSite]: ...
    @property
    def version(self) -> int: ...


class Scenes:
    """Looks up the last position and the fixes before it, at the same time; place and cameras come from memory."""

    def __init__(
        self,
        live: LastPositions,
        trail: LastFixes,
        sites: Sites,
        gazetteer: Gazetteer,
        registry: CollectorRegistry,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._live = live
        self._trail = trail
        self._gazetteer = gazetteer
        self._coverage = _newest_coverage(sites)
        self._patience_s = patience_s
        self._missed = Counter(
            "haechi_scenes_incomplete_total", "Alerts whose last fixes were not all had in time", registry=registry
        )

    async def warm(self) -> None:
        """The first look after a start takes long (connections, plans): it is nobody's. What is away stays away."""
        await self._look(_NOBODY, utc_now(), _WARM_S)

    async def of(self, alert: Alert, *, person: bool) -> Scene:
        """Never raises and never waits longer than the patience; `person`: the subject is one, with positions."""
        fixes = alert.because.fixes
        coverage = self._coverage()
        point, accuracy_m = alert.point, alert.accuracy_m
        if point is None and (site := coverage.get(alert.subject)) is not None:
            point, accuracy_m = site.location, 0.0
        seen_at = fixes[-1].seen_at if fixes else alert.starts_at
        if point is None:  # of a press that came late, where they have gone since says more than where they were
            seen_at = alert.decided_at
        if person:
            fixes = (*fixes, *await self._last(alert.subject, seen_at))
        battery = dict(alert.because.values).get("battery")
        return scene_of(point, accuracy_m, seen_at, fixes, battery, alert.district, self._gazetteer, coverage)

    async def _last(self, person: str, until: datetime) -> tuple[Position, ...]:
        found = await self._look(person, until, self._patience_s)
        if None in found:
            self._missed.inc()
        return tuple(fix for part in found for fix in part or ())

    async def _look(self, person: str, until: datetime, seconds: float) -> list[tuple[Position, ...] | None]:
        looks = self._live_position(person), self._trail.before(person, until)
        return await asyncio.gather(*(_in_time(look, seconds) for look in looks))

    async def _live_position(self, person: str) -> tuple[Position, ...]:
        found = (await self._live.positions([person])).get(person)
        return () if found is None else (found,)


async def _in_time(looking: Awaitable[tuple[Position, ...]], seconds: float) -> tuple[Position, ...] | None:
    try:
        return await within(seconds, looking)
    except (TransientError, TimeoutError) as error:
        log.warning("scene.incomplete", reason=str(error) or "no answer in time")
        return None


def _newest_coverage(sites: Sites) -> Callable[[], Coverage]:
    """Made anew only when the slice has changed."""
    version, coverage = -1, Coverage(())

    def newest() -> Coverage:
        nonlocal version, coverage
        if sites.version != version:
            version, coverage = sites.version, Coverage(sites.values())
        return coverage

    return newest
