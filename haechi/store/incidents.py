"""Incidents: the only way they change. One transaction writes the incident, its trail and its outbox."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from haechi.domain.alerting import Alert, Command, DeliveryView, Incident, IncidentEvent, Recipient

Route = Callable[[Incident], Sequence[Recipient]]


class Applied(msgspec.Struct, frozen=True):
    """What an alert did; `ignored` has no incident when there is none that it belongs to."""

    incident: Incident | None
    outcome: Literal["opened", "changed", "same", "ignored"]


class Incidents:
    """The incident table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def apply_alert(self, alert: Alert, route: Route, at: datetime | None = None) -> Applied:
        """Open, change or leave the incident that the alert belongs to; `at` None is the database's clock.

        A repeated alert (also of a closed incident) is `same`; a clear or update without an open incident `ignored`.
        """
        raise NotImplementedError

    async def apply_command(self, incident_id: str, district: str, command: Command) -> Incident:
        """What a person does. NotFound; Conflict in words when the step is not possible.

        Closing cancels what is still being retried; acknowledging cancels nothing.
        """
        raise NotImplementedError

    async def get(self, incident_id: str, district: str) -> Incident:
        """NotFound if there is none in the district."""
        raise NotImplementedError

    async def trail(self, incident_id: str) -> list[IncidentEvent]:
        """In order."""
        raise NotImplementedError

    async def deliveries(self, incident_id: str) -> list[DeliveryView]:
        """In order of creation."""
        raise NotImplementedError

    async def recent(
        self, district: str, *, open_only: bool = False, limit: int = 100, before: datetime | None = None
    ) -> list[Incident]:
        """Newest first, those opened before `before`."""
        raise NotImplementedError
