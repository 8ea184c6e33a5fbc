"""Positions on their way into the trail while the process, or PostgreSQL, dies: each is there exactly once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.people import Consent
from haechi.domain.time import Tick
from haechi.ids import device_mark, shard_of
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.erasures import Erasures
from haechi.store.live import Live
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import PEOPLE, Registry
from haechi.streaming import Connection, Producer, Record, connect
from haechi.streaming.admin import ensure_topics
from haechi.streaming.dead_letters import DeadLetter, listing
from tests.cut import wire_to
from tests.faults.processes import started
from tests.haechi.store.conftest import person
from tests.positions import Fix, batch_of

pytestmark = pytest.mark.faults

KEY = create_key()
DEVICES, FIXES, A_BATCH = 24, 15, 5


class City:
    """People whose devices report, and the ledger of what was accepted."""

    def __init__(self, kafka: Connection, producer: Producer, pool: Pool, people: list[str]) -> None:
        self.kafka = kafka
        self.pool = pool
        self.ledger: set[tuple[str, datetime, int]] = set()
        self._producer = producer
        self._people = people
        self._began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)

    async def report(self, turn: int) -> None:
        """A few fixes of everyone; accepted when Kafka has them."""
        for who in self._people:
            fixes = [Fix(who, self._began + timedelta(seconds=turn * A_BATCH + n), f"of {who}") for n in range(A_BATCH)]
            await self.send(who, wire.POSITIONS.encode(batch_of(fixes)))
            self.ledger |= {(who, fix.at, device_mark(fix.device)) for fix in fixes}

    async def send(self, who: str, message: bytes) -> None:
        partition = topics.partition_of(shard_of(who))
        await self._producer.send(Record(topics.POSITIONS.name, message, partition=partition))

    async def put_aside(self) -> list[DeadLetter]:
        return [filed.letter async for filed in listing(self.kafka, Sealer(KEY))]

    async def trail(self) -> list[tuple[str, datetime, int]]:
        return [tuple(row) for row in await self.pool.fetch("SELECT person, at, device FROM trail")]

    async def balanced(self, seconds: float = 90) -> None:
        """Every accepted position is in the trail exactly once."""
        async with asyncio.timeout(seconds):
            while not set(await self.trail()) >= self.ledger:
                await asyncio.sleep(0.2)
        found = await self.trail()
        assert len(found) == len(set(found))
        assert set(found) == self.ledger


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:8]}."


@pytest.fixture
async def city(kafka_url: str, postgres_database: str, prefix: str) -> AsyncIterator[City]:
    connection = connect(KafkaSettings(url=kafka_url, prefix=prefix))
    await ensure_topics(connection, [topics.POSITIONS, topics.DEAD_LETTERS])
    await migrate(postgres_database)
    pool = await open_pool(postgres_database, size=2)
    await pool.execute("DELETE FROM trail")
    await ensure_district(pool, "haneul", "Haneul")
    registry = Registry(pool, Sealer(KEY))
    consent = Consent("Kim Minji", datetime(2020, 1, 1, tzinfo=UTC), ("position",))
    people = [(await registry.add(PEOPLE, "haneul", person(consent=consent))).value.id for _ in range(DEVICES)]
    producer = Producer(connection, "test")
    yield City(connection, producer, pool, people)
    await producer.stop()
    pool.terminate()


@pytest.fixture
def environment(postgres_database: str, redis_url: str, kafka_url: str, prefix: str, tmp_path: Path) -> dict[str, str]:
    return {
        "HAECHI_DATA": str(tmp_path / "data"),
        "HAECHI_DATA_KEY": KEY,
        "HAECHI_KAFKA__URL": kafka_url,
        "HAECHI_KAFKA__PREFIX": prefix,
        "HAECHI_POSTGRES__URL": postgres_database,
        "HAECHI_REDIS__URL": redis_url,
    }


@pytest.mark.parametrize("place", ["archive.before_commit", "archive.after_commit", "streaming.after_handle"])
async def test_killed_around_the_commit_every_accepted_position_is_in_the_trail_once(
    place: str, city: City, environment: dict[str, str], tmp_path: Path, redis_url: str
) -> None:
    for turn in range(FIXES // A_BATCH):
        await city.report(turn)
    async with started("analytics", "archive", tmp_path, environment, f"{place}=kill@3") as dying:
        await dying.died_at(place, 90)
    async with started("analytics", "archive", tmp_path, environment):
        await city.report(FIXES // A_BATCH)
        await city.balanced()
        newest = {who: max(at for w, at, _ in city.ledger if w == who) for who, _, _ in city.ledger}
        live = Live(redis_url)
        async with asyncio.timeout(60):
            while {who: p.at for who, p in (await live.positions(newest)).items()} != newest:
                await asyncio.sleep(0.2)
        await live.close()


async def test_while_postgresql_is_away_nothing_is_acknowledged_and_nothing_put_aside(
    city: City, environment: dict[str, str], tmp_path: Path, postgres_database: str
) -> None:
    async with wire_to(postgres_database) as (url, cable):
        environment["HAECHI_POSTGRES__URL"] = url
        async with started("analytics", "archive", tmp_path, environment) as process:
            await city.report(0)
            await city.balanced()
            cable.cut()
            await city.report(1)
            async with asyncio.timeout(60):
                while "stream.retry" not in process.log.read_text():
                    await asyncio.sleep(0.2)
            await process.kill()  # what it has not acknowledged comes again
        async with started("analytics", "archive", tmp_path, environment):
            await city.report(2)
            cable.mend()
            await city.balanced()
    assert await city.put_aside() == []


async def test_a_batch_that_cannot_be_kept_is_put_aside_with_its_reason_and_the_others_are_kept(
    city: City, environment: dict[str, str], tmp_path: Path
) -> None:
    await city.report(0)
    stranger = wire.POSITIONS.encode(batch_of([Fix("nobody's id", datetime.now(UTC))]))
    who = next(iter(city.ledger))[0]
    await city.send(who, stranger)
    await city.send(who, wire.TICK.encode(Tick("gateway", datetime.now(UTC), spool_empty=True)))
    await city.report(1)
    async with started("analytics", "archive", tmp_path, environment):
        await city.balanced()
        async with asyncio.timeout(60):
            while not (letters := await city.put_aside()):
                await asyncio.sleep(0.2)
    assert [(letter.app, letter.value) for letter in letters] == [("analytics.archive", stranger)]
    assert "no id of a person" in letters[0].reason


async def test_it_stops_when_asked_to_with_everything_kept(
    city: City, environment: dict[str, str], tmp_path: Path
) -> None:
    async with started("analytics", "archive", tmp_path, environment) as process:
        await city.report(0)
        await city.balanced()
        assert await process.stop() == 0, process.log.read_text()


@pytest.mark.parametrize("place", ["erasures.before_commit", "erasures.after_commit"])
async def test_killed_in_an_erasure_all_of_the_pass_is_done_once(
    place: str, city: City, environment: dict[str, str], tmp_path: Path, redis_url: str
) -> None:
    await city.report(0)
    erasures = Erasures(city.pool)
    async with started("analytics", "archive", tmp_path, environment, f"{place}=kill@1") as dying:
        await city.balanced()
        who = next(iter(city.ledger))[0]
        await erasures.ask("haneul", who, "asked in writing", by="admin")
        await dying.died_at(place, 90)
    async with started("analytics", "archive", tmp_path, environment):
        async with asyncio.timeout(60):
            while (receipt := await erasures.of("haneul", who)).state == "waiting":
                await asyncio.sleep(0.2)
        await city.report(1)  # also of the one who is gone: kept nowhere
        city.ledger = {row for row in city.ledger if row[0] != who}
        await city.balanced()
        live = Live(redis_url)
        async with asyncio.timeout(60):
            while await live.positions([who]):  # what came again after the kill may be shown once more, and goes
                await asyncio.sleep(0.2)
        await live.close()
    assert receipt.state == "erasing"
    assert receipt.counts["positions of the trail"] == A_BATCH
