"""One process that consumes: its Faust app, its consumers, when to commit, and when to end.

Crash-only: stopping is a last checkpoint and an exit, starting is recovery.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Literal, NoReturn, Protocol

import structlog

from haechi.clock import Clock, utc_now
from haechi.errors import HaechiError, UntrustedState, first_of, in_words
from haechi.failpoints import failpoint
from haechi.process import on_stop
from haechi.sealing import Sealer
from haechi.streaming import admin
from haechi.streaming.acks import Acks, Place
from haechi.streaming.app import FETCH_WAIT_MS, FETCH_WAIT_URGENT_MS, SESSION_TIMEOUT_S, make_app
from haechi.streaming.changelog import Changelog
from haechi.streaming.connection import Connection
from haechi.streaming.metrics import StreamMetrics
from haechi.streaming.newest import Newest
from haechi.streaming.order import Order
from haechi.streaming.producer import Producer
from haechi.streaming.records import Decode, EventTime, Handler, M
from haechi.streaming.runtime import Ended, Message, OnDeadLetter, Runtime, Sends, place_of
from haechi.streaming.stateful import MakeState, PutRight, Route, Stateful
from haechi.streaming.stateless import Stateless
from haechi.streaming.trouble import AWAY
from haechi.topics import DEAD_LETTERS, Topic

log = structlog.get_logger(__name__)

CHECKPOINT_S = 2.0
_COMMIT_S = 0.25
_BEAT_S = 0.5
_SETTLE_S = 1.2  # of the three seconds that a stop may take
_REVOKE_S = 2.0
EXIT_UNTRUSTED = 70


class Consumer(Protocol):
    """What a worker asks of the way a topic is consumed."""

    topic: Topic
    every_message: bool  # in offset order without holes

    async def take(self, message: Message, runtime: Runtime) -> None:
        """Accept a fetched message; waiting here is back-pressure."""

    async def checkpoint(self) -> None:
        """Make what was done durable, and acknowledge it."""

    async def settle(self, seconds: float) -> None:
        """Finish what is in hand within the time, keep it, and forget the partitions."""


class Worker:
    """Consumes topics with the delivery rules of the house; `run` until a signal, or until it can't be trusted.

    `name` is the process's (`analytics.positions`): its consumer group. `watchdog_s`: with messages waiting, nothing
    acknowledged for so long, and nobody in a declared wait for something that is away, the process ends with 70.
    `away` are further exceptions to retry in place beside `trouble.AWAY`.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        sealer: Sealer,
        metrics: StreamMetrics,
        *,
        producer: Sends | None = None,
        slot: int = 0,
        start: Literal["earliest", "latest"] = "earliest",
        clock: Clock = utc_now,
        watchdog_s: float = 60.0,
        away: tuple[type[BaseException], ...] = (),
    ) -> None:
        self.name = name
        self._connection = connection
        self._slot = slot
        self._start = start
        self._watchdog_s = watchdog_s
        self._metrics = metrics
        self._consumers: list[Consumer] = []
        self._app: Any = None
        self._failed: asyncio.Future[None] | None = None
        self._stopping = False
        self._beat = time.monotonic()
        self._own_producer = Producer(connection, name) if producer is None else None
        self._order = Order(lambda: self._app.consumer)
        self._acks = Acks(self._commit, metrics)
        self._runtime = Runtime(
            app_name=name,
            producer=producer or self._own_producer or Producer(connection, name),
            acks=self._acks,
            metrics=metrics,
            sealer=sealer,
            clock=clock,
            fail=self._fail,
            check_trusted=self._check_trusted,
            end_of=self._end_of,
            away=AWAY + away,
        )

    def consume(
        self,
        topic: Topic,
        handle: Handler[M],
        decode: Decode[M],
        *,
        batch: int = 200,
        linger_s: float = 0.0,
        event_time: EventTime[M] | None = None,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> None:
        """Without state: `await handle(events of one partition, in order)` gives the records to send.

        Acknowledged after the handler has returned (so commit to the database inside) and every record is acknowledged.
        `batch=1` where one must never wait for another; `linger_s` where a call costs much: so long it waits for more.
        """
        self.add(
            Stateless(
                topic,
                handle,
                decode,
                batch=batch,
                linger_s=linger_s,
                event_time=event_time,
                on_dead_letter=on_dead_letter,
            )
        )

    def consume_with_state(
        self,
        topic: Topic,
        make_state: MakeState[M, Any],
        route: Route[Any],
        decode: Decode[M],
        *,
        table: str = "blocks",
        event_time: EventTime[M] | None = None,
        on_dead_letter: OnDeadLetter | None = None,
        put_right: PutRight[M] = lambda message, _: message,
    ) -> None:
        """With state: `make_state(partition)` gives a PartitionState, `route(output)` the records of an output.

        `put_right(message, when the broker had it)` gives what is applied. Outputs leave at once; blocks and acknowledgements every two seconds and at a stop or rebalance.
        """
        self.add(
            Stateful(
                topic,
                make_state,
                route,
                decode,
                Changelog(self._connection, self.name, table, self._runtime.sealer),
                table=table,
                event_time=event_time,
                on_dead_letter=on_dead_letter,
                put_right=put_right,
            )
        )

    def consume_newest(
        self, topic: Topic, handle: Handler[M], decode: Decode[M], *, max_age_s: float = 2.0, batch: int = 16
    ) -> None:
        """Only the newest message of each key, newest first; for a worker made with `start="latest"`."""
        self.add(Newest(topic, handle, decode, max_age_s=max_age_s, batch=batch))

    def owns(self, topic: Topic, partition: int) -> bool:
        """Whether the partition is ours at present: of all workers of a name, one's."""
        return Place(self._connection.name(topic.name), partition) in self._assigned()

    def add(self, consumer: Consumer) -> None:
        """Consume in a way of one's own."""
        self._consumers.append(consumer)

    async def run(self) -> None:
        """Consume until SIGTERM or SIGINT; returns after the last checkpoint, at most three seconds later.

        Raises UntrustedState, or what made the process fail: let it end, its supervisor starts it again.
        """
        self._failed = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        on_stop(stop.set)
        self._app = self._make_app()
        await self._check_topics(stop)
        tasks: list[asyncio.Future[Any]] = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("start", self._start_app()),
                ("stop", stop.wait()),
                ("commits", self._every(_COMMIT_S, self._acks.commit)),
                ("checkpoints", self._every(CHECKPOINT_S, self._checkpoint)),
                ("watchdog", self._watch()),
            )
        ]
        try:
            await asyncio.wait({self._failed, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for future in (self._failed, *tasks):
                if future.done() and not future.cancelled() and (error := future.exception()) is not None:
                    raise error
            await self._last_checkpoint()
        finally:
            for task in tasks:
                task.cancel()
            await self._close()

    async def _check_topics(self, stop: asyncio.Event) -> None:
        """Kafka may still be starting; a missing topic or another number of partitions is said in words."""
        wanted = [*(consumer.topic for consumer in self._consumers), DEAD_LETTERS]
        changelogs = [
            admin.Changelog(self.name, consumer.topic, consumer.table)
            for consumer in self._consumers
            if isinstance(consumer, Stateful)
        ]
        with contextlib.suppress(Ended):
            await self._runtime.persist(lambda: admin.check_topics(self._connection, wanted, changelogs), "", stop)

    def _make_app(self) -> Any:
        urgent = any(consumer.topic.flush_each for consumer in self._consumers)
        app = make_app(
            self._connection,
            self.name,
            slot=self._slot,
            start=self._start,
            fetch_wait_ms=FETCH_WAIT_URGENT_MS if urgent else FETCH_WAIT_MS,
        )
        for consumer in self._consumers:
            # acks=False: Faust's own acknowledgement is off, see Acks.
            topic = app.topic(
                self._connection.name(consumer.topic.name),
                partitions=consumer.topic.partitions,
                key_serializer="raw",
                value_serializer="raw",
                value_type=bytes,
                key_type=bytes,
                acks=False,
            )
            app.agent(topic, name=f"{self.name}.{consumer.topic.name}")(self._agent(consumer))
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        return app

    def _agent(self, consumer: Consumer) -> Callable[[Any], Coroutine[Any, Any, None]]:
        async def agent(stream: AsyncIterator[Any]) -> None:
            try:
                async for event in stream.noack().events():  # type: ignore[attr-defined]  # a Faust stream
                    if await self._admit(event.message, consumer):
                        await consumer.take(event.message, self._runtime)
            except Exception as error:  # Faust would restart the agent for ever; we end and recover instead
                self._fail(error)
                raise

        return agent

    async def _admit(self, message: Message, consumer: Consumer) -> bool:
        if not self._takes(message):
            return False
        if not consumer.every_message:
            return True
        return await self._order.admit(place_of(message), message.offset) and self._takes(message)

    def _takes(self, message: Message) -> bool:
        # What comes after the consumers have settled would be acknowledged past what they have let go. And until a
        # rebalance is over, Faust hands out what it takes back a moment later.
        current = message.generation_id == self._app.consumer_generation_id
        return current and not self._app.rebalancing and not self._stopping

    async def _start_app(self) -> None:
        await self._app.start()
        await self._app.wait()  # until it stops or crashes
        raise self._app.crash_reason or UntrustedState(f"{self.name}: the Faust app has stopped by itself.")

    async def _commit(self, positions: Mapping[Place, int]) -> bool:
        self._check_trusted()
        # Faust offers no public way to commit positions that are not its own; the broker refuses a former owner's.
        committed: bool = await self._app.consumer._commit(dict(positions))  # noqa: SLF001
        return committed

    def _end_of(self, place: Place) -> int | None:
        end: int | None = self._app.consumer.highwater(place)
        return end

    async def _checkpoint(self) -> None:
        failpoint("streaming.before_checkpoint")
        for consumer in self._consumers:
            await consumer.checkpoint()
        failpoint("streaming.after_checkpoint")

    async def _revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        log.info("stream.rebalance", app=self.name, partitions=len(revoked))
        try:
            for consumer in self._consumers:
                await consumer.settle(_REVOKE_S)
            async with asyncio.timeout(_REVOKE_S):
                await self._acks.commit()
        except TimeoutError:
            log.warning("stream.rebalance_uncommitted", app=self.name)
        except Exception as error:  # noqa: BLE001 - Faust swallows what a signal handler raises
            self._fail(error)
        finally:
            self._acks.forget()
            self._order.forget()

    async def _last_checkpoint(self) -> None:
        failpoint("streaming.before_stop")
        self._stopping = True
        await asyncio.gather(*(consumer.settle(_SETTLE_S) for consumer in self._consumers))
        try:
            async with asyncio.timeout(0.6):
                await self._acks.commit()
        except TimeoutError:
            log.warning("stream.stopped_uncommitted", app=self.name)
        log.info("stream.stopped", app=self.name)

    async def _close(self) -> None:
        if self._own_producer is not None:
            await self._own_producer.stop()
        try:
            await asyncio.wait_for(asyncio.shield(self._app.stop()), 0.7)
        except TimeoutError:
            log.debug("stream.app_did_not_stop", app=self.name)

    async def _every(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self._app.consumer_generation_id is not None:
                await work()

    def _check_trusted(self) -> None:
        """A process that stood still longer than its session has lost its partitions and must write nothing more."""
        still = time.monotonic() - self._beat
        if still > SESSION_TIMEOUT_S:
            raise UntrustedState(f"{self.name} stood still for {still:.1f} s; its partitions may be someone else's.")

    def _fail(self, error: BaseException) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _watch(self) -> None:
        """Beat, show the lag, and end the process when it stands still without a declared reason."""
        acked, since = -1, time.monotonic()
        self._beat = since  # what was before it ran (a model takes its time to load) cost no partition
        while True:
            await asyncio.sleep(_BEAT_S)
            self._check_trusted()
            now = self._beat = time.monotonic()
            await self._order.heal()
            behind = self._show_lag()
            if not behind or self._runtime.retrying or self._acks.total != acked:
                acked, since = self._acks.total, now
            elif now - since > self._watchdog_s:
                raise UntrustedState(
                    f"{self.name}: {behind} messages wait and none was acknowledged for {self._watchdog_s:.0f} s."
                )

    def _assigned(self) -> list[Place]:
        if self._app is None:
            return []
        try:
            return [Place(*tp) for tp in self._app.consumer.assignment()]
        except Exception:  # noqa: BLE001 - Faust raises one of several before its consumer has started: nothing is ours
            return []

    def _show_lag(self) -> int:
        behind = 0
        consumer = self._app.consumer
        # Where only the newest counts nothing is committed, and what was overwritten does not wait.
        names = {self._connection.name(c.topic.name): c.topic.name for c in self._consumers if c.every_message}
        for place in self._assigned():
            if place.topic not in names:
                continue
            end = self._end_of(place)
            position = self._acks.position(place)
            if position is None:
                position = consumer._committed_offset.get(place)  # noqa: SLF001 - what was committed before us
            if end is not None:
                lag = max(0, end - (position or 0))
                behind += lag
                self._metrics.lag.labels(names[place.topic], str(place.partition)).set(lag)
        return behind


def run_process(
    main: Coroutine[Any, Any, None], new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
) -> NoReturn:
    """Run a process's main coroutine and end the process with its threads: 0 after a stop, 70 after a failure.

    An error in the user's words is printed without a traceback.
    """
    code = 0
    try:
        new_loop().run_until_complete(main)
    except (Exception, asyncio.CancelledError) as error:
        spoken = isinstance(first_of(error), HaechiError)
        log.critical("process.ended", reason=in_words(error), exc_info=None if spoken else error)
        code = EXIT_UNTRUSTED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
