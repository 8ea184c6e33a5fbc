"""`analytics.positions` as it is, that counts: run by the benchmark as a process of its own."""

import asyncio
import os
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
from haechi import topics
from haechi.clock import utc_now
from haechi.config import KafkaSettings
from haechi.domain.alerting import Alert
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.sealing import Sealer, create_key
from haechi.streaming import StreamMetrics, Worker, connect, run_process


class Meter:
    """CPU seconds of this process from where `known` devices have been heard to the checkpoint after the last position."""

    def __init__(self, known: int, expected: int) -> None:
        self._known = known
        self._expected = expected
        self._seen = 0
        self._heard = 0
        self._began: tuple[int, float] | None = None
        self._done = asyncio.Event()

    def count(self, positions: int, devices: int) -> None:
        """So many were applied, of which so many devices were heard for the first time: one partition is far ahead of
        another meanwhile."""
        self._seen += positions
        self._heard += devices
        if self._began is None and self._heard >= self._known:
            self._began = self._seen, time.process_time()
        if self._seen >= self._expected:
            self._done.set()

    async def report(self) -> None:
        """Print once everything was applied, acknowledged and checkpointed."""
        await self._done.wait()
        await asyncio.sleep(2.5)  # the last checkpoint belongs to the work
        assert self._began is not None
        known, began = self._began
        sys.stdout.write(f'{{"positions": {self._expected - known}, "cpu_s": {time.process_time() - began}}}\n')
        sys.stdout.flush()
        os._exit(0)


async def main(url: str, prefix: str, known: int, expected: int) -> None:
    """Consume until all has been seen."""
    meter, registry = Meter(known, expected), CollectorRegistry()
    metrics = PositionMetrics(registry)

    class Counted(agents.Positions):
        def apply_all(self, messages: Sequence[Numbered]) -> Sequence[Alert | Missed]:
            before = len(self.devices)
            alerts = super().apply_all(messages)
            positions = sum(len(message) for _, message in messages if isinstance(message, PositionBatch))
            meter.count(positions, len(self.devices) - before)
            return alerts

    worker = Worker(
        "analytics.positions",
        connect(KafkaSettings(url=url, prefix=prefix)),
        Sealer(create_key()),
        StreamMetrics(registry),
    )
    book = ZoneBook(zones())
    view = outlook(lambda: book)
    worker.consume_with_state(
        topics.POSITIONS,
        lambda partition: Counted(view, metrics, partition, topics.POSITIONS.partitions),
        agents.to_alerts_and_beside(utc_now),
        agents.on_positions,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(meter.report())
        await worker.run()


if __name__ == "__main__":
    run_process(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
