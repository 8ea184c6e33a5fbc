"""Nobody waits longer than they have time."""

import asyncio
import gc

import pytest

from haechi.errors import TransientError
from haechi.patience import one_of, within
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


async def test_what_fails_when_nobody_waits_any_more_is_no_news() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise TransientError("away")

    with pytest.raises(TimeoutError):
        await within(0.01, fails_when_cancelled())
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_who_holds_a_slot_keeps_it_until_the_work_has_ended_and_the_next_waits() -> None:
    slots, first, done = asyncio.Semaphore(1), asyncio.Event(), []

    async def work(name: str, ends: asyncio.Event | None = None) -> None:
        if ends is not None:
            await ends.wait()
        done.append(name)

    one = asyncio.create_task(one_of(slots, lambda: work("one", first)))
    other = asyncio.create_task(one_of(slots, lambda: work("other")))
    for _ in range(3):
        await asyncio.sleep(0)
    assert done == []
    first.set()
    await asyncio.gather(one, other)
    assert done == ["one", "other"]


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
