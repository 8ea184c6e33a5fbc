"""Time passes without events: every producer tells each partition, each second, that it is there."""

import asyncio
from collections.abc import Callable

import structlog

from haechi.clock import Clock, utc_now
from haechi.domain import wire
from haechi.domain.time import Tick
from haechi.errors import TransientError
from haechi.streaming.records import Record
from haechi.streaming.runtime import Sends
from haechi.topics import Topic

log = structlog.get_logger(__name__)

TICK_S = 1.0


async def tick_for_ever(
    producer: Sends,
    topic: Topic,
    producer_id: str,
    spool_empty: Callable[[], bool] = lambda: True,
    *,
    clock: Clock = utc_now,
) -> None:
    """Send a tick into every partition of `topic` each second. A tick that can't be sent is lost, never spooled."""
    while True:
        tick = wire.TICK.encode(Tick(producer_id, clock(), spool_empty()))
        try:
            await producer.send(*[Record(topic.name, tick, partition=number) for number in range(topic.partitions)])
        except TransientError as error:
            log.warning("tick.lost", topic=topic.name, error=str(error))
        await asyncio.sleep(TICK_S)
