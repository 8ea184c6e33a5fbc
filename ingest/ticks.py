"""Time that passes without events: each second into every lane, never spooled."""

import asyncio
from collections.abc import Sequence

from haechi.clock import Clock
from haechi.domain import wire
from haechi.domain.time import Tick
from haechi.errors import HaechiError
from haechi.streaming import Record
from haechi.streaming.runtime import Sends
from ingest.lane import Lane
from ingest.spool import Spool

EVERY_S = 1.0


async def tick_forever(producer: Sends, spool: Spool, lanes: Sequence[Lane], name: str, clock: Clock) -> None:
    """Tell each lane the time, and whether this producer still holds something back from it."""
    while True:
        now = clock()
        records = [
            Record(lane.topic, wire.TICK.encode(Tick(name, now, not spool.waiting(lane))), partition=lane.partition)
            for lane in lanes
        ]
        try:
            async with asyncio.timeout(EVERY_S):
                await producer.send(*records)
        except (HaechiError, TimeoutError):
            pass  # the silence itself tells: no ticks means that ingest is blind
        await asyncio.sleep(EVERY_S)
