"""The change feed of incidents: read below pg_snapshot_xmin, so that a transaction that commits late is not skipped."""

from collections.abc import AsyncIterator
from typing import Literal

import asyncpg

from haechi.domain.alerting import Incident


class ChangeFeed:
    """Incidents that changed (or, of `deliveries`, whose deliveries did). A PostgreSQL that is away only delays it."""

    def __init__(self, pool: asyncpg.Pool, table: Literal["incidents", "deliveries"] = "incidents") -> None:
        self._pool = pool
        self._table = table

    async def start(self) -> None:
        """Fix where the feed starts (now); then read what is there, then `changes`: nothing falls in between."""
        raise NotImplementedError

    def changes(self) -> AsyncIterator[list[Incident]]:
        """For ever; polls every 0.5 s and at once after a hint. Yields non-empty lists."""
        raise NotImplementedError

    @property
    def age(self) -> float:
        """Seconds since PostgreSQL last answered; infinite before it ever did."""
        raise NotImplementedError
