"""A worker process for the contract tests: `python -m tests.haechi.streaming.contract_worker JSON`.

Messages hold numbers. Without state, each number becomes a row in SQLite (the database) and a record on `out`. With
state, each number is added to its shard's block and becomes a record on `out`. So what was lost or doubled in effect
can be counted afterwards: see `contract.py`.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from haechi.config import KafkaSettings
from haechi.errors import TransientError
from haechi.sealing import Sealer
from haechi.streaming import Event, Producer, Record, StreamMetrics, Worker, connect, run_process
from haechi.streaming.producer import Producer as RealProducer
from haechi.topics import Topic
from tests.haechi.streaming import wrong

PARTITIONS = 4
SHARDS = 8
IN = Topic("in", PARTITIONS, timedelta(hours=1))
OUT = Topic("out", PARTITIONS, timedelta(hours=1))
GROUP = "contract"
PATIENCE, UNLUCKY = 1_000_000_000, 2_000_000_000


class Job(msgspec.Struct, frozen=True):
    """What the process is told."""

    url: str
    prefix: str
    folder: str
    key: str
    state: bool = False
    variant: str = "right"
    slot: int = 0
    fail_sends: bool = False
    batch: int = 10


class Numbers(msgspec.Struct, frozen=True):
    """One message: numbers of any of the partition's shards (number % SHARDS)."""

    numbers: list[int]


class Block(msgspec.Struct):
    """What a shard keeps: the last offset applied, and the sum and count of its numbers."""

    offset: int = -1
    total: int = 0
    count: int = 0


decode_numbers = msgspec.msgpack.Decoder(Numbers).decode
decode_block = msgspec.msgpack.Decoder(Block).decode
encode = msgspec.msgpack.encode


class Sums:
    """The state: a block per shard. An unlucky number breaks the step halfway."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}
        self.dirty: set[int] = set()

    def load(self, shard: int, block: bytes) -> None:
        self.blocks[shard] = decode_block(block)

    def apply(self, offset: int, message: Numbers) -> Sequence[int]:
        fresh = {s for s in {n % SHARDS for n in message.numbers} if self.blocks.setdefault(s, Block()).offset < offset}
        for number in message.numbers:
            if number % SHARDS in fresh:
                block = self.blocks[number % SHARDS]
                block.total += number
                block.count += 1
                if unlucky(number):
                    raise ValueError(f"{number} is unlucky")
        for shard in fresh:
            self.blocks[shard].offset = offset
        self.dirty |= fresh
        return message.numbers

    def apply_all(self, messages: Sequence[tuple[int, Numbers]]) -> Sequence[int]:
        return [number for offset, message in messages for number in self.apply(offset, message)]

    def changed(self) -> Iterable[tuple[int, bytes]]:
        dirty, self.dirty = self.dirty, set()
        return [(shard, encode(self.blocks[shard])) for shard in dirty]


class Effects:
    """The database: a number is there once, however often it is put; away while the file `away` exists."""

    def __init__(self, folder: Path) -> None:
        self.away = folder / "away"
        self.tried = folder / "tried"
        self.connection = sqlite3.connect(folder / "effects", timeout=30, isolation_level=None)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = off")  # it is processes that die here, not machines
        self.connection.execute("create table if not exists effects (number integer primary key, slot integer)")

    def put(self, numbers: Iterable[int], slot: int) -> None:
        if self.away.exists():
            self.tried.touch()
            raise TransientError("the database is away")
        self.connection.execute("begin immediate")
        self.connection.executemany("insert or ignore into effects values (?, ?)", [(n, slot) for n in numbers])
        self.connection.execute("commit")


class Flaky:
    """A producer whose every third send fails: half of them before anything has left, half after all has arrived."""

    def __init__(self, producer: RealProducer) -> None:
        self.producer = producer
        self.sends = 0

    async def send(self, *records: Record) -> None:
        self.sends += 1
        if self.sends % 6 == 3:
            raise TransientError("not sent")
        await self.producer.send(*records)
        if self.sends % 6 == 0:
            raise TransientError("sent, but nobody heard the acknowledgement")


def unlucky(number: int) -> bool:
    """Whatever touches it raises, every time."""
    return number >= UNLUCKY


def needs_patience(number: int) -> bool:
    """Handled at the third try."""
    return PATIENCE <= number < UNLUCKY


def out(number: int, slot: int) -> Record:
    """The output of a number."""
    return Record(OUT.name, encode(number), key=str(number).encode(), headers=(("slot", str(slot).encode()),))


async def main(job: Job) -> None:
    connection = connect(KafkaSettings(url=job.url, prefix=job.prefix))
    producer = Producer(connection, "contract")
    worker = Worker(
        GROUP,
        connection,
        Sealer(job.key),
        StreamMetrics(CollectorRegistry()),
        producer=Flaky(producer) if job.fail_sends else producer,
        slot=job.slot,
    )
    effects = Effects(Path(job.folder))
    tries: dict[int, int] = {}

    async def handle(events: Sequence[Event[Numbers]]) -> list[Record]:
        numbers = [number for event in events for number in event.message.numbers]
        for number in numbers:
            if unlucky(number):
                raise ValueError(f"{number} is unlucky")
            if needs_patience(number) and tries.setdefault(number, 0) < 2:
                tries[number] += 1
                raise ValueError(f"{number} needs patience")
        effects.put(numbers, job.slot)
        await asyncio.sleep(0.01)
        return [out(number, job.slot) for number in numbers]

    if job.variant != "right":
        wrong.add(worker, job.variant, handle, lambda _: Sums(), lambda number: [out(number, job.slot)], job.batch)
    elif job.state:
        worker.consume_with_state(IN, lambda _: Sums(), lambda number: [out(number, job.slot)], decode_numbers)
    else:
        worker.consume(IN, handle, decode_numbers, batch=job.batch)
    await worker.run()


if __name__ == "__main__":
    run_process(main(msgspec.json.decode(sys.argv[1], type=Job)))
