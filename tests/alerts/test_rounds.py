"""What is done round after round goes on while a store is away."""

import asyncio

from alerts.rounds import rounds
from haechi.errors import TransientError


async def test_a_round_that_a_store_was_away_for_is_done_again() -> None:
    asked, done = 0, asyncio.Event()

    async def once() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise TransientError("PostgreSQL is away.")
        done.set()

    running = asyncio.create_task(rounds("test", 0.0, once))
    async with asyncio.timeout(60):
        await done.wait()
    running.cancel()
    assert asked >= 2
