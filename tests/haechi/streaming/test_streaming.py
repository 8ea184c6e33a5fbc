"""The parts of streaming on a real Kafka: topics, newest-only, dead letters, ticks."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from haechi import topics
from haechi.config import KafkaSettings, load
from haechi.domain import wire
from haechi.errors import ConfigError, NotFound, PermanentError
from haechi.sealing import Sealer, create_key
from haechi.streaming import (
    Connection,
    Event,
    PartlyApplied,
    Producer,
    Record,
    StreamMetrics,
    Worker,
    connect,
    tick_for_ever,
)
from haechi.streaming.admin import Changelog, check_topics, ensure_topics
from haechi.streaming.cli import dead_letters_app
from haechi.streaming.dead_letters import REPLAYED, DeadLetter, listing, replay, seal, show
from haechi.topics import Topic

PATIENCE_S = 150
ONE = Topic("one", 2, timedelta(hours=8))


@pytest.fixture
def connection(kafka_url: str) -> Connection:
    return connect(KafkaSettings(url=kafka_url, prefix=f"{uuid.uuid4().hex[:12]}."))


@pytest.fixture
async def producer(connection: Connection) -> AsyncIterator[Producer]:
    it = Producer(connection, "test")
    yield it
    await it.stop()


async def test_topics_are_made_once_with_segments_of_an_eighth_of_their_retention(connection: Connection) -> None:
    urgent = Topic("urgent", 2, timedelta(hours=8), flush_each=True)
    made = await ensure_topics(connection, [urgent], [Changelog("app", ONE)])
    assert made == [connection.name("urgent"), connection.name("app-blocks-changelog")]
    assert await ensure_topics(connection, [urgent], [Changelog("app", ONE)]) == []
    configs = await _configs(connection, "urgent")
    assert int(configs["segment.ms"]) == 3_600_000
    assert int(configs["retention.ms"]) + int(configs["segment.ms"]) == 8 * 3_600_000
    assert configs["flush.messages"] == "1"
    assert (await _configs(connection, "app-blocks-changelog"))["cleanup.policy"] == "compact"


async def test_another_number_of_partitions_is_refused_in_words(connection: Connection) -> None:
    await ensure_topics(connection, [ONE])
    wider = Topic(ONE.name, 3, ONE.keep)
    with pytest.raises(ConfigError, match=r"has 2 partitions, 3 are needed.*kafka.prefix.*haechi migrate"):
        await check_topics(connection, [wider])
    with pytest.raises(ConfigError, match=r"has 2 partitions, 3 are needed"):
        await ensure_topics(connection, [wider])
    with pytest.raises(ConfigError, match=r"no topic .*none.*haechi migrate"):
        await check_topics(connection, [Topic("none", 1, ONE.keep)])


async def test_a_record_that_no_topic_takes_is_refused_for_good(connection: Connection, producer: Producer) -> None:
    await ensure_topics(connection, [ONE])
    with pytest.raises(PermanentError, match="larger than topic 'one' takes"):
        await producer.send(Record("one", bytes(6 * 1024 * 1024)))
    await producer.send(Record("one", b"small"))


async def test_a_dead_letter_is_sealed_listed_shown_and_replayed(connection: Connection, producer: Producer) -> None:
    sealer = Sealer(create_key())
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS])
    now = datetime.now(UTC)
    letter = DeadLetter("app", "one", 1, 7, b"key", b"a name", (("h", b"v"),), now, now, "does not decode")
    await producer.send(seal(letter, sealer))
    assert [(filed.number, filed.letter) async for filed in listing(connection, sealer)] == [(0, letter)]
    assert await show(connection, sealer, 0) == letter
    with pytest.raises(NotFound, match="No dead letter 5"):
        await show(connection, sealer, 5)
    with pytest.raises(PermanentError, match="another HAECHI_DATA_KEY"):
        await show(connection, Sealer(create_key()), 0)
    assert b"a name" not in (await _read(connection, topics.DEAD_LETTERS.name, 0, 1))[0].value
    assert await replay(connection, sealer, producer, 0) == letter
    [record] = await _read(connection, "one", 1, 1)
    assert (record.key, record.value, dict(record.headers)) == (b"key", b"a name", {"h": b"v", REPLAYED: b"0"})


async def test_words_that_look_like_markup_or_move_a_terminal_hide_no_dead_letter(
    kafka_url: str, connection: Connection, producer: Producer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_key()
    await ensure_topics(connection, [topics.DEAD_LETTERS])
    now = datetime.now(UTC)
    letter = DeadLetter("app", "owntracks/u/[/x]", -1, 7, None, b"", (), now, now, "[/y] \x1b[2J")
    await producer.send(seal(letter, Sealer(key)))
    monkeypatch.setenv("COLUMNS", "200")
    settings = load(
        {
            "HAECHI_KAFKA__URL": kafka_url,
            "HAECHI_KAFKA__PREFIX": connection.prefix,
            "HAECHI_DATA_KEY": key,
        },
        data=tmp_path,
    )

    async def write_down(*_: object) -> None: ...

    app = dead_letters_app(lambda _: settings, write_down)
    for command in (["list"], ["show", "0"]):
        said = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert said.exit_code == 0, said.output
        assert "[/x]" in said.output
        assert r"[/y] \x1b[2J" in said.output


async def test_every_partition_gets_a_tick_that_says_whether_the_spool_is_empty(
    connection: Connection, producer: Producer
) -> None:
    await ensure_topics(connection, [ONE])
    now = datetime(2026, 3, 1, tzinfo=UTC)
    task = asyncio.create_task(tick_for_ever(producer, ONE, "gateway-1", lambda: False, clock=lambda: now))
    try:
        for partition in range(ONE.partitions):
            [record, *_] = await _read(connection, "one", partition, 1)
            tick = wire.TICK.decode(record.value)
            assert (tick.producer, tick.at, tick.spool_empty) == ("gateway-1", now, False)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_only_the_newest_frame_of_each_camera_is_looked_at_and_every_other_is_counted(
    connection: Connection, producer: Producer
) -> None:
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS])
    await producer.send(Record("one", b"before the start", key=b"cam-1"))
    registry = CollectorRegistry()
    worker = Worker("vision", connection, Sealer(create_key()), StreamMetrics(registry), start="latest")
    looked: list[list[bytes]] = []
    labels = {"topic": "one", "why": "overwritten"}

    def overwritten() -> float:
        return registry.get_sample_value("haechi_stream_dropped_total", labels) or 0

    busy, go_on = asyncio.Event(), asyncio.Event()

    async def look(events: Sequence[Event[bytes]]) -> list[Record]:
        looked.append([event.message for event in events])
        if looked[-1] != [b"hello"]:
            busy.set()
            await go_on.wait()
        return []

    worker.consume_newest(ONE, look, bytes, max_age_s=3600)
    async with _running(worker):
        async with asyncio.timeout(PATIENCE_S):
            while not looked:  # it starts at the newest: what came before is never seen
                await producer.send(Record("one", b"hello", key=b"cam-0", partition=0))
                await asyncio.sleep(0.1)
            await producer.send(Record("one", b"first", key=b"cam-1", partition=0))
            await busy.wait()
            greetings = overwritten()  # where several waited to be looked at
            await producer.send(Record("one", b"2-0", key=b"cam-2", partition=0))
            for number in range(5):
                await producer.send(Record("one", b"1-%d" % number, key=b"cam-1", partition=0))
            while overwritten() < greetings + 4:
                await asyncio.sleep(0.05)
            go_on.set()
            while [b"1-4", b"2-0"] not in looked:
                await asyncio.sleep(0.05)
    assert [b"before the start"] not in looked


async def test_lag_and_acknowledgements_are_shown(connection: Connection, producer: Producer) -> None:
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS])
    registry = CollectorRegistry()
    worker = Worker("shown", connection, Sealer(create_key()), StreamMetrics(registry))
    go_on = asyncio.Event()

    async def handle(_: Sequence[Event[bytes]]) -> list[Record]:
        await go_on.wait()
        return []

    worker.consume(ONE, handle, bytes, batch=1)
    await producer.send(*[Record("one", b"%d" % number, partition=0) for number in range(7)])
    labels = {"topic": "one", "partition": "0"}
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        while registry.get_sample_value("haechi_stream_lag", labels) != 7:
            await asyncio.sleep(0.05)
        go_on.set()
        while registry.get_sample_value("haechi_stream_lag", labels) != 0:
            await asyncio.sleep(0.05)
    assert registry.get_sample_value("haechi_stream_acked_total", {"topic": "one"}) == 7
    assert registry.get_sample_value("haechi_stream_latency_seconds_count", {"topic": "one"}) == 7


async def test_who_joined_while_a_kafka_that_began_anew_did_not_know_the_topic_yet_hears_it_soon_after(
    connection: Connection, producer: Producer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its group gave it no partition then, and nothing else tells it that there are some: it was deaf for five minutes."""

    async def were_there(*_: object) -> None:
        """When the worker started."""

    monkeypatch.setattr("haechi.streaming.admin.check_topics", were_there)
    await ensure_topics(connection, [topics.DEAD_LETTERS])
    worker = Worker("early", connection, Sealer(create_key()), StreamMetrics(CollectorRegistry()))
    heard = asyncio.Event()

    async def handle(_: Sequence[Event[bytes]]) -> list[Record]:
        heard.set()
        return []

    worker.consume(ONE, handle, bytes)
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        while f"No partition metadata for topic {connection.name('one')}" not in caplog.text:
            await asyncio.sleep(0.05)
        await ensure_topics(connection, [ONE])
        await producer.send(Record("one", b"help"))
        await heard.wait()


