"""A call for help takes both roads at once: the topic `urgent` and the table `alert_inbox`. The first one answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from haechi import ids, topics
from haechi.domain import wire
from haechi.domain.people import UrgentCall
from haechi.errors import HaechiError, PermanentError
from haechi.failpoints import failpoint
from haechi.streaming import Record
from haechi.streaming.runtime import Sends
from haechi.streaming.trouble import AWAY, Backoff
from ingest.lane import Lane
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused
from ingest.spool import Spool

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0  # for the first acknowledgement, before the call goes to the spool
PERSEVERANCE_S = 60.0  # for the other road, after one has it
_MOST_UNDER_WAY = 2_000
_ATTEMPT_S = 5.0
_SPOOL = "spool"
_AWAY: tuple[type[BaseException], ...] = (HaechiError, *AWAY)


class PutsCalls(Protocol):
    """The part of `haechi.store.outbox.Inbox` that is used here."""

    async def put(self, call_id: str, data: bytes) -> None:
        """Durable when it returns; an id that is open is there once."""


class UrgentRoads:
    """Takes calls for help, and never waits for anything but the faster of two stores, or the disk."""

    def __init__(
        self,
        producer: Sends,
        inbox: PutsCalls,
        spool: Spool,
        metrics: IngestMetrics,
        *,
        patience_s: float = PATIENCE_S,
        perseverance_s: float = PERSEVERANCE_S,
    ) -> None:
        self._producer = producer
        self._inbox = inbox
        self._spool = spool
        self._metrics = metrics
        self._patience_s = patience_s
        self._perseverance_s = perseverance_s
        self._under_way: dict[asyncio.Task[str], None] = {}  # in the order they started

    async def accept(self, call: UrgentCall) -> None:
        """Returns when Kafka, PostgreSQL or the spool has the call. Refused (503) when none of the three takes it."""
        data = wire.URGENT.encode(call)
        roads = self._set_out(call, data)
        first = await _first(roads, self._patience_s)
        if first is None:
            first = await self._first_or_spooled(roads, call, data)
        failpoint("gateway.after_output")
        self._metrics.urgent.labels(first).inc()
        log.info("urgent.accepted", call=call.id, kind=call.kind, road=first)

    async def replay(self, lane: Lane) -> None:
        """For ever: offer the lane's spooled calls to both roads until one has them, in order."""
        while True:
            data = await self._spool.first(lane)
            try:
                call = wire.URGENT.decode(data)
            except PermanentError as error:
                self._spool.give_up(lane, str(error))
                continue
            if await _first(self._set_out(call, data), self._perseverance_s) is not None:
                self._spool.done(lane)

    async def close(self) -> None:
        """Give up what is under way; one road or the spool has each of them."""
        for road in self._under_way:
            road.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _first_or_spooled(self, roads: Sequence["asyncio.Task[str]"], call: UrgentCall, data: bytes) -> str:
        """The spool's disk may be the slow one: a store that has the call meanwhile answers. Refused: by the spool."""
        spooled = asyncio.create_task(self._spooled(call, data))
        try:
            first = await _first((spooled, *roads)) or spooled.result()
        finally:
            spooled.cancel()  # nobody waits for it any more; what the spool was given it keeps and replays
        if first == _SPOOL:
            for road in roads:
                road.cancel()  # the replay takes both again
        return first

    async def _spooled(self, call: UrgentCall, data: bytes) -> str:
        await self._spool.append(lane_of(call), data, urgent=True)
        return _SPOOL

    def _set_out(self, call: UrgentCall, data: bytes) -> tuple["asyncio.Task[str]", ...]:
        record = Record(
            topics.URGENT.name, data, key=(call.person or call.device).encode(), partition=lane_of(call).partition
        )
        return (
            self._start("kafka", lambda: self._producer.send(record)),
            self._start("postgres", lambda: self._inbox.put(call.id, data)),
        )

    def _start(self, name: str, offer: Callable[[], Awaitable[None]]) -> "asyncio.Task[str]":
        if len(self._under_way) >= _MOST_UNDER_WAY:
            next(iter(self._under_way)).cancel()  # the oldest: one road has it, or the spool
            self._metrics.dropped.labels("urgent-second-road").inc()
        task = asyncio.create_task(self._keep_offering(name, offer), name=f"urgent.{name}")
        self._under_way[task] = None
        task.add_done_callback(self._arrived)
        return task

    def _arrived(self, road: "asyncio.Task[str]") -> None:
        self._under_way.pop(road, None)
        if not road.cancelled() and (error := road.exception()) is not None:
            log.error("urgent.road_failed", road=road.get_name(), error=repr(error))

    async def _keep_offering(self, name: str, offer: Callable[[], Awaitable[None]]) -> str:
        backoff = Backoff(0.05, 1.0)
        async with asyncio.timeout(self._perseverance_s):
            while True:
                try:
                    async with asyncio.timeout(_ATTEMPT_S):
                        await offer()
                except _AWAY as error:
                    log.debug("urgent.road_away", road=name, error=str(error))
                    await asyncio.sleep(backoff.next())
                else:
                    return name


async def _first(roads: Iterable["asyncio.Task[str]"], seconds: float | None = None) -> str | None:
    """The name of the first road that has the call; None when none has it in time, or all have given up. Raises Refused
    where one does."""
    left = set(roads)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for road in done:
                    if road.cancelled():
                        continue
                    error = road.exception()
                    if isinstance(error, Refused):
                        raise error
                    if error is None:
                        return road.result()
    return None


def lane_of(call: UrgentCall) -> Lane:
    """Calls of one person keep their order; an unregistered device stands for itself."""
    return Lane(
        topics.URGENT.name, topics.partition_of(ids.shard_of(call.person or call.device), topics.URGENT.partitions)
    )
