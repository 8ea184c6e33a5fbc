"""Ingest falls silent as a whole: on the real Kafka, by the wall clock."""

import asyncio
from contextlib import suppress

from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions, send_alerts
from analytics.blindness import BlindRule, Eyes
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.clock import utc_now
from haechi.domain.time import Tick
from tests.analytics.stream import PositionStream, running


async def test_without_ticks_the_desk_is_told_and_the_next_tick_takes_it_back(kafka_url: str) -> None:
    async with PositionStream.on(kafka_url) as stream:
        worker = stream.worker()
        rule = BlindRule(topics.POSITIONS.name, "haneul", after_s=2)
        eyes = Eyes(rule, lambda: worker.owns(topics.POSITIONS), send_alerts(stream.producer, utc_now), utc_now)
        book, registry = ZoneBook(()), CollectorRegistry()
        consume_positions(worker, Outlook(book=lambda: book), PositionMetrics(registry), utc_now, eyes.ticked)
        watching = asyncio.create_task(eyes.watch_forever())
        async with running(worker):
            (raised,) = await stream.alerts(lambda alerts: len(alerts) == 1)
            assert (raised.kind, raised.action, raised.subject) == ("blind", "raise", "positions")
            await stream.tick(Tick("gateway", utc_now(), spool_empty=True))
            cleared = (await stream.alerts(lambda alerts: len(alerts) >= 2))[1]
            assert (cleared.id, cleared.action) == (raised.id, "clear")
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
