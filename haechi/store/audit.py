"""Who saw and did what, to whom, and why."""

from datetime import datetime

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


class Audit:
    """Only ever added to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, who: str, what: str, subject: str, district: str | None, reason: str = "") -> None:
        """One line, at the database's clock."""
        with translate_errors():
            await self._pool.execute(
                "INSERT INTO audit (who, what, subject, district, reason) VALUES ($1, $2, $3, $4, $5)",
                who,
                what,
                subject,
                district,
                reason,
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
