"""A worker of `analytics.positions` on a real Kafka: what is fed, and what it says."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import permutations

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from haechi import topics
from haechi.codec import read_head
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick
from haechi.sealing import Sealer, create_key
from haechi.streaming import Connection, Producer, Record, StreamMetrics, Worker, connect
from haechi.streaming.admin import Changelog, ensure_topics
from tests.acknowledged import until_acknowledged

PATIENCE_S = 150
NAME = "analytics.positions"


class PositionStream:
    """Topics of this test's own."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.producer = Producer(connection, "test")
        self._key = create_key()

    @classmethod
    @asynccontextmanager
    async def on(cls, kafka_url: str) -> AsyncIterator["PositionStream"]:
        """The topics are made."""
        stream = cls(connect(KafkaSettings(url=kafka_url, prefix=f"{uuid.uuid4().hex[:12]}.")))
        wanted = [topics.POSITIONS, topics.ALERTS, topics.ALERTS_URGENT, topics.DEAD_LETTERS]
        await ensure_topics(stream.connection, wanted, [Changelog(NAME, topics.POSITIONS)])
        try:
            yield stream
        finally:
            await stream.producer.stop()

    def worker(self) -> Worker:
        """One more life of the process."""
        return Worker(NAME, self.connection, Sealer(self._key), StreamMetrics(CollectorRegistry()))

    async def tick(self, tick: Tick) -> None:
        """Into every partition."""
        value = wire.TICK.encode(tick)
        partitions = range(topics.POSITIONS.partitions)
        await self.producer.send(*[Record(topics.POSITIONS.name, value, partition=number) for number in partitions])

    async def positions(self, batch: PositionBatch) -> None:
        """Into the partition of its first row; the rows of others must not be in it."""
        partition = topics.partition_of(int(batch.shard[0]))
        await self.producer.send(Record(topics.POSITIONS.name, wire.POSITIONS.encode(batch), partition=partition))

    async def acknowledged(self) -> None:
        """Waits until the worker has acknowledged all of it: whoever comes next tells nothing of it again."""
        async with asyncio.timeout(PATIENCE_S):
            await until_acknowledged(self.connection, NAME, topics.POSITIONS)

    async def missed(self, partitions: set[int]) -> None:
        """Waits until each of these partitions holds whom all others of them miss."""
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **self.connection.options())
        await consumer.start()
        try:
            name = self.connection.name(topics.POSITIONS.name)
            consumer.assign([TopicPartition(name, number) for number in partitions])
            silent = set(permutations(partitions, 2))  # (where it is told, who tells it)
            async with asyncio.timeout(PATIENCE_S):
                while silent:
                    for place, batch in (await consumer.getmany(timeout_ms=200)).items():
                        heads = [record.value for record in batch if read_head(record.value).name == wire.MISSED.name]
                        told = [wire.MISSED.decode(value) for value in heads]
                        silent -= {(place.partition, one.partition) for one in told if one.parts}
        finally:
            await consumer.stop()

    async def alerts(self, enough: Callable[[list[Alert]], bool], topic: str = topics.ALERTS.name) -> list[Alert]:
        """All alerts on the topic, as soon as they are enough."""
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **self.connection.options())
        await consumer.start()
        try:
            name = self.connection.name(topic)
            consumer.assign([TopicPartition(name, number) for number in range(topics.ALERTS.partitions)])
            alerts: list[Alert] = []
            async with asyncio.timeout(PATIENCE_S):
                while not enough(alerts):
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        alerts += [wire.ALERT.decode(record.value) for record in batch]
            return alerts
        finally:
            await consumer.stop()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    """The worker runs, and is stopped by a signal as it would be."""
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await task
