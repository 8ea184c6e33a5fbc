"""`analytics.positions` as it is, that counts: run by the benchmark as a process of its own."""

import asyncio
import os
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
from haechi.sealing import Sealer, create_key
from haechi.streaming import StreamMetrics, Worker, connect, run_process


class Meter:
    """CPU seconds of this process from the first position to the checkpoint after the last."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.seen = 0
        self.began = 0.0
        self._done = asyncio.Event()

    def count(self, rows: int) -> None:
        """Rows applied."""
        if self.seen == 0:
            self.began = time.process_time()
        self.seen += rows
        if self.seen >= self.expected:
            self._done.set()

    async def report(self) -> None:
        """Print once everything was applied, acknowledged and checkpointed."""
        await self._done.wait()
        await asyncio.sleep(2.5)  # the last checkpoint belongs to the work
        sys.stdout.write(f'{{"cpu_s": {time.process_time() - self.began}}}\n')
        sys.stdout.flush()
        os._exit(0)


async def main(url: str, prefix: str, expected: int) -> None:
    """Consume until all has been seen."""
    meter, registry = Meter(expected), CollectorRegistry()
    metrics = PositionMetrics(registry)

    class Counted(agents.Positions):
        def apply(self, offset: int, message: PositionBatch | Tick | Missed) -> Sequence[Alert | Missed]:
            if isinstance(message, PositionBatch):
                meter.count(len(message))
            return super().apply(offset, message)

    worker = Worker(
        "analytics.positions",
        connect(KafkaSettings(url=url, prefix=prefix)),
        Sealer(create_key()),
        StreamMetrics(registry),
    )
    book = ZoneBook(zones())
    outlook = agents.Outlook(book=lambda: book, entry_of=entry, district="haneul")
    worker.consume_with_state(
        topics.POSITIONS,
        lambda _: Counted(outlook, metrics),
        agents.to_alerts_and_beside(utc_now),
        agents.on_positions,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(meter.report())
        await worker.run()


if __name__ == "__main__":
    run_process(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
