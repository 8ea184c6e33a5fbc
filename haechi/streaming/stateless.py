"""Consuming without state: events of a partition in order, in batches as large as what waits."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Generic

from haechi.errors import PermanentError
from haechi.failpoints import failpoint
from haechi.streaming.records import Decode, Event, EventTime, Handler, M, Record
from haechi.streaming.runtime import Ended, Message, OnDeadLetter, Runtime, decoded, place_of
from haechi.topics import Topic

GATHER_S = 0.05
WAITING = 1000  # events per partition that wait in memory; the agent stops taking beyond that


class Stateless(Generic[M]):
    """One lane per partition; a lane handles its events one batch after the other.

    A batch is acknowledged when its handler has returned and the broker has every output. Being sequential within a
    partition, acknowledgement is in offset order by construction.
    """

    def __init__(
        self,
        topic: Topic,
        handle: Handler[M],
        decode: Decode[M],
        *,
        batch: int = 200,
        linger_s: float = 0.0,
        event_time: EventTime[M] | None = None,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> None:
        self.topic = topic
        self.handle = handle
        self.decode = decode
        self.batch = batch
        self.linger_s = linger_s
        self.event_time = event_time
        self.on_dead_letter = on_dead_letter
        self._lanes: dict[int, Lane[M]] = {}

    every_message = True

    async def take(self, message: Message, runtime: Runtime) -> None:
        """Put a fetched message into its lane; waits while the lane is full."""
        lane = self._lanes.get(message.partition)
        if lane is None:
            lane = self._lanes[message.partition] = self.lane(runtime)
        await lane.put(message)

    def lane(self, runtime: Runtime) -> "Lane[M]":
        """A new lane."""
        return Lane(self, runtime)

    async def settle(self, seconds: float) -> None:
        """Finish the batches in hand within the time, take no more, forget the rest un-acknowledged."""
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            lane.end()
        if lanes:
            _, late = await asyncio.wait({lane.task for lane in lanes}, timeout=seconds)
            for lane in lanes:
                if lane.task in late:
                    lane.dropped = True
                    lane.task.cancel()

    async def checkpoint(self) -> None:
        """Nothing to keep."""


class Lane(Generic[M]):
    """The events of one partition that were fetched and are not handled yet."""

    def __init__(self, consumer: Stateless[M], runtime: Runtime) -> None:
        self._consumer = consumer
        self._runtime = runtime
        self._waiting: deque[Message] = deque()
        self._filled = asyncio.Event()
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self.ended = asyncio.Event()
        self.dropped = False
        self.task = asyncio.create_task(self._run(), name=f"lane {consumer.topic.name}")

    async def put(self, message: Message) -> None:
        """Wait for room, then queue; dropped un-acknowledged when the lane has ended."""
        while len(self._waiting) >= WAITING and not self.ended.is_set():
            self._room.clear()
            await self._room.wait()
        self._waiting.append(message)
        self._filled.set()
        if len(self._waiting) >= self._consumer.batch:
            self._full.set()

    def end(self) -> None:
        """Take no more."""
        self.ended.set()
        self._filled.set()
        self._full.set()
        self._room.set()

    async def _run(self) -> None:
        try:
            while not self.ended.is_set():
                await self._filled.wait()
                await self._gather()
                if self._waiting and not self.ended.is_set():
                    size = min(len(self._waiting), self._consumer.batch)
                    await self.process([self._waiting.popleft() for _ in range(size)])
                if not self._waiting and not self.ended.is_set():
                    self._filled.clear()
                self._room.set()
        except Ended:
            pass
        except Exception as error:  # noqa: BLE001 - our own code failed: the lane can't be trusted any more
            self._runtime.fail(error)

    async def _gather(self) -> None:
        """While the topic holds a whole batch more, wait for it: a full batch costs little more than a single event.
        With `linger_s`, wait also for what is yet to come."""
        batch, wait_s = self._consumer.batch, self._consumer.linger_s
        if not self._waiting or len(self._waiting) >= batch:
            return
        first = self._waiting[0]
        end = self._runtime.end_of(place_of(first))
        if end is not None and end - first.offset >= batch:
            wait_s = max(wait_s, GATHER_S)
        if wait_s:
            self._full.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), wait_s)

    async def process(self, messages: Sequence[Message]) -> None:
        """Handle the messages and acknowledge them."""
        await self.work(messages)
        self.acknowledge(messages)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """All up to the last of `messages` is done."""
        if self.dropped:  # too late: the partition may already be someone else's
            raise Ended
        last = messages[-1]
        self._runtime.acks.done(place_of(last), last.offset + 1, len(messages), self._consumer.topic.name)

    async def work(self, messages: Sequence[Message]) -> None:
        """Decode, handle, send; what can't be processed becomes a dead letter."""
        events: list[tuple[Message, Event[M]]] = []
        for message in messages:
            try:
                events.append((message, decoded(self._consumer.topic, message, self._consumer.decode)))
            except PermanentError as error:
                await self._bury(message, error)
        if not events:
            return
        try:
            await self._handle([event for _, event in events], patient=len(events) == 1)
        except PermanentError as error:
            if len(events) == 1:
                await self._bury(events[0][0], error)
                return
            # One of them is the cause; alone, each gets its own tries and only the cause is put aside.
            for message, event in events:
                try:
                    await self._handle([event], patient=True)
                except PermanentError as cause:
                    await self._bury(message, cause)

    async def _handle(self, events: list[Event[M]], *, patient: bool) -> None:
        async def handle() -> Sequence[Record]:
            failpoint("streaming.before_handle")
            records = list(await self._consumer.handle(events))
            failpoint("streaming.after_handle")
            return records

        topic = self._consumer.topic.name
        records = await self._runtime.persist(handle, topic, self.ended, patient=patient)
        await self._runtime.deliver(records, topic, self.ended)
        self._runtime.handled(self._consumer.topic, events, self._consumer.event_time)

    async def _bury(self, message: Message, error: PermanentError) -> None:
        await self._runtime.bury(self._consumer.topic, message, str(error), self.ended, self._consumer.on_dead_letter)
