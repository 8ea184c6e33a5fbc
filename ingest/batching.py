"""Rows of one lane gathered into batches: a message costs the same whatever it holds, so the edge fills it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from haechi.errors import HaechiError
from ingest.refusal import overloaded

Row = TypeVar("Row")
Deliver = Callable[[bytes], Awaitable[None]]
Size = Callable[[int], None]


class Batcher(Generic[Row]):
    """One batch of one lane on its way at a time, which keeps the order; meanwhile the next one fills.

    A batch leaves when it holds `limit` rows or its first row has waited `wait_s`. More than `most` rows waiting are
    refused, so that a slow disk cannot fill the memory.
    """

    def __init__(
        self,
        deliver: Deliver,
        encode: Callable[[Sequence[Row]], bytes],
        *,
        limit: int,
        wait_s: float,
        most: int = 20_000,
        size: Size = lambda _: None,
    ) -> None:
        """`deliver` returns when the batch is accepted; `size` is told how many rows each batch holds."""
        self._deliver = deliver
        self._encode = encode
        self._limit = limit
        self._wait_s = wait_s
        self._most = max(most, limit)
        self._size = size
        self._rows: list[tuple[Row, asyncio.Future[None]]] = []
        self._since = 0.0
        self._some = asyncio.Event()
        self._full = asyncio.Event()

    def add(self, row: Row) -> "asyncio.Future[None]":
        """Done when the row's batch is accepted, or with the HaechiError that says why it is not. Raises Refused."""
        if len(self._rows) >= self._most:
            raise overloaded("Too many reports wait to be written; send it again.")
        loop = asyncio.get_running_loop()
        accepted = loop.create_future()
        if not self._rows:
            self._since = loop.time()
            self._some.set()
        self._rows.append((row, accepted))
        if len(self._rows) >= self._limit:
            self._full.set()
        return accepted

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._some.wait()
            try:
                async with asyncio.timeout_at(self._since + self._wait_s):
                    await self._full.wait()
            except TimeoutError:
                pass
            taken, self._rows = self._rows[: self._limit], self._rows[self._limit :]
            if not self._rows:
                self._some.clear()
            if len(self._rows) < self._limit:
                self._full.clear()
            self._since -= self._wait_s  # what is left over has waited already
            self._size(len(taken))
            try:
                await self._deliver(self._encode([row for row, _ in taken]))
            except HaechiError as error:
                for _, accepted in taken:
                    if not accepted.done():
                        accepted.set_exception(error)
                        accepted.exception()  # seen: nobody may wait for a call's own position
            else:
                for _, accepted in taken:
                    if not accepted.done():
                        accepted.set_result(None)
