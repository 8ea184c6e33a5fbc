import asyncio
from typing import Any

import pytest
from mode import Service

from haechi.streaming.transport import transport_of


@pytest.fixture
async def consumer() -> Any:
    """Faust's, as ours takes messages, without its thread and its connection."""
    kind = transport_of(300).Consumer
    consumer = kind.__new__(kind)
    Service.__init__(consumer)
    return consumer


async def test_a_message_whose_queue_has_room_is_taken_by_one_task(consumer: Any) -> None:
    made: list[str] = []
    taken: list[int] = []

    async def take() -> None:
        taken.append(1)

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **how: Any) -> asyncio.Task[Any]:
        made.append(coro.__qualname__)
        return asyncio.Task(coro, loop=loop, **how)

    asyncio.get_running_loop().set_task_factory(factory)
    await consumer.wait_first(take(), asyncio.Event().wait())
    assert taken == [1]
    assert made == [take.__qualname__]


async def test_a_message_whose_queue_is_full_waits_until_there_is_room(consumer: Any) -> None:
    room, taken = asyncio.Event(), []

    async def take() -> None:
        await room.wait()
        taken.append(1)

    waiting = asyncio.create_task(consumer.wait_first(take(), asyncio.Event().wait()))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    room.set()
    await waiting
    assert taken == [1]


async def test_a_pause_ends_the_wait_for_room_and_the_message_is_left(consumer: Any) -> None:
    pause, left = asyncio.Event(), asyncio.Event()

    async def take() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    waiting = asyncio.create_task(consumer.wait_first(take(), pause.wait()))
    await asyncio.sleep(0.01)
    pause.set()
    await waiting
    await left.wait()


async def test_a_consumer_that_is_ended_leaves_what_it_was_about_to_take(consumer: Any) -> None:
    left = asyncio.Event()

    async def take() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    waiting = asyncio.create_task(consumer.wait_first(take(), asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await left.wait()


async def test_what_goes_wrong_in_taking_is_raised(consumer: Any) -> None:
    async def take() -> None:
        raise RuntimeError("no room for ever")

    with pytest.raises(RuntimeError, match="no room"):
        await consumer.wait_first(take(), asyncio.Event().wait())
