"""Calls that come together go together."""

import asyncio

import pytest

from alerts.together import Together


async def test_a_lone_call_goes_at_once_and_those_that_come_meanwhile_go_together() -> None:
    batches: list[list[int]] = []

    async def do(items: list[int]) -> None:
        batches.append(items)
        await asyncio.sleep(0.01)

    together = Together(do)
    first = asyncio.create_task(together(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.gather(first, *(together(n) for n in range(1, 6)))
    assert batches == [[0], [1, 2, 3, 4, 5]]


async def test_no_batch_is_longer_than_the_bound() -> None:
    sizes: list[int] = []

    async def do(items: list[int]) -> None:
        sizes.append(len(items))

    together = Together(do, at_most=3)
    await asyncio.gather(*(together(n) for n in range(10)))
    assert max(sizes) <= 3
    assert sum(sizes) == 10


async def test_everyone_in_a_failed_batch_learns_of_it_and_the_next_goes_on() -> None:
    failing = True

    async def do(items: list[int]) -> None:
        if failing:
            raise ConnectionError("away")

    together = Together(do)
    results = await asyncio.gather(together(1), together(2), return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionError, ConnectionError]
    failing = False
    await together(3)


async def test_a_caller_that_no_longer_waits_disturbs_nobody() -> None:
    async def do(items: list[int]) -> None:
        await asyncio.sleep(0.01)

    together = Together(do)
    given_up = asyncio.create_task(together(1))
    other = asyncio.create_task(together(2))
    await asyncio.sleep(0)
    given_up.cancel()
    await other
    with pytest.raises(asyncio.CancelledError):
        await given_up
