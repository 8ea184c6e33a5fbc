"""Who saw and did what, to whom, and why."""

from datetime import datetime

import asyncpg
import msgspec


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

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def write(self, who: str, what: str, subject: str, district: str | None, reason: str = "") -> None:
        raise NotImplementedError

    async def recent(self, district: str, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        raise NotImplementedError
