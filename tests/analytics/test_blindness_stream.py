"""Ingest falls silent as a whole: on the real Kafka, by the wall clock, told by a road that needs no Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions
from analytics.blindness import BlindRule, Eyes
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.clock import utc_now
from haechi.domain.alerting import Alert
from haechi.domain.time import Tick
from haechi.streaming import Worker
from tests.analytics.stream import PATIENCE_S, PositionStream, running


class Desk:
    """What was told."""

    def __init__(self) -> None:
        self.told: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        self.told.append(alert)

    async def hears(self, count: int) -> Alert:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told) < count:
                await asyncio.sleep(0.05)
        return self.told[count - 1]


@asynccontextmanager
async def watching(worker: Worker, desk: Desk) -> AsyncIterator[None]:
    """One process of `analytics.positions`."""
    rule = BlindRule(topics.POSITIONS.name, "haneul", after_s=2)
    eyes = Eyes(rule, lambda: worker.owns(topics.POSITIONS, 0), desk.send, utc_now)
    book, registry = ZoneBook(()), CollectorRegistry()
    consume_positions(worker, Outlook(book=lambda: book), PositionMetrics(registry), utc_now, eyes.ticked)
    task = asyncio.create_task(eyes.watch_forever())
    async with running(worker):
        yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_without_ticks_the_desk_is_told_and_the_next_tick_takes_it_back(kafka_url: str) -> None:
    desk = Desk()
    async with PositionStream.on(kafka_url) as stream, watching(stream.worker(), desk):
        raised = await desk.hears(1)
        assert (raised.kind, raised.action, raised.subject) == ("blind", "raise", "positions")
        await stream.tick(Tick("gateway", utc_now(), spool_empty=True))
        cleared = await desk.hears(2)
        assert (cleared.id, cleared.action) == (raised.id, "clear")
