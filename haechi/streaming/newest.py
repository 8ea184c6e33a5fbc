"""Consuming only the newest: a slot per key that a newer message overwrites, for frames that age within seconds."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Generic

import structlog

from haechi.errors import PermanentError
from haechi.streaming.records import Decode, Event, Handler, M
from haechi.streaming.runtime import Ended, Message, Runtime, decoded
from haechi.topics import Topic

log = structlog.get_logger(__name__)


class Newest(Generic[M]):
    """Messages are acknowledged on receipt: nothing is committed, and the app starts at the newest.

    At most one message per key waits; every one that is overwritten, too old or unusable is counted as dropped. Keys
    are bounded: the slot that waits longest goes first.
    """

    def __init__(
        self,
        topic: Topic,
        handle: Handler[M],
        decode: Decode[M],
        *,
        max_age_s: float,
        batch: int,
        keys: int = 10_000,
    ) -> None:
        self.topic = topic
        self._handle = handle
        self._decode = decode
        self._max_age = timedelta(seconds=max_age_s)
        self._batch = batch
        self._keys = keys
        self._slots: dict[bytes | None, Message] = {}
        self._filled = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    every_message = False

    async def take(self, message: Message, runtime: Runtime) -> None:
        """Into its slot; never waits."""
        if self._slots.pop(message.key, None) is not None:
            self._drop(runtime, "overwritten")
        elif len(self._slots) >= self._keys:
            del self._slots[next(iter(self._slots))]
            self._drop(runtime, "too_many_keys")
        self._slots[message.key] = message
        self._filled.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(runtime), name=f"newest {self.topic.name}")

    async def checkpoint(self) -> None:
        """Nothing to keep."""

    async def settle(self, seconds: float) -> None:
        """Finish the batch in hand."""
        self._slots.clear()
        task, self._task = self._task, None
        if task is not None:
            self._ended.set()
            self._filled.set()
            _, late = await asyncio.wait({task}, timeout=seconds)
            for one in late:
                one.cancel()
        self._ended = asyncio.Event()
        self._filled = asyncio.Event()

    def _drop(self, runtime: Runtime, why: str) -> None:
        runtime.metrics.dropped.labels(self.topic.name, why).inc()

    async def _run(self, runtime: Runtime) -> None:
        ended, filled = self._ended, self._filled
        try:
            while not ended.is_set():
                await filled.wait()
                if ended.is_set():
                    return
                if events := self._newest(runtime):
                    await self._work(events, runtime, ended)
                if not self._slots:
                    filled.clear()
        except Ended:
            return
        except Exception as error:  # noqa: BLE001 - our own code failed: end and recover, not go blind in silence
            runtime.fail(error)

    def _newest(self, runtime: Runtime) -> list[Event[M]]:
        """Up to a batch of what waits, newest first; what is too old or does not decode is dropped and counted."""
        waiting = sorted(self._slots.values(), key=lambda message: (message.timestamp, message.offset), reverse=True)
        oldest = runtime.clock() - self._max_age
        events: list[Event[M]] = []
        for message in waiting:
            if datetime.fromtimestamp(message.timestamp, UTC) < oldest:
                self._drop(runtime, "too_old")
            elif len(events) < self._batch:
                try:
                    events.append(decoded(self.topic, message, self._decode))
                except PermanentError as error:
                    self._drop(runtime, "undecodable")
                    log.warning("stream.frame_undecodable", topic=self.topic.name, error=str(error))
            else:
                continue
            del self._slots[message.key]
        return events

    async def _work(self, events: list[Event[M]], runtime: Runtime, ended: asyncio.Event) -> None:
        started = time.monotonic()
        try:
            records = list(await self._handle(events))
            await runtime.deliver(records, self.topic.name, ended)
            runtime.handled(self.topic, events, None)
        except (Ended, asyncio.CancelledError):
            raise
        except Exception as error:  # the isolation boundary of a detector: the next frames come at once
            runtime.metrics.dropped.labels(self.topic.name, "failed").inc(len(events))
            log.warning("stream.frames_failed", error=repr(error), seconds=time.monotonic() - started, exc_info=True)
            await asyncio.sleep(0.1)
