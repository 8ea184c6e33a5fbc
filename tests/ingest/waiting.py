"""Waiting for what other tasks and processes do."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

Condition = Callable[[], object | Awaitable[object]]


async def until(condition: Condition, *, seconds: float = 150, every: float = 0.01) -> None:
    """Returns when the condition holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await _answer(condition):
            await asyncio.sleep(every)


async def _answer(condition: Condition) -> object:
    answer = condition()
    return await answer if inspect.isawaitable(answer) else answer
