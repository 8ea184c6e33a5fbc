"""Deliberately wrong ways to acknowledge. They live here only, to prove that the contract tests see what they lose."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from haechi.failpoints import failpoint
from haechi.streaming import Record, Worker
from haechi.streaming.acks import Place
from haechi.streaming.changelog import Changelog, Kept
from haechi.streaming.runtime import Message, Runtime, place_of
from haechi.streaming.stateful import Stateful, _Partition
from haechi.streaming.stateless import Lane, Stateless


class AcknowledgesFirst(Lane[Any]):
    """Acknowledges, and then handles."""

    async def process(self, messages: Sequence[Message]) -> None:
        self.acknowledge(messages)
        await self._runtime.acks.commit()
        await self.work(messages)


class AcknowledgesOutOfOrder(Lane[Any]):
    """Handles several batches at once, and acknowledges each as it is done; the first of all takes its time."""

    jobs: set[asyncio.Task[None]]

    async def process(self, messages: Sequence[Message]) -> None:
        self.jobs = getattr(self, "jobs", set())
        job = asyncio.create_task(self._job(messages, slow=not self.jobs))
        self.jobs.add(job)

    async def _job(self, messages: Sequence[Message], *, slow: bool) -> None:
        if slow:
            await asyncio.sleep(30)
        await self.work(messages)
        acks = self._runtime.acks
        acks._positions[place_of(messages[-1])] = messages[-1].offset + 1


class KeepsAfterCommit(_Partition[Any, Any]):
    """Commits, and then sends the blocks."""

    async def checkpoint(self) -> None:
        if self._open:
            position = self._open[-1][0] + 1
            self._acknowledge(position, len(self._open))
            self._open.clear()
            await self._runtime.acks.commit()
            failpoint("wrong.between")
            await self._keep(dict(self._state.changed()), position)


class WithWrongLane(Stateless[Any]):
    wrong_lane: type[Lane[Any]]

    def lane(self, runtime: Runtime) -> Lane[Any]:
        return self.wrong_lane(self, runtime)


class WithWrongPartition(Stateful[Any, Any]):
    def partition(self, place: Place, runtime: Runtime, kept: Kept) -> "_Partition[Any, Any]":
        return KeepsAfterCommit(self, place, runtime, kept)


def add(
    worker: Worker,
    variant: str,
    handle: Any,
    make_state: Callable[[int], Any],
    route: Callable[[int], Iterable[Record]],
    batch: int,
) -> None:
    """Consume in a wrong way."""
    from tests.haechi.streaming.contract_worker import IN, decode_numbers

    if variant == "keeps after commit":
        changelog = Changelog(worker._connection, worker.name, "blocks", worker._runtime.sealer)
        worker.add(WithWrongPartition(IN, make_state, route, decode_numbers, changelog))
        return
    consumer = WithWrongLane(IN, handle, decode_numbers, batch=batch)
    consumer.wrong_lane = {
        "acknowledges first": AcknowledgesFirst,
        "acknowledges out of order": AcknowledgesOutOfOrder,
    }[variant]
    worker.add(consumer)
