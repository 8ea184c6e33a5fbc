"""Evidence (pictures, clips) by SHA-256 on a folder or S3; who refers to it and who locked it are rows."""

from datetime import datetime

import asyncpg


class Evidence:
    """Objects under `file:///folder` or `s3://bucket/prefix`, named by the SHA-256 of their bytes."""

    def __init__(self, url: str) -> None:
        raise NotImplementedError

    async def put(self, data: bytes) -> str:
        """The object's name: 64 hex digits. The same bytes again change nothing."""
        raise NotImplementedError

    async def get(self, sha256: str) -> bytes:
        """NotFound; PermanentError when the bytes are no longer what they were."""
        raise NotImplementedError

    async def delete(self, sha256: str) -> None:
        """Gone afterwards, also if it was before."""
        raise NotImplementedError


class EvidenceRows:
    """References and locks. Refer first, then put: what is referred to is not collected in between."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def refer(self, sha256: str, owner: str, expires_at: datetime | None) -> None:
        """`owner` (incident:<id>, camera:<id>) needs the object until then (None: until released)."""
        raise NotImplementedError

    async def lock(self, sha256: str, by: str, reason: str) -> None:
        """Kept whatever expires."""
        raise NotImplementedError

    async def unlock(self, sha256: str, by: str) -> None:
        raise NotImplementedError

    async def collect(self, evidence: Evidence, limit: int = 1000) -> int:
        """Delete what has neither a living reference nor a lock; how many objects went."""
        raise NotImplementedError
