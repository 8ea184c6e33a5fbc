"""A simulated day into the real Kafka: batches, presses, and the ticks that let time pass."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress

import numpy as np
from aiokafka import AIOKafkaProducer

from haechi import topics
from haechi.domain import wire
from haechi.domain.geo import Point
from haechi.domain.people import UrgentCall
from haechi.domain.time import Tick, instant_of
from haechi.ids import input_id, shard_of
from haechi.streaming import Connection, Record
from tests.days.fixes import MINUTE, Day
from tests.days.lives import DISTRICT, PLANE, Someone, Span

_AT_ONCE = 800  # records on their way together


class Feed:
    """One gateway, and the broker's clock: what Kafka has in a minute of the day, it has had in that minute.

    In the minutes of `spooling` the gateway cannot send: it says so, and delivers in order when they are over.
    """

    def __init__(self, connection: Connection, producer: AIOKafkaProducer, spooling: Span | None) -> None:
        self._connection = connection
        self._producer = producer
        self._spooling = spooling or Span(0, 0)
        self._spool: list[Record] = []

    async def give(self, people: list[Someone], day: Day, minutes: Span, *, per_s: float | None = None) -> None:
        """Accepted by Kafka: what the devices deliver in these minutes, so many minutes a second."""
        accepted: list[asyncio.Future[object]] = []
        for minute in range(*minutes):
            accepted += await self._queue(day.begins + (minute + 1) * MINUTE, self._minute(people, day, minute))
            if len(accepted) >= _AT_ONCE or per_s is not None:
                await asyncio.gather(*accepted)
                accepted = []
            if per_s is not None:
                await asyncio.sleep(1 / per_s)
        await asyncio.gather(*accepted)

    @asynccontextmanager
    async def giving(self, people: list[Someone], day: Day, minutes: Span, *, per_s: float) -> AsyncIterator[None]:
        """The same beside what happens inside; at its end all of it has been given."""
        task = asyncio.create_task(self.give(people, day, minutes, per_s=per_s))
        try:
            yield
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def pass_time(self, begins: int, minutes: range) -> None:
        """Nothing but ticks."""
        for minute in minutes:
            at = begins + minute * MINUTE
            await asyncio.gather(*await self._queue(at, _ticks(at, spool_empty=True)))

    async def _queue(self, at: int, records: Iterable[Record]) -> list[asyncio.Future[object]]:
        """Done when the broker has them. Calls have its true time, or it would throw them away as too old."""
        accepted = []
        for one in records:
            when = at // 1000 if one.topic == topics.POSITIONS.name else None
            name = self._connection.name(one.topic)
            accepted.append(await self._producer.send(name, one.value, one.key, one.partition, timestamp_ms=when))
        return accepted

    def _minute(self, people: list[Someone], day: Day, minute: int) -> Iterator[Record]:
        for partition in range(topics.PARTITIONS):
            if (batch := day.batch(minute, partition)) is not None:
                assert len(batch) <= 500, "the gateway would make two batches of it"
                value = wire.POSITIONS.encode(batch)
                self._spool.append(Record(topics.POSITIONS.name, value, partition=partition))
        yield from (_press(one, day.begins + minute * MINUTE) for one in people if minute in one.life.presses)
        spools = self._spooling.start <= minute < self._spooling.end
        if not spools:
            yield from self._spool
            self._spool.clear()
        yield from _ticks(day.begins + (minute + 1) * MINUTE, spool_empty=not spools)


@asynccontextmanager
async def feeding(connection: Connection, *, spooling: Span | None = None) -> AsyncIterator[Feed]:
    """A feed into these topics."""
    producer = AIOKafkaProducer(enable_idempotence=True, request_timeout_ms=300_000, **connection.options())
    await producer.start()
    try:
        yield Feed(connection, producer, spooling)
    finally:
        await producer.stop()


def _ticks(at: int, *, spool_empty: bool) -> Iterator[Record]:
    value = wire.TICK.encode(Tick("gateway", instant_of(at), spool_empty))
    return (Record(topics.POSITIONS.name, value, partition=number) for number in range(topics.PARTITIONS))


def _press(one: Someone, at: int) -> Record:
    """As the door sends it."""
    when = instant_of(at)
    lon, lat = PLANE.to_degrees(np.array([one.home[0]]), np.array([one.home[1]]))
    call = UrgentCall(
        id=input_id(one.device, when, "sos"),
        kind="sos",
        device=one.device,
        person=one.person,
        district=DISTRICT,
        at=when,
        received_at=when,
        point=Point(float(lon[0]), float(lat[0])),
        accuracy_m=8.0,
    )
    partition = topics.partition_of(shard_of(one.person))
    return Record(topics.URGENT.name, wire.URGENT.encode(call), key=one.person.encode(), partition=partition)
