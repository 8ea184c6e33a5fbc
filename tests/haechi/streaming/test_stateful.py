"""Outputs, then blocks, then the acknowledgement, each of what was applied when the checkpoint began; over a broker of ours,
so that a test can hold any of them up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from haechi.clock import utc_now
from haechi.sealing import Sealer, create_key
from haechi.streaming import PartlyApplied, Record, StreamMetrics
from haechi.streaming.acks import Acks, Place
from haechi.streaming.changelog import Kept
from haechi.streaming.runtime import Ended, Runtime
from haechi.streaming.stateful import Stateful
from tests.haechi.streaming.test_streaming import ONE, PATIENCE_S

PLACE = Place("one", 0)
BREAKS, PARTLY = b"100 breaks", b"7 partly"


class Broker:
    """Takes what it is given; what is for the topic `held` when that is let go."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.held = ""
        self.let_go = asyncio.Event()

    async def send(self, *records: Record) -> None:
        if self.held in {record.topic for record in records}:
            await self.let_go.wait()
        self.taken.extend(records)

    def values(self, topic: str) -> list[bytes]:
        return [record.value for record in self.taken if record.topic == topic]


class Blocks:
    """As they are kept, but for packing and sealing."""

    def records(self, partition: int, blocks: Mapping[int, bytes], position: int) -> list[Record]:
        return [Record("blocks", block, b"%d" % shard, partition) for shard, block in blocks.items()]


class Sum:
    """Adds numbers in one shard; one that breaks a step, or a part of it, has been added by then."""

    def __init__(self, steps: list[int]) -> None:
        self.total = 0
        self._kept = 0
        self._steps = steps

    def load(self, shard: int, block: bytes) -> None:
        self.total = self._kept = int(block)

    def apply(self, offset: int, message: bytes) -> Sequence[bytes]:
        return self.apply_all(((offset, message),))

    def apply_all(self, messages: Sequence[tuple[int, bytes]]) -> Sequence[bytes]:
        self._steps.append(len(messages))
        for _, message in messages:
            self.total += int(message.split()[0])
            if message == BREAKS:
                raise ValueError(message)
        if PARTLY in [message for _, message in messages]:
            raise PartlyApplied([PARTLY], "the other part")
        return [message for _, message in messages]

    def changed(self) -> Iterable[tuple[int, bytes]]:
        changed, self._kept = self.total != self._kept, self.total
        return [(0, b"%d" % self.total)] if changed else []


class House:
    """A partition, its broker, and what it has acknowledged."""

    def __init__(self) -> None:
        self.broker, self.failures, self.steps = Broker(), list[BaseException](), list[int]()
        metrics = StreamMetrics(CollectorRegistry())
        self.acks = Acks(lambda _: asyncio.sleep(0, True), metrics)
        runtime = Runtime(
            "app",
            self.broker,
            self.acks,
            metrics,
            Sealer(create_key()),
            utc_now,
            self.failures.append,
            lambda: None,
            lambda _: None,
        )
        consumer = Stateful(
            ONE,
            lambda _: Sum(self.steps),
            lambda value: [Record("out", value)],
            bytes,
            Blocks(),  # type: ignore[arg-type]  # only what is called
        )
        self.partition = consumer.partition(PLACE, runtime, Kept({}))
        self._offset = 0

    async def give(self, *values: bytes) -> None:
        """In one step; returns when they have been applied or put aside."""
        for value in values:
            message = SimpleNamespace(
                topic="one", partition=0, offset=self._offset, key=None, value=value, headers=(), timestamp=0.0
            )
            await self.partition.take(message)
            self._offset += 1
        self.partition.step()
        async with asyncio.timeout(PATIENCE_S):
            while self.partition._waiting or self.partition._open[-1:][0][0] != self._offset - 1:
                await asyncio.sleep(0)

    @property
    def acknowledged(self) -> int | None:
        return self.acks.position(PLACE)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    it = House()
    yield it
    it.partition.end()
    await asyncio.sleep(0)
    assert it.failures == []


async def settled() -> None:
    """Whatever can go on without what is held has done so."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_outputs_arrive_before_blocks_and_blocks_before_anything_is_acknowledged(house: House) -> None:
    await house.give(b"1", b"2")
    house.broker.held = "out"
    await house.give(b"3")
    checkpoint = asyncio.create_task(house.partition.checkpoint())
    await settled()
    assert house.broker.values("blocks") == []
    house.broker.held = "blocks"
    house.broker.let_go.set()
    house.broker.let_go = asyncio.Event()
    await settled()
    assert house.broker.values("out") == [b"1", b"2", b"3"]
    assert house.acknowledged is None
    house.broker.let_go.set()
    await checkpoint
    assert house.broker.values("blocks") == [b"6"]
    assert house.acknowledged == 3


@pytest.mark.parametrize("held", ["out", "blocks"])
async def test_what_is_applied_while_a_checkpoint_is_under_way_is_left_to_the_next(house: House, held: str) -> None:
    house.broker.held = held
    await house.give(b"1")
    checkpoint = asyncio.create_task(house.partition.checkpoint())
    await settled()
    await house.give(b"2", b"3")
    house.broker.let_go.set()
    await checkpoint
    assert (house.broker.values("blocks"), house.acknowledged) == ([b"1"], 1)
    await house.partition.checkpoint()
    assert (house.broker.values("blocks"), house.acknowledged) == ([b"1", b"6"], 3)


@pytest.mark.parametrize(("held", "kept"), [("out", []), ("blocks", [b"1"])])
async def test_a_partition_that_is_taken_away_acknowledges_nothing_more(
    house: House, held: str, kept: list[bytes]
) -> None:
    house.broker.held = held
    await house.give(b"1")
    checkpoint = asyncio.create_task(house.partition.checkpoint())
    await settled()
    house.partition.end()
    await settled()
    house.broker.let_go.set()
    with pytest.raises(Ended):
        await checkpoint
    assert (house.broker.values("blocks"), house.acknowledged) == (kept, None)


@pytest.mark.parametrize("together", [True, False], ids=["together", "one after the other"])
async def test_what_breaks_is_put_aside_and_all_else_counts_once(house: House, together: bool) -> None:
    await house.give(b"1", b"2")
    await house.partition.checkpoint()
    await house.give(b"3")
    for values in ((b"4", BREAKS, b"5"),) if together else ((b"4",), (BREAKS,), (b"5",)):
        await house.give(*values)
    await house.partition.checkpoint()
    assert house.broker.values("blocks") == [b"3", b"15"]
    assert house.broker.values("out") == [b"1", b"2", b"3", b"4", b"5"]
    assert len(house.broker.values("dead-letters")) == 1
    assert house.acknowledged == 6


async def test_what_one_part_cannot_apply_is_applied_once_by_the_others_also_when_it_came_with_more(
    house: House,
) -> None:
    await house.give(b"4", PARTLY)
    await house.partition.checkpoint()
    assert house.broker.values("blocks") == [b"11"]
    assert house.broker.values("out") == [b"4", PARTLY]
    assert len(house.broker.values("dead-letters")) == 1


async def test_after_trouble_messages_are_applied_alone_until_the_next_checkpoint(house: House) -> None:
    await house.give(b"1", BREAKS)
    house.steps.clear()
    await house.give(b"2", b"3")
    assert house.steps == [1, 1]
    await house.partition.checkpoint()
    house.steps.clear()
    await house.give(b"4", b"5")
    assert house.steps == [2]