async def test_who_lingers_waits_for_a_full_batch_and_no_longer(connection: Connection, producer: Producer) -> None:
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS])
    registry = CollectorRegistry()
    worker = Worker("slow", connection, Sealer(create_key()), StreamMetrics(registry))
    handled: list[list[bytes]] = []

    async def handle(events: Sequence[Event[bytes]]) -> list[Record]:
        handled.append([event.message for event in events])
        return []

    worker.consume(ONE, handle, bytes, batch=6, linger_s=PATIENCE_S)
    labels = {"topic": "one", "partition": "0"}
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        for turn in range(2):
            await producer.send(*[Record("one", b"%d" % (3 * turn + n), partition=0) for n in range(3)])
            while turn == 0 and registry.get_sample_value("haechi_stream_lag", labels) != 3:
                await asyncio.sleep(0.05)
        while not handled:
            await asyncio.sleep(0.05)
    assert handled == [[b"%d" % n for n in range(6)]]


class HalfBroken:
    """Two parts in one state: one echoes, the other cannot bear an odd offset."""

    def load(self, shard: int, block: bytes) -> None:
        raise AssertionError("nothing was kept")

    def apply(self, offset: int, message: bytes) -> Sequence[bytes]:
        if offset % 2:
            raise PartlyApplied([message], "the other part: odd")
        return [message]

    def changed(self) -> Iterable[tuple[int, bytes]]:
        return [(0, b"block")]


