"""Events that could not be processed: put aside encrypted, listed, shown and replayed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from haechi import topics
from haechi.codec import Wire
from haechi.errors import NotFound, PermanentError, TransientError
from haechi.sealing import Sealer
from haechi.streaming.connection import Connection
from haechi.streaming.producer import Producer
from haechi.streaming.records import Headers, Record

REPLAYED = "haechi-replayed-dead-letter"
_CONTEXT = b"dead-letter"


class DeadLetter(msgspec.Struct, frozen=True):
    """An event as it came, who could not process it, and why."""

    app: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers
    sent_at: datetime
    failed_at: datetime
    reason: str


@dataclass(frozen=True)
class Filed:
    """A dead letter and its number, the offset in the topic `dead-letters`."""

    number: int
    letter: DeadLetter


WIRE = Wire("dead-letter", 1, DeadLetter)


def seal(letter: DeadLetter, sealer: Sealer) -> Record:
    """The record that files a dead letter."""
    return Record(topics.DEAD_LETTERS.name, sealer.seal(WIRE.encode(letter), _CONTEXT))


def unseal(value: bytes, sealer: Sealer) -> DeadLetter:
    """The letter; raises PermanentError when the data key is another one."""
    return WIRE.decode(sealer.open(value, _CONTEXT))


async def listing(connection: Connection, sealer: Sealer) -> AsyncIterator[Filed]:
    """All dead letters that are still kept, oldest first."""
    async with _reader(connection) as (consumer, place):
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    if record.offset < end:
                        yield Filed(record.offset, unseal(record.value, sealer))


async def show(connection: Connection, sealer: Sealer, number: int) -> DeadLetter:
    """One dead letter by its number; NotFound when there is none (any more)."""
    async with _reader(connection) as (consumer, place):
        first = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        if not first <= number < end:
            raise NotFound(f"No dead letter {number}: {first} to {end - 1} are kept.")
        consumer.seek(place, number)
        record = await consumer.getone()
        return unseal(record.value, sealer)


async def replay(connection: Connection, sealer: Sealer, producer: Producer, number: int) -> DeadLetter:
    """Send a dead letter's original bytes to the topic and partition they came from, marked by a header.

    Ids are deterministic and sinks idempotent, so a second replay has no second effect. The letter itself stays.
    PermanentError in words where it came by no topic.
    """
    letter = await show(connection, sealer, number)
    if letter.partition < 0:
        raise PermanentError(
            f"Dead letter {number} came by MQTT ({letter.topic}), not by Kafka: the device must send it again."
        )
    headers = (*letter.headers, (REPLAYED, str(number).encode()))
    await producer.send(Record(letter.topic, letter.value, letter.key, letter.partition, headers))
    return letter


@asynccontextmanager
async def _reader(connection: Connection) -> AsyncIterator[tuple[AIOKafkaConsumer, TopicPartition]]:
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **connection.options())
    place = TopicPartition(connection.name(topics.DEAD_LETTERS.name), 0)
    try:
        try:
            await asyncio.wait_for(consumer.start(), 10)
        except (KafkaError, OSError) as error:
            raise TransientError(f"Kafka cannot be reached at {connection.servers}: {error}") from error
        consumer.assign([place])
        yield consumer, place
    finally:
        await consumer.stop()
