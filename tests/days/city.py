"""The people of a simulated day in the registry, and the real processes that watch over them, on real servers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import DEVICES, PEOPLE, SAFE_ZONES, Table, to_column
from haechi.streaming import Connection, connect
from haechi.streaming.admin import Changelog, ensure_topics
from haechi.topics import Topic
from tests.acknowledged import ends_of, until_acknowledged
from tests.days.lives import DISTRICT, Someone
from tests.faults.processes import Started, started

PATIENCE_S = 300
POSITIONS = "analytics.positions"
# Who reads what, in the order of the flow.
READERS = (
    (POSITIONS, topics.POSITIONS),
    ("analytics.urgent", topics.URGENT),
    ("alerts.incidents.urgent", topics.ALERTS_URGENT),
    ("alerts.incidents", topics.ALERTS),
)
# Kafka's time is that of the day, which is long ago.
_POSITIONS = msgspec.structs.replace(topics.POSITIONS, broker_time=False, keep=timedelta(days=10_000))
_TOPICS = (_POSITIONS, topics.URGENT, topics.ALERTS, topics.ALERTS_URGENT, topics.DEAD_LETTERS)


class City:
    """Topics and a database of its own."""

    def __init__(
        self, connection: Connection, pool: Pool, sealer: Sealer, folder: Path, settings: dict[str, str]
    ) -> None:
        self.connection = connection
        self.pool = pool
        self._sealer = sealer
        self._folder = folder
        self._settings = settings

    async def register(self, people: Iterable[Someone]) -> None:
        """In one go; whoever is there already is changed."""
        rows = [one.rows() for one in people]
        tables: tuple[Table, ...] = (PEOPLE, DEVICES, SAFE_ZONES)
        async with self.pool.acquire() as connection, connection.transaction():
            for place, table in enumerate(tables):
                await _put(connection, table, [row[place] for row in rows], self._sealer)

    def started(self, name: str, failpoint: str = "") -> AbstractAsyncContextManager[Started]:
        """The process `name`, killed at the end."""
        room, _, own = name.partition(".")
        return started(room, own, self._folder, self._settings, failpoint)

    async def acknowledged(self, readers: Iterable[tuple[str, Topic]] = READERS) -> None:
        """Wait until each has acknowledged all that it was given, one after the other."""
        async with asyncio.timeout(PATIENCE_S):
            for group, topic in readers:
                await until_acknowledged(self.connection, group, topic)

    async def shared_by(self, workers: int, group: str = POSITIONS) -> None:
        """Wait until so many workers have divided the partitions among them."""
        admin = AIOKafkaAdminClient(**self.connection.options())
        await admin.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(await _owners(admin, self.connection.name(group))) != workers:
                    await asyncio.sleep(0.2)
        finally:
            await admin.close()

    async def one_becomes_four_and_one_again(
        self, running: AsyncExitStack, *stretches: AbstractAsyncContextManager[None]
    ) -> None:
        """Workers of the positions, over three stretches of the day: one; four; and again one, when two were killed and one was
        told to stop. At the end the last one is killed too."""
        one, four, one_again = stretches
        start = running.enter_async_context
        async with one:
            first = await start(self.started(POSITIONS))
            await self.shared_by(1)
        async with four:
            second, third, fourth = [await start(self.started(POSITIONS)) for _ in range(3)]
            await self.shared_by(4)
        async with one_again:
            await first.kill()
            await second.kill()
            assert await third.stop() == 0
            await self.shared_by(1)
        await fourth.kill()

    async def alerts(self) -> list[Alert]:
        """All that was decided, each partition's in its order."""
        return [
            wire.ALERT.decode(value)
            for topic in (topics.ALERTS_URGENT, topics.ALERTS)
            for value in await self._all(topic)
        ]

    async def letters(self) -> int:
        """How many messages were put aside."""
        return sum((await ends_of(self.connection, topics.DEAD_LETTERS)).values())

    async def _all(self, topic: Topic) -> list[bytes]:
        if not (ends := await ends_of(self.connection, topic)):
            return []
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **self.connection.options())
        await consumer.start()
        try:
            consumer.assign(list(ends))
            found: list[bytes] = []
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [record.value for record in records]
            return found
        finally:
            await consumer.stop()


@asynccontextmanager
async def city(kafka_url: str, database: str, redis_url: str, folder: Path) -> AsyncIterator[City]:
    """Topics and tables are made, empty. A tick a minute is often enough for a door."""
    key, prefix = create_key(), f"{uuid4().hex[:12]}."
    connection = connect(KafkaSettings(url=kafka_url, prefix=prefix))
    await ensure_topics(connection, _TOPICS, [Changelog(POSITIONS, topics.POSITIONS)])
    pool = await open_pool(database, size=2)
    await pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")  # the test before it may have left incidents
    await migrate(database)
    await ensure_district(pool, DISTRICT, "Haneul-dong")
    settings = {
        "HAECHI_DATA": str(folder / "data"),
        "HAECHI_DATA_KEY": key,
        "HAECHI_DISTRICT": DISTRICT,
        "HAECHI_KAFKA__URL": kafka_url,
        "HAECHI_KAFKA__PREFIX": prefix,
        "HAECHI_POSTGRES__URL": database,
        "HAECHI_REDIS__URL": redis_url,
        "HAECHI_ANALYTICS__BLIND_AFTER_S": "600",
    }
    try:
        yield City(connection, pool, Sealer(key), folder, settings)
    finally:
        pool.terminate()


async def _put(connection, table: Table, rows: list[msgspec.Struct], sealer: Sealer) -> None:
    names = table.columns
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    fresh = ", ".join(f"{name} = excluded.{name}" for name in names)
    await connection.executemany(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {fresh}",
        [[to_column(table, row, name, sealer) for name in names] for row in rows],
    )


async def _owners(admin: AIOKafkaAdminClient, group: str) -> list[str]:
    """The workers that have a partition; none while they are being handed out."""
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:
        return []
    ((_, _, state, _, _, members, *_),) = answer.groups
    if state != "Stable":
        return []
    return [member[0] for member in members if ConsumerProtocolMemberAssignment.decode(member[4]).partitions()]
