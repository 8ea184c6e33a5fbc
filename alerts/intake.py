"""Alerts into incidents, whichever road they came: in order for one key, beside each other for different ones."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Protocol, TypeVar

from alerts.routing import Directory, recipients
from haechi.domain.alerting import Alert, Incident, Recipient
from haechi.domain.people import Person
from haechi.failpoints import failpoint
from haechi.store.incidents import Applied, Route

T = TypeVar("T")


class Incidents(Protocol):
    """What is asked of `haechi.store.incidents.Incidents`."""

    async def apply_alert(self, alert: Alert, route: Route) -> Applied: ...


class People(Directory, Protocol):
    """What is asked of `haechi.store.slices.RecipientsSlice`."""

    async def read_through(self, row_id: str) -> Person | None: ...


class Intake:
    """Applies alerts; who is told is decided here, from the slice of the registry that this process follows."""

    def __init__(self, incidents: Incidents, people: People) -> None:
        self._incidents = incidents
        self._people = people

    async def apply(self, alert: Alert) -> Applied:
        """One alert, committed when it returns. TransientError while PostgreSQL is away."""
        await self._people.read_through(alert.subject)  # somebody registered a moment ago
        failpoint("alerts.before_commit")
        applied = await self._incidents.apply_alert(alert, self._route)
        failpoint("alerts.after_commit")
        return applied

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
