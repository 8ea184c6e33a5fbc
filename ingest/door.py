"""What every door shares: the spool, the lanes to Kafka, the roads of a call for help, the slices of the registry."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from haechi import topics
from haechi.clock import Clock, utc_now
from haechi.errors import TransientError
from haechi.ids import shard_of
from haechi.process import Component
from haechi.store.outbox import Inbox
from haechi.store.postgres import Pool
from haechi.store.slices import DevicesSlice, ReadersSlice, ReportersSlice, SensorsSlice
from haechi.streaming import Producer, connect
from haechi.streaming.trouble import Backoff
from haechi.topics import Topic
from ingest.batching import Batcher
from ingest.columns import positions, readings
from ingest.damage import tell_of_damage
from ingest.delivery import Outlet
from ingest.intake import Intake
from ingest.lane import Lane, lanes_of
from ingest.limits import RateLimit
from ingest.metrics import IngestMetrics
from ingest.spool import Spool
from ingest.ticks import tick_forever
from ingest.urgent import UrgentRoads

log = structlog.get_logger(__name__)
Row = TypeVar("Row")

_GAUGES_S = 1.0
_LARGEST_BATCH = 5_000  # rows, so that a message stays well below Kafka's bound of 1 MB
_BATCHED = (topics.POSITIONS, topics.READINGS)


class Door:
    """The machinery behind one door; `work()` are its tasks, all for ever, all ending when the process does."""

    def __init__(
        self, it: Component, pool: Pool, *, batch_s: float, limit: RateLimit | None, clock: Clock = utc_now
    ) -> None:
        """`batch_s` is how long a batch's first row waits at most; `limit` as `Intake` takes it."""
        settings = it.settings.gateway
        self.name = it.name
        self.clock = clock
        self._district = it.settings.district
        self.metrics = IngestMetrics(it.registry)
        self.spool = Spool.claim(it.copies, "spool", it.sealer, limit_bytes=settings.spool_bytes)
        self.producer = Producer(connect(it.settings.kafka), it.name)
        self.roads = UrgentRoads(self.producer, Inbox(pool), self.spool, self.metrics)
        self.devices = DevicesSlice(pool, it.sealer, copy=it.copies / "devices")
        self.sensors = SensorsSlice(pool, it.sealer, copy=it.copies / "sensors")
        self.readers = ReadersSlice(pool, it.sealer, copy=it.copies / "readers")
        self.reporters = ReportersSlice(pool, it.sealer, copy=it.copies / "reporters")
        self.loaded = asyncio.Event()
        self.dead_letters = self._outlet(Lane(topics.DEAD_LETTERS.name, 0))
        self.desk = self._outlet(Lane(topics.ALERTS.name, topics.partition_of(shard_of(self.name))))
        self._outlets = [self._outlet(lane) for topic in _BATCHED for lane in lanes_of(topic)]
        rows = min(settings.batch_positions, _LARGEST_BATCH)
        self._positions = self._batchers(topics.POSITIONS, positions, rows, batch_s)
        self._readings = self._batchers(topics.READINGS, readings, rows, batch_s)
        self.intake = Intake(
            self.devices,
            self.sensors,
            self._positions,
            self._readings,
            self.roads,
            limit,
            self.metrics,
            clock=clock,
            district=self._district,
        )

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What makes the door work; none of it ends."""
        lanes = [outlet.lane for outlet in self._outlets]
        door = f"{self.name}@{socket.gethostname()}"
        name = f"{door}/{self.spool.folder.name}"
        return [
            self._follow(),
            self._show(),
            tell_of_damage(self.spool, self.desk.deliver, door, self._district, self.metrics, self.clock),
            tick_forever(self.producer, self.spool, lanes, name, self.clock),
            *(batcher.run() for batcher in self._positions),
            *(batcher.run() for batcher in self._readings),
            *(outlet.replay() for outlet in (*self._outlets, self.dead_letters, self.desk)),
            *(self.roads.replay(lane) for lane in lanes_of(topics.URGENT)),
        ]

    async def close(self) -> None:
        """After the tasks have ended."""
        await self.roads.close()
        await self.producer.stop()
        await self.spool.close()

    def _outlet(self, lane: Lane) -> Outlet:
        return Outlet(lane, self.producer, self.spool)

    def _batchers(
        self, topic: Topic, encode: Callable[[Sequence[Row]], bytes], limit: int, wait_s: float
    ) -> list[Batcher[Row]]:
        size = self.metrics.batch.labels(topic.name).observe
        outlets = [outlet for outlet in self._outlets if outlet.lane.topic == topic.name]
        return [Batcher(outlet.deliver, encode, limit=limit, wait_s=wait_s, size=size) for outlet in outlets]

    async def _follow(self) -> None:
        """Load the registry, from its copy if need be, however long that takes; then follow it."""
        slices = (self.devices, self.sensors, self.readers, self.reporters)
        for loading in slices:
            backoff = Backoff(0.2, 2.0)
            while True:
                try:
                    await loading.start()
                except TransientError as error:
                    log.warning("registry.away", error=str(error))
                    await asyncio.sleep(backoff.next())
                else:
                    break
        self.loaded.set()
        await asyncio.gather(*(following.follow() for following in slices))

    async def _show(self) -> None:
        lanes = {
            topic.name: lanes_of(topic) for topic in (*_BATCHED, topics.URGENT, topics.DEAD_LETTERS, topics.ALERTS)
        }
        while True:
            self.metrics.spool_bytes.set(self.spool.size)
            for name, of_topic in lanes.items():
                self.metrics.spool_records.labels(name).set(sum(self.spool.waiting(lane) for lane in of_topic))
            await asyncio.sleep(_GAUGES_S)
