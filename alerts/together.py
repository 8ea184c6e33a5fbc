"""Calls that come while one is under way go together in the next: batches under load, no waiting without."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """`await together(item)` returns when a `do(items)` that held the item has; what it raises, all of them raise.

    `linger_s`: a first call waits so long for others to join it.
    """

    def __init__(self, do: Callable[[list[T]], Awaitable[None]], at_most: int = 500, *, linger_s: float = 0.0) -> None:
        self._do = do
        self._linger_s = linger_s
        self._at_most = at_most
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> None:
        """Do it, with whatever else waits."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="together")
        await done

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._linger_s:
                    await asyncio.sleep(self._linger_s)
                batch, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
                try:
                    await self._do([item for item, _ in batch])
                except Exception as error:  # noqa: BLE001 - not handled here: each caller gets it
                    for _, done in batch:
                        with suppress(asyncio.InvalidStateError):  # a caller that no longer waits
                            done.set_exception(error)
                else:
                    for _, done in batch:
                        with suppress(asyncio.InvalidStateError):
                            done.set_result(None)
        finally:
            self._task = None
