"""Alerts into incidents, whichever road they came: in order for one key, beside each other for different ones."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Protocol, TypeVar

import structlog

from alerts.routing import Directory, recipients
from haechi.domain.alerting import Alert
from haechi.domain.deliveries import Recipient
from haechi.domain.incidents import Incident, told_where
from haechi.domain.people import Person
from haechi.domain.scene import Scene
from haechi.failpoints import failpoint
from haechi.store.incidents import Applied, Route

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Incidents(Protocol):
    """What is asked of `haechi.store.incidents.Incidents`."""

    async def identified(self, alert: Alert) -> Alert: ...
    async def apply_alert(self, alert: Alert, route: Route, *, scene: Scene | None) -> Applied: ...


class People(Directory, Protocol):
    """What is asked of `haechi.store.slices.RecipientsSlice`."""

    def get(self, row_id: str) -> Person | None: ...
    async def read_through(self, row_id: str) -> Person | None: ...


class Scenery(Protocol):
    """What is asked of `alerts.scenes.Scenes`."""

    async def of(self, alert: Alert, *, person: bool) -> Scene: ...


class AlertIntake:
    """Applies alerts; who is told is decided here, from the slice of the registry that this process follows."""

    def __init__(self, incidents: Incidents, people: People, scenes: Scenery) -> None:
        self._incidents = incidents
        self._people = people
        self._scenes = scenes

    async def apply(self, alert: Alert) -> Applied:
        """One alert, committed when it returns. TransientError while PostgreSQL is away."""
        alert = await self._incidents.identified(alert)
        await self._people.read_through(alert.subject)  # somebody registered a moment ago, with their guardians
        scene = await self._scene(alert)
        failpoint("alerts.before_commit")
        applied = await self._incidents.apply_alert(alert, self._route, scene=scene)
        failpoint("alerts.after_commit")
        return applied

    async def _scene(self, alert: Alert) -> Scene | None:
        if alert.action == "clear" or not told_where(alert):
            return None
        try:
            return await self._scenes.of(alert, person=self._people.get(alert.subject) is not None)
        except Exception:
            # An alert opens with what is at hand: no defect of a map or of a camera's row may stop an SOS.
            log.exception("intake.no_scene", alert=alert.id, kind=alert.kind)
            return None

    async def apply_all(self, alerts: Iterable[Alert]) -> None:
        """Several; raises the first error when all have ended."""
        await in_order(alerts, lambda alert: (alert.kind, alert.subject, alert.place), self.apply)

    def _route(self, incident: Incident) -> tuple[Recipient, ...]:
        return recipients(incident, self._people)


async def in_order(items: Iterable[T], key: Callable[[T], Hashable], do: Callable[[T], Awaitable[object]]) -> None:
    """`do` every item: those of one key one after the other, the keys at the same time.

    Raises the first error when all have ended; after an error the rest of its key is left.
    """
    queues: dict[Hashable, list[T]] = {}
    for item in items:
        queues.setdefault(key(item), []).append(item)

    async def each(queue: list[T]) -> None:
        for item in queue:
            await do(item)

    for ended in await asyncio.gather(*(each(queue) for queue in queues.values()), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