async def test_a_part_of_a_state_that_fails_is_filed_and_the_others_outputs_leave(
    connection: Connection, producer: Producer
) -> None:
    sealer, registry = Sealer(create_key()), CollectorRegistry()
    out = Topic("out", 2, timedelta(hours=8))
    await ensure_topics(connection, [ONE, out, topics.DEAD_LETTERS], [Changelog("half", ONE)])
    worker = Worker("half", connection, sealer, StreamMetrics(registry))
    worker.consume_with_state(ONE, lambda _: HalfBroken(), lambda value: [Record("out", value, partition=0)], bytes)
    await producer.send(*[Record("one", b"%d" % number, partition=0) for number in range(4)])
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        while registry.get_sample_value("haechi_stream_acked_total", {"topic": "one"}) != 4:
            await asyncio.sleep(0.05)
    assert [record.value for record in await _read(connection, "out", 0, 4)] == [b"0", b"1", b"2", b"3"]
    letters = [(filed.letter.value, filed.letter.reason) async for filed in listing(connection, sealer)]
    assert letters == [(b"1", "the other part: odd"), (b"3", "the other part: odd")]
    assert registry.get_sample_value("haechi_stream_dead_letters_total", {"topic": "one"}) == 2


class Counting:
    """Takes several messages in one step, and notes how many."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def load(self, shard: int, block: bytes) -> None:
        raise AssertionError("nothing was kept")

    def apply(self, offset: int, message: bytes) -> Sequence[bytes]:
        return self.apply_all(((offset, message),))

    def apply_all(self, messages: Sequence[tuple[int, bytes]]) -> Sequence[bytes]:
        self.steps.append(len(messages))
        return []

    def changed(self) -> Iterable[tuple[int, bytes]]:
        return [(0, b"block")]


async def test_a_state_takes_what_waits_in_few_steps(connection: Connection, producer: Producer) -> None:
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS], [Changelog("many", ONE)])
    registry, state = CollectorRegistry(), Counting()
    worker = Worker("many", connection, Sealer(create_key()), StreamMetrics(registry))
    worker.consume_with_state(ONE, lambda _: state, lambda _: [], bytes)
    await producer.send(*[Record("one", b"%d" % number, partition=number % 2) for number in range(3000)])
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        while registry.get_sample_value("haechi_stream_acked_total", {"topic": "one"}) != 3000:
            await asyncio.sleep(0.05)
    assert sum(state.steps) == 3000
    assert len(state.steps) < 300


async def test_a_worker_that_stands_still_without_a_reason_ends(connection: Connection, producer: Producer) -> None:
    await ensure_topics(connection, [ONE, topics.DEAD_LETTERS])
    worker = Worker("stuck", connection, Sealer(create_key()), StreamMetrics(CollectorRegistry()), watchdog_s=1)

    async def handle(_: Sequence[Event[bytes]]) -> list[Record]:
        await asyncio.Event().wait()
        return []

    worker.consume(ONE, handle, bytes)
    await producer.send(Record("one", b"stuck"))
    with pytest.raises(Exception, match="messages wait and none was acknowledged"):
        async with asyncio.timeout(PATIENCE_S):
            await worker.run()


@asynccontextmanager
async def _running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await task


async def _read(connection: Connection, topic: str, partition: int, count: int) -> list[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **connection.options())
    await consumer.start()
    try:
        consumer.assign([TopicPartition(connection.name(topic), partition)])
        async with asyncio.timeout(PATIENCE_S):
            return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


async def _configs(connection: Connection, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    try:
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, connection.name(topic))])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await admin.close()
