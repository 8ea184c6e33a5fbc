"""Faust's Kafka transport with two things changed: how long a fetch may wait for data, and what taking a message costs.

A partition whose messages were not picked up within 0.2 s is left out of the next fetch. That fetch waits for data of
the *others*, for the 1.5 s that Faust fixes; a message of the one left out waits with it. Two hops of that on a busy
machine made an SOS three seconds late (50 ms otherwise).

For each message Faust makes four tasks, to wait until it is in its agent's queue or until it is stopped, and ends three
of them at once: a fifth of what a message costs where messages are small.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from mode.services import WaitResults


def transport_of(fetch_wait_ms: int) -> type[Transport]:
    """The transport whose fetches wait at most so long."""

    class QuickThread(AIOKafkaConsumerThread):  # type: ignore[misc]  # faust has no types
        def _create_worker_consumer(self, transport: Any) -> Any:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = fetch_wait_ms  # noqa: SLF001 - Faust offers no setting for it
            return consumer

    class QuickConsumer(Consumer):  # type: ignore[misc]  # the same
        def _new_consumer_thread(self) -> Any:
            return QuickThread(self, loop=self.loop, beacon=self.beacon)

        async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 - as Faust calls it
            """The same. Whatever is done within a turn of the loop, as most messages are put in a queue that has room,
            takes one task."""
            first, *others = waits
            if not asyncio.iscoroutine(first):
                return await super().wait_first(*waits, timeout=timeout)
            task = asyncio.ensure_future(first)
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                task.cancel()
                _close(others)
                raise
            if not task.done():
                return await super().wait_first(task, *others, timeout=timeout)
            _close(others)
            return WaitResults([first], [task.result()], stopped=False)

    class QuickTransport(Transport):  # type: ignore[misc]  # the same
        Consumer = QuickConsumer

    return QuickTransport


def _close(waits: Iterable[Any]) -> None:
    """Nobody will await these, and Python would complain."""
    for wait in waits:
        if asyncio.iscoroutine(wait):
            wait.close()
