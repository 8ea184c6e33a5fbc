"""Waiting no longer than one has time, whoever does not let go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What `work` gives; TimeoutError after so many seconds. Then it is cancelled, and left to end by itself.

    `asyncio.timeout` would wait until it has ended. Of a PostgreSQL that takes requests and does not answer, asyncpg lets go
    after ten seconds, and in a transaction after thirty.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_seen)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def one_of(slots: asyncio.Semaphore, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, begun when there is a slot for it, which it holds until it has ended."""
    async with slots:
        return await work()


def _seen(task: "asyncio.Future[T]") -> None:
    """Whoever waits still gets its error; where nobody does any more, it is no news."""
    if not task.cancelled():
        task.exception()
