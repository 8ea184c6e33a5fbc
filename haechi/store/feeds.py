"""The change feed of incidents: read below pg_snapshot_xmin, so that a transaction that commits late is not skipped."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Literal

import structlog

from haechi.domain.incidents import Incident
from haechi.errors import TransientError
from haechi.store.incidents import decode_incident
from haechi.store.postgres import Pool, snapshot_of, translate_errors

POLL_S = 0.5
log = structlog.get_logger()

# Rows written by the transactions from $1 on that have ended, and everything before them has.
_CHANGED = "changed >= $1::text::xid8 AND changed < $2::text::xid8"
_QUERIES = {
    "incidents": f"SELECT body FROM incidents WHERE {_CHANGED} ORDER BY changed, number",  # noqa: S608 - constants
    "deliveries": "SELECT body FROM incidents WHERE id IN "  # noqa: S608 - constants
    f"(SELECT incident_id FROM deliveries WHERE {_CHANGED}) ORDER BY number",
}


class ChangeFeed:
    """Incidents that changed (or, of `deliveries`, whose deliveries did). A PostgreSQL that is away only delays it."""

    def __init__(
        self,
        pool: Pool,
        table: Literal["incidents", "deliveries"] = "incidents",
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._query = _QUERIES[table]
        self._hint = pool.hint("incidents" if table == "incidents" else "outbox")
        self._monotonic = monotonic
        self._cursor: int | None = None
        self._confirmed: float | None = None

    async def start(self) -> None:
        """Fix where the feed starts (now); then read what is there, then `changes`: nothing falls in between."""
        with translate_errors():
            self._cursor, _ = await snapshot_of(self._pool)
        self._confirmed = self._monotonic()

    async def changes(self) -> AsyncIterator[list[Incident]]:
        """For ever; polls every 0.5 s and at once after a hint. Yields non-empty lists."""
        away = False
        while True:
            try:
                incidents = await self._read()
                if away:
                    log.warning("changes of incidents are read again")
                away = False
                if incidents:
                    yield incidents
            except TransientError as error:
                if not away:
                    log.warning("changes of incidents cannot be read", why=str(error))
                away = True
            await self._hint.wait(POLL_S)

    @property
    def age(self) -> float:
        """Seconds since PostgreSQL last answered; infinite before it ever did."""
        return float("inf") if self._confirmed is None else self._monotonic() - self._confirmed

    async def _read(self) -> list[Incident]:
        if self._cursor is None:
            await self.start()
        with translate_errors():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                xmin, _ = await snapshot_of(connection)
                rows = await connection.fetch(self._query, str(self._cursor), str(xmin))
        self._cursor = xmin
        self._confirmed = self._monotonic()
        return [decode_incident(row["body"]) for row in rows]
