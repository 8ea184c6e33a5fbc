"""What a consumer receives and what it sends."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

M = TypeVar("M")

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One message to send. `topic` is the name in `haechi.topics`, without the configured prefix.

    `partition` None: Kafka's hash of the key chooses. Give `topics.partition_of(shard)` where the design keys by shard.
    """

    topic: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Event(Generic[M]):
    """One message received and decoded. `sent_at` is when its producer sent it, or, on a topic with
    `broker_time`, when the broker had it; not the event time inside."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    message: M
    headers: Headers
    sent_at: datetime


# Handles events of one partition, in order; what it returns is sent, and acknowledged by the broker, before they are.
Handler: TypeAlias = Callable[[Sequence[Event[M]]], Awaitable[Iterable[Record]]]
Decode: TypeAlias = Callable[[bytes], M]
EventTime: TypeAlias = Callable[[M], datetime | None]
