"""Consuming with state: one block per logical shard, checkpointed by a timer, recovered from a changelog."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

import structlog

from haechi.errors import PermanentError
from haechi.failpoints import failpoint
from haechi.streaming import dead_letters
from haechi.streaming.acks import Place
from haechi.streaming.changelog import Changelog, Kept
from haechi.streaming.dead_letters import DeadLetter
from haechi.streaming.records import Decode, Event, EventTime, M, Record
from haechi.streaming.runtime import Ended, Message, OnDeadLetter, Runtime, decoded, place_of
from haechi.streaming.state import AppliesMany, PartitionState, PartlyApplied
from haechi.streaming.trouble import TRIES
from haechi.topics import Topic

log = structlog.get_logger(__name__)
Out = TypeVar("Out")
MakeState: TypeAlias = Callable[[int], PartitionState[M, Out]]
Route: TypeAlias = Callable[[Out], Iterable[Record]]
PutRight: TypeAlias = Callable[[M, datetime], M]

OUTPUTS_WAITING = 2000  # unacknowledged outputs per partition; beyond that no event is taken
EVENTS_OPEN = 20_000  # events per partition since the last checkpoint; the same
_SEND_AT_ONCE = 500
# So long a step waits for more messages: it costs little more for many than for one. Longer for those that have waited already.
GATHER_S, GATHER_OLD_S = 0.02, 0.1
_OLD_S = 1.0


class Stateful(Generic[M, Out]):
    """Applies events as they come, sends outputs at once, and keeps blocks before it acknowledges."""

    def __init__(
        self,
        topic: Topic,
        make_state: MakeState[M, Out],
        route: Route[Out],
        decode: Decode[M],
        changelog: Changelog,
        *,
        table: str = "blocks",
        event_time: EventTime[M] | None = None,
        on_dead_letter: OnDeadLetter | None = None,
        put_right: PutRight[M] = lambda message, _: message,
    ) -> None:
        self.topic = topic
        self.put_right = put_right
        self.make_state = make_state
        self.route = route
        self.decode = decode
        self.event_time = event_time
        self.on_dead_letter = on_dead_letter
        self.changelog = changelog
        self.table = table
        self._ended = asyncio.Event()  # set when the partitions are taken away; a new one for the next
        self._partitions: dict[int, _Partition[M, Out]] = {}
        self._checkpointing = asyncio.Lock()
        self._gathering = False

    every_message = True

    async def take(self, message: Message, runtime: Runtime) -> None:
        """Apply the message with those that come with it; waits while too much is open."""
        with contextlib.suppress(Ended):
            partition = self._partitions.get(message.partition) or await self._recover(message, runtime)
            await partition.take(message)
            if not self._gathering:
                self._gathering = True
                is_old = runtime.clock().timestamp() - message.timestamp > _OLD_S
                asyncio.get_running_loop().call_later(GATHER_OLD_S if is_old else GATHER_S, self._gathered)

    def _gathered(self) -> None:
        """Faust brings a message every few turns of the loop, so that only the clock says when it was worth waiting."""
        self._gathering = False
        self._step(list(self._partitions.values()))

    def _step(self, partitions: "Sequence[_Partition[M, Out]]") -> None:
        """One partition in a turn of the loop, so that whatever else is due comes in between."""
        if partitions:
            partitions[0].step()
            asyncio.get_running_loop().call_soon(self._step, partitions[1:])

    async def _recover(self, message: Message, runtime: Runtime) -> "_Partition[M, Out]":
        """The partition with the blocks that were kept; Ended when it is taken away meanwhile."""
        ended, number = self._ended, message.partition
        kept = await runtime.persist(lambda: self.changelog.load(number), self.topic.name, ended)
        if ended.is_set():
            raise Ended
        partition = self._partitions[number] = self.partition(place_of(message), runtime, kept)
        return partition

    def partition(self, place: Place, runtime: Runtime, kept: Kept) -> "_Partition[M, Out]":
        """A partition that has been recovered."""
        return _Partition(self, place, runtime, kept)

    async def checkpoint(self) -> None:
        """Outputs acknowledged, changed blocks sent and acknowledged, then the events they cover."""
        async with self._checkpointing:
            for partition in list(self._partitions.values()):
                try:
                    await partition.checkpoint()
                except Ended:
                    continue

    async def settle(self, seconds: float) -> None:
        """A last checkpoint within the time, and forget the partitions; what it did not cover is replayed."""
        self._ended.set()
        self._ended = asyncio.Event()
        partitions, self._partitions = list(self._partitions.values()), {}
        for partition in partitions:
            partition.taking = False
        try:
            async with asyncio.timeout(seconds), self._checkpointing:
                for partition in partitions:
                    await partition.checkpoint()
        except (TimeoutError, Ended):
            log.warning("stream.checkpoint_cut_short", topic=self.topic.name)
        for partition in partitions:
            partition.end()


class _Partition(Generic[M, Out]):
    """One partition's state, what it has sent, and what was applied since the last checkpoint."""

    def __init__(self, consumer: Stateful[M, Out], place: Place, runtime: Runtime, kept: Kept) -> None:
        self._consumer = consumer
        self._runtime = runtime
        self._place = place
        self._blocks = kept.blocks
        self._state = self._restored()
        self._unkept = {shard: kept.blocks[shard] for shard in kept.plain}
        self._waiting: list[Message] = []
        self._alone = False  # after trouble each message is applied alone, until the next checkpoint
        self._open: list[tuple[int, M | None]] = []  # (offset, message; None where it was put aside)
        self._outputs: list[Record] = []
        self._queued = 0
        self._sent = 0
        self._changed = asyncio.Condition()
        self._filled = asyncio.Event()
        self.taking = True
        self.ended = asyncio.Event()
        self._applier = asyncio.create_task(self._apply_for_ever(), name=f"steps of {consumer.topic.name}")
        self._sender = asyncio.create_task(self._send(), name=f"outputs of {consumer.topic.name}")

    def _restored(self) -> PartitionState[M, Out]:
        state = self._consumer.make_state(self._place.partition)
        for shard, block in self._blocks.items():
            state.load(shard, block)
        return state

    async def take(self, message: Message) -> None:
        """Put it to those that wait for the next step."""
        if not self._has_room():
            async with self._changed:
                await self._changed.wait_for(self._has_room)
        if not self.taking:
            raise Ended
        self._waiting.append(message)

    def _has_room(self) -> bool:
        crowded = self._queued - self._sent >= OUTPUTS_WAITING or len(self._open) + len(self._waiting) >= EVENTS_OPEN
        return not self.taking or not crowded

    def step(self) -> None:
        """Apply what waits."""
        if self._waiting:
            self._filled.set()

    async def _apply_for_ever(self) -> None:
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                messages, self._waiting = self._waiting, []
                await self._take_all(messages)
        except Ended:
            return
        except Exception as error:  # noqa: BLE001 - what could not even be put aside: the state can't be trusted
            self._runtime.fail(error)

    async def _take_all(self, messages: Sequence[Message]) -> None:
        """Apply, queue the outputs, remember until the next checkpoint; what can't be processed is put aside."""
        events: list[tuple[Message, Event[M]]] = []
        for message in messages:
            try:
                event = decoded(self._consumer.topic, message, self._consumer.decode)
                right = self._consumer.put_right(event.message, event.sent_at)
                events.append((message, event if right is event.message else replace(event, message=right)))
            except PermanentError as error:
                await self._apply(events)
                events = []
                await self._put_aside(message, error)
        await self._apply(events)

    async def _apply(self, events: Sequence[tuple[Message, Event[M]]]) -> None:
        """In one step where the state can, else one after the other."""
        if not self.taking:
            raise Ended
        state = self._state
        if len(events) > 1 and isinstance(state, AppliesMany) and not self._alone:
            try:
                failpoint("streaming.before_apply")
                outputs = state.apply_all([(event.offset, event.message) for _, event in events])
                records = [record for output in outputs for record in self._consumer.route(output)]
                failpoint("streaming.after_apply")
            except Exception as error:  # noqa: BLE001 - one of them is the cause; alone, only that one is put aside
                log.warning("stream.together_failed", topic=self._consumer.topic.name, error=repr(error))
                self._rebuild()
                self._alone = True
            else:
                await self._applied([event for _, event in events], records)
                return
        for message, event in events:
            if not self.taking:
                raise Ended
            try:
                records, letter = self._apply_one(event, message)
            except PermanentError as error:
                await self._put_aside(message, error)
            else:
                if letter is not None:
                    await self._runtime.tell(self._consumer.topic, letter, self.ended, self._consumer.on_dead_letter)
                await self._applied((event,), records)

    async def _applied(self, events: Sequence[Event[M]], records: list[Record]) -> None:
        self._open.extend((event.offset, event.message) for event in events)
        self._outputs.extend(records)
        self._queued += len(records)
        if records:
            async with self._changed:
                self._changed.notify_all()
        self._runtime.handled(self._consumer.topic, events, self._consumer.event_time)

    async def _put_aside(self, message: Message, error: PermanentError) -> None:
        consumer = self._consumer
        await self._runtime.bury(consumer.topic, message, str(error), self.ended, consumer.on_dead_letter)
        self._open.append((message.offset, None))

    def _apply_one(self, event: Event[M], message: Message) -> tuple[list[Record], DeadLetter | None]:
        """The event's outputs. An exception leaves the state in doubt: it is rebuilt, and the event tried again.

        Where a part of the state failed and the others did not, the dead letter is an output among theirs: a checkpoint
        that covers the event has waited for it. It is also returned, to be told.
        """
        for attempt in range(1, TRIES + 1):
            try:
                failpoint("streaming.before_apply")
                try:
                    outputs, reason = self._state.apply(event.offset, event.message), None
                except PartlyApplied as partly:
                    outputs, reason = partly.outputs, partly.reason
                records = [record for output in outputs for record in self._consumer.route(output)]
                letter = None
                if reason is not None:
                    letter = self._runtime.letter(self._consumer.topic, message, reason)
                    records.append(dead_letters.seal(letter, self._runtime.sealer))
                    self._runtime.count_dead_letter(self._consumer.topic, message, reason)
                failpoint("streaming.after_apply")
            except Exception as error:  # the isolation boundary of a room's step: a retry, or a dead letter
                log.warning("stream.unexpected", topic=self._consumer.topic.name, error=repr(error), exc_info=True)
                self._rebuild()
                if attempt == TRIES or isinstance(error, PermanentError):
                    raise PermanentError(f"{error!r} ({attempt} times in place)") from error
                self._runtime.metrics.retries.labels(self._consumer.topic.name, "unexpected").inc()
            else:
                return records, letter
        raise AssertionError

    def _rebuild(self) -> None:
        """The state as the last checkpoint and the events since make it; their outputs have been queued already."""
        self._state = self._restored()
        for offset, message in self._open:
            if message is not None:
                with contextlib.suppress(PartlyApplied):  # it was filed then
                    self._state.apply(offset, message)

    async def checkpoint(self) -> None:
        """Outputs, then blocks, then positions."""
        if not self._open:
            return
        started = time.monotonic()
        position, count = self._open[-1][0] + 1, len(self._open)
        self._unkept.update(self._state.changed())
        blocks = dict(self._unkept)
        await self._outputs_acknowledged()
        failpoint("streaming.before_changelog")
        await self._runtime.persist(lambda: self._keep(blocks, position), self._consumer.topic.name, self.ended)
        failpoint("streaming.after_changelog")
        self._acknowledge(position, count)
        self._alone = False
        self._blocks.update(blocks)
        for shard, block in blocks.items():
            if self._unkept.get(shard) is block:
                del self._unkept[shard]
        del self._open[:count]
        async with self._changed:
            self._changed.notify_all()
        self._runtime.metrics.checkpoint.observe(time.monotonic() - started)

    def _acknowledge(self, position: int, count: int) -> None:
        if self.ended.is_set():  # too late: the partition may already be someone else's
            raise Ended
        self._runtime.acks.done(self._place, position, count, self._consumer.topic.name)

    async def _keep(self, blocks: dict[int, bytes], position: int) -> None:
        self._runtime.check_trusted()
        if self.ended.is_set():
            raise Ended
        await self._runtime.producer.send(*self._consumer.changelog.records(self._place.partition, blocks, position))

    async def _outputs_acknowledged(self) -> None:
        """Wait until all that was queued up to now has left; Ended when the sender has."""
        queued = self._queued
        async with self._changed:
            await self._changed.wait_for(lambda: self.ended.is_set() or self._sent >= queued)
        if self.ended.is_set():
            raise Ended

    async def _send(self) -> None:
        """Send what is queued, in order, one batch after the other."""
        topic = self._consumer.topic
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self._outputs))
                    batch, self._outputs = self._outputs[:_SEND_AT_ONCE], self._outputs[_SEND_AT_ONCE:]
                await self._runtime.deliver(batch, topic.name, self.ended)
                async with self._changed:
                    self._sent += len(batch)
                    self._changed.notify_all()
        except Ended:
            return
        except Exception as error:  # noqa: BLE001 - an output that can never be sent: the state can't be trusted
            self._runtime.fail(error)

    def end(self) -> None:
        """Leave what is not kept to whoever replays it."""
        self.taking = False
        self.ended.set()
        self._sender.cancel()
        self._applier.cancel()
        self._waking = asyncio.create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
