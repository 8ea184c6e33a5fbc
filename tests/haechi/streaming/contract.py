"""Feeding contract workers, killing them, and counting what was lost or doubled in effect."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from haechi import topics
from haechi.config import KafkaSettings
from haechi.sealing import Sealer, create_key
from haechi.streaming import Producer, Record, connect
from haechi.streaming.admin import Changelog, ensure_topics
from haechi.streaming.changelog import Changelog as KeptBlocks
from haechi.streaming.dead_letters import DeadLetter, listing
from tests.acknowledged import ends_of, until_acknowledged
from tests.haechi.streaming.contract_worker import GROUP, IN, OUT, PARTITIONS, SHARDS, Block, Job, Numbers, encode
from tests.listening import listens

PATIENCE_S = 150
REPOSITORY = Path(__file__).parents[3]


class Life:
    """One life of a worker process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log

    async def death(self) -> int:
        """Its exit code."""
        return await asyncio.to_thread(self.process.wait, PATIENCE_S)

    async def stop(self) -> int:
        """SIGTERM as soon as it listens for it, and the exit code."""
        async with asyncio.timeout(PATIENCE_S):
            while self.process.poll() is None and not listens(self.process.pid):
                await asyncio.sleep(0.05)
        self.process.send_signal(signal.SIGTERM)
        return await self.death()

    def died_at(self) -> list[str]:
        """The failpoints that acted, in order: their names."""
        return [line.split()[0] for line in self.log.read_text().splitlines()] if self.log.exists() else []


class Contract:
    """One feed with its topics, database and workers."""

    def __init__(self, url: str, folder: Path, **job: Any) -> None:
        self.folder = folder
        self.sealer_key = create_key()
        self.job = Job(url=url, prefix=f"{uuid.uuid4().hex[:12]}.", folder=str(folder), key=self.sealer_key, **job)
        self.connection = connect(KafkaSettings(url=url, prefix=self.job.prefix))
        self.producer = Producer(self.connection, "feeder")
        self.fed: list[int] = []
        self.lives: list[Life] = []

    async def prepare(self) -> None:
        await ensure_topics(self.connection, [IN, OUT, topics.DEAD_LETTERS], [Changelog(GROUP, IN)])

    async def feed(self, count: int) -> None:
        """Accepted by Kafka: `count` messages of two new numbers each, of two shards that share a partition."""
        records = []
        for serial in range(len(self.fed) // 2, len(self.fed) // 2 + count):
            partition = serial % PARTITIONS
            pair = [2 * SHARDS * serial + partition, 2 * SHARDS * serial + partition + PARTITIONS]
            records.append(Record(IN.name, encode(Numbers(pair)), partition=partition))
            self.fed += pair
        await self.producer.send(*records)

    async def feed_bytes(self, value: bytes, partition: int = 0) -> None:
        """A message that is not counted."""
        await self.producer.send(Record(IN.name, value, partition=partition))

    def start(self, failpoint: str = "", slot: int = 0) -> Life:
        """A new life, which meets its end at `failpoint`."""
        log = self.folder / f"failpoints-{len(self.lives)}"
        environment = os.environ | {"HAECHI_FAILPOINT": failpoint, "HAECHI_FAILPOINT_LOG": str(log)}
        job = msgspec.structs.replace(self.job, slot=slot)
        with (self.folder / f"worker-{len(self.lives)}.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.haechi.streaming.contract_worker", msgspec.json.encode(job).decode()],
                cwd=REPOSITORY,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.lives.append(Life(process, log))
        return self.lives[-1]

    async def all_acknowledged(self) -> None:
        """Wait until the group has committed up to the end of every partition."""
        async with asyncio.timeout(PATIENCE_S):
            await until_acknowledged(self.connection, GROUP, IN)

    async def lost(self) -> list[int]:
        """Numbers accepted and never put out."""
        sent = {msgspec.msgpack.decode(record.value) for record in await self._read(OUT)}
        return sorted(set(self.fed) - sent)

    def effects(self) -> list[int]:
        """The rows of the database."""
        connection = sqlite3.connect(self.folder / "effects")
        try:
            rows = [row[0] for row in connection.execute("select number from effects order by number")]
        finally:
            connection.close()
        return rows

    async def slots(self) -> set[bytes]:
        """The slots of the workers that have put something out."""
        return {dict(record.headers)["slot"] for record in await self._read(OUT)}

    async def kept(self) -> tuple[int, int]:
        """Sum and count over all blocks as the changelog has them: what the next start would take for the truth."""
        changelog = KeptBlocks(self.connection, GROUP, "blocks", Sealer(self.sealer_key))
        kept = [await changelog.load(partition) for partition in range(PARTITIONS)]
        blocks = [msgspec.msgpack.decode(block, type=Block) for one in kept for block in one.blocks.values()]
        return sum(block.total for block in blocks), sum(block.count for block in blocks)

    async def dead_letters(self) -> list[DeadLetter]:
        """What was put aside."""
        return [filed.letter async for filed in listing(self.connection, Sealer(self.sealer_key))]

    async def until(self, what: Callable[[], Any]) -> None:
        """Wait for a condition; `what` may be a coroutine function."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = what()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def feeding(self) -> AsyncIterator[None]:
        """A steady feed in the background. What it feeds last waits for who is alive: the dead may have done the rest."""
        enough = asyncio.Event()

        async def feed() -> None:
            while not enough.is_set():
                await self.feed(4)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(feed())
        try:
            yield
        finally:
            enough.set()
            await task
            await self.feed(4)

    async def close(self) -> None:
        for life in self.lives:
            if life.process.poll() is None:
                life.process.kill()
                life.process.wait()
        await self.producer.stop()

    async def _read(self, topic: topics.Topic) -> list[Any]:
        if not (ends := await ends_of(self.connection, topic)):
            return []
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **self.connection.options())
        await consumer.start()
        try:
            consumer.assign(list(ends))
            records: list[Any] = []
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        records += batch
            return records
        finally:
            await consumer.stop()
