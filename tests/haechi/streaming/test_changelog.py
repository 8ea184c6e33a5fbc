"""The blocks of a state as they lie in Kafka: sealed, and still read where an older version left them plain."""

import asyncio
import socket
from collections.abc import Iterable, Sequence

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from haechi import topics
from haechi.config import KafkaSettings
from haechi.embedded.addresses import HOST
from haechi.errors import PermanentError, TransientError
from haechi.sealing import Sealer, create_key
from haechi.streaming import Connection, Producer, Record, StreamMetrics, Worker, admin, connect
from haechi.streaming.changelog import Changelog, Kept, changelog_name
from tests.haechi.streaming.test_streaming import ONE, PATIENCE_S, _running, connection, producer

__all__ = ["connection", "producer"]
WHERE = b"device k3jf9a2kwmdkfjs at 126.9227, 37.6186"
TOPIC = changelog_name("app", "blocks")


def changelog(connection: Connection, sealer: Sealer) -> Changelog:
    return Changelog(connection, "app", "blocks", sealer)


async def written(connection: Connection) -> list[bytes]:
    """The values of partition 0 as they lie there."""
    consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **connection.options())
    await consumer.start()
    try:
        place = TopicPartition(connection.name(TOPIC), 0)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        values: list[bytes] = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()


async def test_a_block_is_sealed_by_the_data_key_and_opens_with_no_other(
    connection: Connection, producer: Producer
) -> None:
    await admin.ensure_topics(connection, [ONE], [admin.Changelog("app", ONE)])
    ours = changelog(connection, Sealer(create_key()))
    await producer.send(*ours.records(0, {2: b"older", 4: WHERE}, 7), *ours.records(0, {2: WHERE}, 9))
    assert await ours.load(0) == Kept({2: WHERE, 4: WHERE})
    assert not [value for value in await written(connection) if b"k3jf9a" in value]
    with pytest.raises(PermanentError, match=r"sealed with another HAECHI_DATA_KEY\. Start with that key"):
        await changelog(connection, Sealer(create_key())).load(0)


async def test_a_block_is_packed_and_one_that_an_older_version_sealed_as_it_was_still_opens(
    connection: Connection, producer: Producer
) -> None:
    await admin.ensure_topics(connection, [ONE], [admin.Changelog("app", ONE)])
    ours, fleet = changelog(connection, sealer := Sealer(create_key())), WHERE * 50
    older = sealer.seal(WHERE, f"{TOPIC}:2".encode())
    await producer.send(Record(TOPIC, older, b"2", 0, (("position", b"7"), ("sealed", b"1"))))
    await producer.send(*ours.records(0, {4: fleet}, 7))
    assert await ours.load(0) == Kept({2: WHERE, 4: fleet})
    assert len((await written(connection))[-1]) < len(fleet) / 4


async def test_a_block_that_a_former_owner_wrote_late_does_not_take_the_place_of_the_newer_one(
    connection: Connection, producer: Producer
) -> None:
    await admin.ensure_topics(connection, [ONE], [admin.Changelog("app", ONE)])
    ours = changelog(connection, Sealer(create_key()))
    await producer.send(*ours.records(0, {2: b"has applied more"}, 9))
    await producer.send(*ours.records(0, {2: b"stood still", 4: WHERE}, 7))
    assert await ours.load(0) == Kept({2: b"has applied more", 4: WHERE})


async def test_of_two_blocks_that_have_applied_the_same_the_later_one_stands(
    connection: Connection, producer: Producer
) -> None:
    """Of a worker that began again where its acknowledgement was lost: by then it may know of whom nothing is kept."""
    await admin.ensure_topics(connection, [ONE], [admin.Changelog("app", ONE)])
    ours = changelog(connection, Sealer(create_key()))
    await producer.send(*ours.records(0, {2: WHERE}, 9), *ours.records(0, {2: b"they are forgotten"}, 9))
    assert await ours.load(0) == Kept({2: b"they are forgotten"})


def test_a_block_is_kept_under_its_shard_in_the_partition_whose_it_is() -> None:
    nowhere = connect(KafkaSettings(url=f"kafka://{HOST}:9"))
    (record,) = changelog(nowhere, Sealer(create_key())).records(3, {2: WHERE}, 7)
    assert (record.topic, record.partition, record.key) == (TOPIC, 3, b"2")


async def test_a_kafka_that_lets_everybody_in_and_answers_nobody_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.streaming.changelog._ANSWER_S", 0.05)
    with socket.create_server((HOST, 0)) as mute:
        still = connect(KafkaSettings(url=f"kafka://{HOST}:{mute.getsockname()[1]}"))
        with pytest.raises(TransientError, match="cannot be read") as away:
            await changelog(still, Sealer(create_key())).load(0)
    assert isinstance(away.value.__cause__, TimeoutError)


async def test_blocks_that_cannot_be_read_now_are_read_later(unused_tcp_port: int) -> None:
    away = connect(KafkaSettings(url=f"kafka://127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(TransientError, match="'app-blocks-changelog' cannot be read"):
        await changelog(away, Sealer(create_key())).load(0)


class Still:
    """A state that remembers what it was given, and changes by nothing."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytes] = {}

    def load(self, shard: int, block: bytes) -> None:
        self.blocks[shard] = block

    def apply(self, offset: int, message: bytes) -> Sequence[bytes]:
        return []

    def changed(self) -> Iterable[tuple[int, bytes]]:
        return []


async def test_a_block_that_an_older_version_left_is_read_and_sealed_with_the_first_checkpoint(
    connection: Connection, producer: Producer
) -> None:
    wanted = [ONE, topics.DEAD_LETTERS]
    await admin.ensure_topics(connection, wanted, [admin.Changelog("app", ONE)])
    await producer.send(Record(TOPIC, WHERE, b"6", 0, (("position", b"0"),)))
    ours = changelog(connection, sealer := Sealer(create_key()))
    assert await ours.load(0) == Kept({6: WHERE}, frozenset({6}))
    state, registry = Still(), CollectorRegistry()
    worker = Worker("app", connection, sealer, StreamMetrics(registry))
    worker.consume_with_state(ONE, lambda _: state, lambda _: [], bytes)
    await producer.send(Record("one", b"a message", partition=0))
    async with _running(worker), asyncio.timeout(PATIENCE_S):
        while registry.get_sample_value("haechi_stream_acked_total", {"topic": "one"}) != 1:
            await asyncio.sleep(0.05)
    assert state.blocks == {6: WHERE}
    assert await ours.load(0) == Kept({6: WHERE})


def test_the_stream_that_a_receipt_names_is_the_one_that_is_written() -> None:
    assert topics.POSITION_BLOCKS.name == changelog_name("analytics.positions", "blocks")
    assert topics.STATES["analytics.positions"].partitions == topics.POSITION_BLOCKS.partitions
