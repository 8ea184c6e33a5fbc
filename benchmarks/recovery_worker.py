"""`analytics.positions` as it is, that says when it has applied a batch: run by the benchmark as a process of its own."""

import sys
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from analytics import agents
from analytics.positions import PositionMetrics
from analytics.positions.together import Numbered
from analytics.zone_book import ZoneBook
from benchmarks.positions_outlook import outlook
from benchmarks.positions_people import zones
from benchmarks.recovery import PEOPLE
from haechi import topics
from haechi.clock import utc_now
from haechi.config import KafkaSettings
from haechi.domain.alerting import Alert
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.sealing import Sealer
from haechi.streaming import StreamMetrics, Worker, connect, run_process


class Telling(agents.Positions):
    """Writes the system's monotonic time of each applied batch, and how many devices it knew before the first."""

    def apply_all(self, messages: Sequence[Numbered]) -> Sequence[Alert | Missed]:
        """As it is."""
        alerts = super().apply_all(messages)
        if any(isinstance(message, PositionBatch) for _, message in messages):
            sys.stdout.write(f"{time.monotonic()}\n")
            sys.stdout.flush()
        return alerts


async def main(url: str, prefix: str, key: str) -> None:
    """Consume until killed."""
    registry = CollectorRegistry()
    metrics = PositionMetrics(registry)
    book = ZoneBook(zones(PEOPLE))
    view = outlook(lambda: book, PEOPLE)
    worker = Worker(
        "analytics.positions",
        connect(KafkaSettings(url=url, prefix=prefix)),
        Sealer(key),
        StreamMetrics(registry),
    )
    worker.consume_with_state(
        topics.POSITIONS,
        lambda partition: Telling(view, metrics, partition, topics.POSITIONS.partitions),
        agents.to_alerts_and_beside(utc_now),
        agents.on_positions,
    )
    await worker.run()


if __name__ == "__main__":
    run_process(main(*sys.argv[1:4]))
