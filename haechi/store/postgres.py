"""PostgreSQL: a pool that opens lazily, notifications as hints, migrations in plain SQL, errors in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from haechi.config import PostgresSettings


class Hint:
    """The notifications of one channel for one waiter; they may be missed, so whoever waits also polls."""

    async def wait(self, timeout_s: float) -> bool:
        """Whether there was a notification since the last wait; returns at `timeout_s` at the latest."""
        raise NotImplementedError


class Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """An asyncpg pool in which UUIDs are `str` and JSON is text, with one more connection that listens."""

    def hint(self, channel: str) -> Hint:
        raise NotImplementedError


async def open_pool(settings: PostgresSettings | str, *, size: int | None = None) -> Pool:
    """A pool of at most `size` connections. It connects when first used, so that a start needs no PostgreSQL."""
    raise NotImplementedError


@contextmanager
def translate_errors() -> Iterator[None]:
    """Connection errors, a full pool, a shutdown, a deadlock become TransientError in words."""
    raise NotImplementedError
    yield


async def migrate(url: str) -> list[str]:
    """Apply what is new of `migrations/*.sql`, in order of name, under an advisory lock; the names applied now."""
    raise NotImplementedError
