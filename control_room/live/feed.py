"""Keeps the world present: one reader per source and process, however many walls look on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from control_room.live.sources import Changes, Districts, LiveReader, OpenIncidents, Registry
from control_room.live.world import World
from haechi.clock import Clock
from haechi.errors import TransientError

OPEN_AT_MOST = 500  # of a district, the most urgent; the rest waits in the table and is counted by nobody's eye
LIVE_S = 1.0
EVERYONE_S = 5.0
AGAIN_S = 1.0
AWAY_S = 4.0

_log = structlog.get_logger(__name__)


class Away(msgspec.Struct, frozen=True):
    """A source (`words`: source.*) that has not answered since then."""

    what: str
    since: datetime


class Feed:
    """Reads incidents by their change feed, and states, positions and counts from Redis."""

    def __init__(
        self,
        world: World,
        registry: Registry,
        incidents: OpenIncidents,
        changes: Changes,
        deliveries: Changes,
        live: LiveReader,
        districts: Districts,
        clock: Clock,
    ) -> None:
        self._world = world
        self._registry = registry
        self._incidents = incidents
        self._changes = changes
        self._deliveries = deliveries
        self._live = live
        self._districts = districts
        self._clock = clock
        self._live_at = clock()

    async def run(self) -> None:
        """For ever; a source that is away is tried again each second."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again(self._follow_incidents))
            tasks.create_task(self._again(self._follow_deliveries))
            tasks.create_task(self._again(self._follow_live))
            tasks.create_task(self._again(self._count_everyone))

    def away(self) -> tuple[Away, ...]:
        """What on the wall is old now, and since when."""
        now = self._clock()
        ages = {
            "incidents": max(self._changes.age, self._deliveries.age),
            "registry": self._registry.age,
            "live": (now - self._live_at).total_seconds(),
        }
        return tuple(
            Away(what, now - timedelta(seconds=min(age, 86_400.0))) for what, age in ages.items() if age > AWAY_S
        )

    async def _again(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except TransientError as error:
                _log.warning("a source of the wall is away", error=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _follow_incidents(self) -> None:
        await self._changes.start()
        found = [await self._incidents.most_urgent(district, OPEN_AT_MOST) for district in await self._districts()]
        self._world.replace_incidents(incident for some in found for incident in some)
        async for changed in self._changes.changes():
            self._world.put_incidents(changed)

    async def _follow_deliveries(self) -> None:
        await self._deliveries.start()
        async for changed in self._deliveries.changes():
            self._world.put_incidents(changed)

    async def _follow_live(self) -> None:
        while True:
            self._world.put_running(await self._live.heartbeats())
            self._world.put_camera_states(await self._live.camera_states())
            self._world.put_positions(await self._live.positions(self._world.subjects))
            self._live_at = self._clock()
            await asyncio.sleep(LIVE_S)

    async def _count_everyone(self) -> None:
        while True:
            people = [person.id for person in self._registry.people.values()]
            self._world.put_everyone(await self._live.positions(people), self._clock())
            await asyncio.sleep(EVERYONE_S)
