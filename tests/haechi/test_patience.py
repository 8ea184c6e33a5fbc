"""Nobody waits longer than they have time."""

import asyncio

import pytest

from haechi.errors import TransientError
from haechi.patience import within
from haechi.store.postgres import open_pool
from tests.cut import wire_to

LONG_S = 60


class Stubborn:
    """Work that does not end when it is cancelled, before it is let go."""

    def __init__(self) -> None:
        self.cancelled = False
        self.let_go = asyncio.Event()

    async def work(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            await self.let_go.wait()
            raise


async def test_work_that_does_not_let_go_is_cancelled_and_left() -> None:
    stubborn = Stubborn()
    with pytest.raises(TimeoutError):
        await within(0.01, stubborn.work())
    await asyncio.sleep(0)
    assert stubborn.cancelled
    stubborn.let_go.set()


async def test_who_is_cancelled_while_waiting_ends_at_once_and_so_does_the_work() -> None:
    stubborn = Stubborn()
    waiting = asyncio.create_task(within(LONG_S, stubborn.work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert stubborn.cancelled
    stubborn.let_go.set()


async def test_what_comes_in_time_is_given_and_so_is_an_error() -> None:
    async def fails() -> None:
        raise TransientError("away")

    assert await within(LONG_S, asyncio.sleep(0, "in time")) == "in time"
    with pytest.raises(TransientError, match="away"):
        await within(LONG_S, fails())


async def test_a_postgresql_that_takes_requests_and_does_not_answer_is_not_waited_for(postgres_database: str) -> None:
    async with wire_to(postgres_database) as (url, wire):
        pool = await open_pool(url, size=1)
        assert await pool.fetchval("SELECT 1") == 1
        wire.hush()
        asked = asyncio.create_task(pool.fetchval("SELECT 2"))
        with pytest.raises(TimeoutError):
            await within(0.1, asked)
        assert not asked.done(), "asyncpg has not let go, and nobody waits for it"
        wire.mend()
        pool.terminate()
        await asyncio.wait({asked})
