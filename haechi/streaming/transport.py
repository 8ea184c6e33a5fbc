"""Faust's Kafka transport with one number changed: how long a fetch may wait for data.

A partition whose messages were not picked up within 0.2 s is left out of the next fetch. That fetch waits for data of
the *others*, for the 1.5 s that Faust fixes; a message of the one left out waits with it. Two hops of that on a busy
machine made an SOS three seconds late (50 ms otherwise).
"""

from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport


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

    class QuickTransport(Transport):  # type: ignore[misc]  # the same
        Consumer = QuickConsumer

    return QuickTransport
