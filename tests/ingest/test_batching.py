"""Rows become batches: full or old enough, in order, one on its way at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from haechi.errors import TransientError
from ingest.batching import Batcher
from ingest.refusal import Refused
from tests.ingest.waiting import until


def encode(rows: Sequence[int]) -> bytes:
    return bytes(rows)


@asynccontextmanager
async def running(batcher: Batcher[int]) -> AsyncIterator[None]:
    task = asyncio.create_task(batcher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_full_batch_leaves_at_once_and_a_started_one_when_it_is_old_enough() -> None:
    sent: list[bytes] = []

    async def deliver(data: bytes) -> None:
        sent.append(data)

    batcher = Batcher(deliver, encode, limit=3, wait_s=0.05)
    async with running(batcher):
        await asyncio.gather(*(batcher.add(n) for n in range(7)))
    assert sent == [bytes([0, 1, 2]), bytes([3, 4, 5]), bytes([6])]


async def test_while_one_batch_is_under_way_the_next_one_fills() -> None:
    sent: list[bytes] = []
    go = asyncio.Event()

    async def deliver(data: bytes) -> None:
        sent.append(data)
        await go.wait()

    batcher = Batcher(deliver, encode, limit=100, wait_s=0.001)
    async with running(batcher):
        futures = [batcher.add(0)]
        await until(lambda: sent)
        futures += [batcher.add(n) for n in range(1, 50)]
        assert not futures[0].done()
        go.set()
        await asyncio.gather(*futures)
    assert sent == [bytes([0]), bytes(range(1, 50))]


async def test_a_failed_batch_tells_all_its_rows_and_the_next_one_goes_on() -> None:
    errors = [TransientError("away")]

    async def deliver(data: bytes) -> None:
        if errors:
            raise errors.pop()

    batcher = Batcher(deliver, encode, limit=2, wait_s=0.001)
    async with running(batcher):
        results = await asyncio.gather(*(batcher.add(n) for n in range(4)), return_exceptions=True)
    assert [type(result) for result in results] == [TransientError, TransientError, type(None), type(None)]


async def test_what_waits_is_bounded() -> None:
    async def deliver(data: bytes) -> None:
        raise AssertionError

    batcher = Batcher(deliver, encode, limit=2, wait_s=1, most=5)
    for n in range(5):
        batcher.add(n)
    with pytest.raises(Refused) as refused:
        batcher.add(6)
    assert refused.value.status == 503


async def test_a_sender_that_went_away_does_not_disturb_the_others() -> None:
    async def deliver(data: bytes) -> None:
        pass

    batcher = Batcher(deliver, encode, limit=10, wait_s=0.01)
    async with running(batcher):
        gone, stays = batcher.add(1), batcher.add(2)
        gone.cancel()
        await stays
