"""What every consumer of a worker shares: retrying, sending, dead letters."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import structlog

from haechi.clock import Clock
from haechi.errors import PermanentError
from haechi.failpoints import failpoint
from haechi.sealing import Sealer
from haechi.streaming import dead_letters
from haechi.streaming.acks import Acks, Place
from haechi.streaming.metrics import StreamMetrics
from haechi.streaming.records import Decode, Event, EventTime, M, Record
from haechi.streaming.trouble import AWAY, Backoff, Unexpected
from haechi.topics import Topic

log = structlog.get_logger(__name__)
T = TypeVar("T")

# Awaited once the letter is filed; what it returns is sent before the event is acknowledged.
OnDeadLetter = Callable[[dead_letters.DeadLetter], Awaitable[Iterable[Record]]]


class Ended(Exception):  # noqa: N818 - not an error: a stop or a rebalance was asked for
    """The work in hand is left un-acknowledged; whoever gets the partition next does it again."""


class Message(Protocol):
    """The part of Faust's message that is used here."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Any  # a list or a mapping of str to bytes, as the producer gave it
    timestamp: float
    generation_id: int


class Sends(Protocol):
    """The part of Producer that is used here."""

    async def send(self, *records: Record) -> None:
        """Returns when all are acknowledged; TransientError, PermanentError."""


@dataclass
class Runtime:
    """Shared by the consumers of one worker. `retrying` tells the watchdog who waits for something that is away."""

    app_name: str
    producer: Sends
    acks: Acks
    metrics: StreamMetrics
    sealer: Sealer
    clock: Clock
    fail: Callable[[BaseException], None]
    check_trusted: Callable[[], None]
    end_of: Callable[[Place], int | None]  # the partition's next offset, as of the last fetch
    away: tuple[type[BaseException], ...] = AWAY
    retrying: set[object] = field(default_factory=set)

    async def persist(
        self, work: Callable[[], Awaitable[T]], topic: str, ended: asyncio.Event, *, patient: bool = True
    ) -> T:
        """The result of `work`, repeated in place while something is away.

        Raises PermanentError (also for one and the same unexpected exception three times; at once where not `patient`),
        and Ended when a stop or a rebalance is asked for in between.
        """
        backoff, unexpected, waiting = Backoff(), Unexpected(), object()
        try:
            while True:
                try:
                    return await work()
                except PermanentError:
                    raise
                except self.away as error:
                    kind, text = "transient", repr(error)
                    if waiting not in self.retrying:
                        self.retrying.add(waiting)
                        self.metrics.retrying.labels(topic).inc()
                except Exception as error:
                    # The isolation boundary of a room's code: any exception must end in a retry or in a dead letter.
                    log.warning("stream.unexpected", topic=topic, error=repr(error), exc_info=True)
                    if not patient:
                        raise PermanentError(repr(error)) from error
                    if (cause := unexpected.seen(error)) is not None:
                        raise cause from error
                    kind, text = "unexpected", repr(error)
                self.metrics.retries.labels(topic, kind).inc()
                wait = backoff.next()
                log.warning("stream.retry", topic=topic, kind=kind, error=text, wait_s=wait)
                await pause(ended, wait)
        finally:
            if waiting in self.retrying:
                self.retrying.discard(waiting)
                self.metrics.retrying.labels(topic).dec()

    async def deliver(self, records: Sequence[Record], topic: str, ended: asyncio.Event) -> None:
        """Send until the broker has acknowledged all; PermanentError, Ended."""
        if records:
            failpoint("streaming.before_output")
            await self.persist(lambda: self.producer.send(*records), topic, ended)
            failpoint("streaming.after_output")

    async def bury(
        self, topic: Topic, message: Message, reason: str, ended: asyncio.Event, hook: OnDeadLetter | None
    ) -> None:
        """File a dead letter, awaited; Ended when a stop comes before the broker has it."""
        letter = self.letter(topic, message, reason)
        failpoint("streaming.before_dead_letter")
        record = dead_letters.seal(letter, self.sealer)
        await self.persist(lambda: self.producer.send(record), topic.name, ended)
        failpoint("streaming.after_dead_letter")
        await self.tell(topic, letter, ended, hook)
        self.count_dead_letter(topic, message, reason)

    async def tell(
        self, topic: Topic, letter: dead_letters.DeadLetter, ended: asyncio.Event, hook: OnDeadLetter | None
    ) -> None:
        """Ask the hook, and send what it returns; Ended."""
        if hook is None:
            return
        try:
            records = await self.persist(lambda: hook(letter), topic.name, ended)
            await self.deliver(list(records), topic.name, ended)
        except PermanentError as error:
            # It is filed and counted; the alarm about it failed for good, which the log must say loudest of all.
            log.critical("stream.dead_letter_hook_failed", topic=topic.name, offset=letter.offset, error=str(error))

    def letter(self, topic: Topic, message: Message, reason: str) -> dead_letters.DeadLetter:
        """The message as it came, and why it could not be processed."""
        return dead_letters.DeadLetter(
            app=self.app_name,
            topic=topic.name,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            value=message.value,
            headers=headers_of(message),
            sent_at=datetime.fromtimestamp(message.timestamp, UTC),
            failed_at=self.clock(),
            reason=reason,
        )

    def count_dead_letter(self, topic: Topic, message: Message, reason: str) -> None:
        """Say that one was filed."""
        self.metrics.dead_letters.labels(topic.name).inc()
        log.error(
            "stream.dead_letter", topic=topic.name, partition=message.partition, offset=message.offset, reason=reason
        )

    def handled(self, topic: Topic, events: Iterable[Event[M]], event_time: EventTime[M] | None) -> None:
        """Keep how long each event of the topic took from its own time to now."""
        now, latency = self.clock(), self.metrics.latency.labels(topic.name)
        for event in events:
            since = (event_time(event.message) if event_time else None) or event.sent_at
            latency.observe(max(0.0, (now - since).total_seconds()))


async def pause(ended: asyncio.Event, seconds: float) -> None:
    """Wait; raises Ended as soon as a stop or a rebalance is asked for."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
    raise Ended


def place_of(message: Message) -> Place:
    """The partition a message came from."""
    return Place(message.topic, message.partition)


def headers_of(message: Message) -> tuple[tuple[str, bytes], ...]:
    """A message's headers, as they came."""
    headers = message.headers or ()
    pairs = headers.items() if hasattr(headers, "items") else headers
    return tuple((str(key), bytes(value)) for key, value in pairs)


def decoded(topic: Topic, message: Message, decode: Decode[M]) -> Event[M]:
    """The event; raises PermanentError for whatever keeps it from being decoded: the same bytes will never decode."""
    try:
        value = decode(message.value)
    except PermanentError:
        raise
    except Exception as error:  # the isolation boundary of a decoder: hostile bytes must not stop a partition
        raise PermanentError(f"does not decode: {error!r}") from error
    return Event(
        topic=topic.name,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        message=value,
        headers=headers_of(message),
        sent_at=datetime.fromtimestamp(message.timestamp, UTC),
    )
