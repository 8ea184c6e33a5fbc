"""`analytics.positions` as it is, that says when it has applied a batch: run by the benchmark as a process of its own."""

import sys
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from analytics import agents
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from benchmarks.positions import entry, zones
from haechi import topics
from haechi.clock import utc_now
from haechi.config import KafkaSettings
from haechi.domain.alerting import Alert
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick
from haechi.sealing import Sealer
from haechi.streaming import StreamMetrics, Worker, connect, run_process


class Telling(agents.Positions):
    """Writes the system's monotonic time of each applied batch, and how many devices it knew before the first."""

    def apply(self, offset: int, message: PositionBatch | Tick | Missed) -> Sequence[Alert | Missed]:
        """As it is."""
        alerts = super().apply(offset, message)
        if isinstance(message, PositionBatch):
            sys.stdout.write(f"{time.monotonic()}\n")
            sys.stdout.flush()
        return alerts


async def main(url: str, prefix: str, key: str) -> None:
    """Consume until killed."""
    registry = CollectorRegistry()
    metrics = PositionMetrics(registry)
    book = ZoneBook(zones())
    outlook = agents.Outlook(book=lambda: book, entry_of=entry, district="haneul")
    worker = Worker(
        "analytics.positions",
        connect(KafkaSettings(url=url, prefix=prefix)),
        Sealer(key),
        StreamMetrics(registry),
    )
    worker.consume_with_state(
        topics.POSITIONS,
        lambda _: Telling(outlook, metrics),
        agents.to_alerts_and_beside(utc_now),
        agents.on_positions,
    )
    await worker.run()


if __name__ == "__main__":
    run_process(main(*sys.argv[1:4]))
