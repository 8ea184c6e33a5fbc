"""Who saw and did what, to whom, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from haechi.store.postgres import Pool, translate_errors


class AuditEntry(msgspec.Struct, frozen=True):
    """One line; `subject` is what it was done to, such as people:<id>."""

    at: datetime
    who: str
    what: str
    subject: str
    district: str | None
    reason: str


_INSERT = "INSERT INTO audit (who, what, subject, district, reason) VALUES ($1, $2, $3, $4, $5)"


async def write_entry(
    connection: Any,  # asyncpg has no types
    who: str,
    what: str,
    subject: str,
    district: str | None,
    reason: str = "",
) -> None:
    """One line, in the transaction of the connection (or pool) that is given."""
    await connection.execute(_INSERT, who, what, subject, district, reason)


class Audit:
    """Only ever added to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, who: str, what: str, subject: str, district: str | None, reason: str = "") -> None:
        """One line, at the database's clock."""
        with translate_errors():
            await write_entry(self._pool, who, what, subject, district, reason)

    async def looked(self, who: str, subjects: Sequence[str], district: str, reason: str = "") -> None:
        """One line for each that was looked at."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await connection.executemany(
                    _INSERT, [(who, "looked at", subject, district, reason) for subject in subjects]
                )

    async def recent(self, district: str, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT at, who, what, subject, district, reason FROM audit "
                "WHERE district = $1 ORDER BY at DESC, id DESC LIMIT $2",
                district,
                limit,
            )
        return [AuditEntry(*row) for row in rows]
