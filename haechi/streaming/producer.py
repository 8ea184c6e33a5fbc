"""A producer whose `send` returns when every in-sync replica has the records, or says why not."""

import asyncio

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from haechi.errors import PermanentError, TransientError
from haechi.streaming.connection import Connection
from haechi.streaming.records import Record

log = structlog.get_logger(__name__)

MAX_REQUEST_BYTES = 5 * 1024 * 1024


class Producer:
    """Sends records with acks from all in-sync replicas, idempotently, at most `pending` under way.

    It connects on first use, so that a process serves before Kafka is there. A send that failed leaves the order of the
    idempotent client in doubt, so the next one takes a fresh client: the caller sends again, under the same ids.
    """

    def __init__(
        self, connection: Connection, client_id: str, *, pending: int = 10_000, timeout_s: float = 10.0
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._slots = asyncio.BoundedSemaphore(pending)
        self._lock = asyncio.Lock()
        self._client: AIOKafkaProducer | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, *records: Record) -> None:
        """Returns when the broker has acknowledged all of `records`, kept in order per partition.

        Raises TransientError when Kafka is away or slow (some of them may have arrived: send all again), PermanentError
        when a record can never be taken.
        """
        if not records:
            return
        client = await self._connected()
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.gather(*[await self._queue(client, record) for record in records])
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            largest = max(records, key=lambda record: len(record.value))
            raise PermanentError(
                f"A record of {len(largest.value)} bytes is larger than topic '{largest.topic}' takes."
            ) from error
        except (KafkaError, OSError) as error:  # OSError covers the time-out
            self._discard(client)
            raise TransientError(f"Kafka has not acknowledged in time: {error!r}") from error
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            self._discard(client)  # nobody cancelled us: a client that another send had given up took ours with it
            raise TransientError("Kafka's client was closed meanwhile.") from error
        except BaseException:
            self._discard(client)
            raise

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; TransientError when Kafka is away."""
        client = await self._connected()
        try:
            return len(await client.partitions_for(self._connection.name(topic)))
        except (KafkaError, OSError) as error:
            self._discard(client)
            raise TransientError(f"Kafka does not answer: {error!r}") from error

    async def stop(self) -> None:
        """Let what is under way finish, for at most a second, and close."""
        if self._client is not None:
            self._discard(self._client)
        if self._closing:
            await asyncio.wait(self._closing, timeout=1.0)

    async def _queue(self, client: AIOKafkaProducer, record: Record) -> "asyncio.Future[object]":
        await self._slots.acquire()
        try:
            future: asyncio.Future[object] = await client.send(
                self._connection.name(record.topic),
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
        except BaseException:
            self._slots.release()
            raise
        future.add_done_callback(self._release)
        return future

    def _release(self, future: "asyncio.Future[object]") -> None:
        self._slots.release()
        if not future.cancelled():
            future.exception()  # seen: whoever awaits it still gets it

    async def _connected(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._client is None:
                client = AIOKafkaProducer(
                    client_id=self._client_id,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_request_size=MAX_REQUEST_BYTES,
                    request_timeout_ms=int(self._timeout_s * 1000),
                    **self._connection.options(),
                )
                try:
                    await client.start()
                except (KafkaError, OSError) as error:
                    await client.stop()
                    raise TransientError(f"Kafka cannot be reached at {self._connection.servers}: {error}") from error
                except BaseException:
                    await asyncio.shield(client.stop())
                    raise
                self._client = client
            return self._client

    def _discard(self, client: AIOKafkaProducer) -> None:
        if self._client is client:
            self._client = None
            task = asyncio.create_task(self._close(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close(self, client: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await client.stop()
        except (KafkaError, OSError) as error:  # it was already known to be broken (OSError covers the time-out)
            log.debug("producer.closed_broken", error=repr(error))
