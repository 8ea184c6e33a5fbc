"""Evidence (pictures, clips) by SHA-256 on a folder or S3; who refers to it and who locked it are rows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256 as digest_of
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore.exceptions
from obstore.store import LocalStore, from_url

from haechi.config import Settings
from haechi.errors import ConfigError, NotFound, PermanentError, TransientError
from haechi.store.postgres import Pool, translate_errors

_NAME = re.compile(r"[0-9a-f]{64}")
_NONE_LEFT = """
SELECT sha256 FROM evidence_references r
WHERE expires_at <= clock_timestamp() AND NOT EXISTS (SELECT 1 FROM evidence_locks l WHERE l.sha256 = r.sha256)
GROUP BY sha256 ORDER BY sha256 LIMIT $1
"""
_DROP_EXPIRED = "DELETE FROM evidence_references WHERE sha256 = $1 AND expires_at <= clock_timestamp()"
_KEPT = """
SELECT EXISTS (SELECT 1 FROM evidence_references WHERE sha256 = $1)
    OR EXISTS (SELECT 1 FROM evidence_locks WHERE sha256 = $1)
"""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))"


class Evidence:
    """Objects under `file:///folder` or `s3://bucket/prefix`, named by the SHA-256 of their bytes."""

    def __init__(self, url: str) -> None:
        try:
            self._store = _folder(url) if url.startswith("file:") else from_url(url)
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise ConfigError(
                f"HAECHI_EVIDENCE__URL '{url}' cannot be used: {_first_line(error)}. It is file:///folder or "
                "s3://bucket/prefix."
            ) from error

    async def put(self, data: bytes) -> str:
        """The object's name: 64 hex digits. The same bytes again change nothing; a crash leaves no half object."""
        name = digest_of(data).hexdigest()
        with _translate_errors(name):
            await self._store.put_async(_path(name), data)
        return name

    async def get(self, sha256: str) -> bytes:
        """NotFound; PermanentError when the bytes are no longer what they were."""
        path = _path(sha256)
        with _translate_errors(sha256):
            result = await self._store.get_async(path)
            data = bytes(await result.bytes_async())
        if digest_of(data).hexdigest() != sha256:
            raise PermanentError(f"The evidence {sha256} was altered where it is stored; it is not what was put there.")
        return data

    async def delete(self, sha256: str) -> None:
        """Gone afterwards, also if it was before."""
        path = _path(sha256)
        try:
            with _translate_errors(sha256):
                await self._store.delete_async(path)
        except NotFound:
            return


def _folder(url: str) -> LocalStore:
    """Made where it is not there, for its owner alone: there are people in the pictures, and they are not sealed."""
    Path(url2pathname(urlsplit(url).path)).mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore.from_url(url)


def _path(sha256: str) -> str:
    if not _NAME.fullmatch(sha256):
        raise NotFound(f"'{sha256[:80]}' is no evidence's name; 64 hex digits are.")
    return f"{sha256[:2]}/{sha256}"


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (obstore.exceptions.NotFoundError, FileNotFoundError) as error:
        raise NotFound(f"There is no evidence {name}.") from error
    except (obstore.exceptions.BaseError, OSError) as error:
        raise TransientError(f"The evidence store is away: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def open_evidence(settings: Settings) -> Evidence:
    """The store of the settings: `evidence.url`, else a folder below the data folder."""
    return Evidence(settings.evidence.url or (settings.data / "evidence").resolve().as_uri())


class EvidenceRows:
    """References, and the locks of whoever keeps the database (docs/privacy.md). Refer first, then put: what is referred to is
    not collected in between."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def refer(self, sha256: str, owner: str, expires_at: datetime | None) -> None:
        """`owner` (incident:<id>, camera:<id>) needs the object until then (None: until an end is set)."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_ONE_AT_A_TIME, sha256)
                await connection.execute(
                    "INSERT INTO evidence_references (sha256, owner, expires_at) VALUES ($1, $2, $3) "
                    "ON CONFLICT (sha256, owner) DO UPDATE SET expires_at = excluded.expires_at",
                    sha256,
                    owner,
                    expires_at,
                )

    async def collect(self, evidence: Evidence, limit: int = 1000) -> int:
        """Delete what has neither a living reference nor a lock; how many objects went.

        The object goes before its rows: after a crash in between, the next collection finds it again.
        """
        with translate_errors():
            names = [row["sha256"] for row in await self._pool.fetch(_NONE_LEFT, limit)]
            gone = 0
            for name in names:
                async with self._pool.acquire() as connection, connection.transaction():
                    await connection.execute(_ONE_AT_A_TIME, name)
                    if await connection.fetchval("SELECT 1 FROM evidence_locks WHERE sha256 = $1 LIMIT 1", name):
                        continue  # locked meanwhile
                    await connection.execute(_DROP_EXPIRED, name)
                    if not await connection.fetchval(_KEPT, name):
                        await evidence.delete(name)
                        gone += 1
        return gone
