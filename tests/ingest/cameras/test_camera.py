"""A camera's line: what must be looked at goes on, whatever becomes of what is only shown."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import datetime

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from haechi.clock import utc_now
from haechi.domain.geo import Point
from haechi.domain.video import Camera, CameraState
from haechi.errors import TransientError
from ingest.cameras.camera import CameraLine, CameraMetrics
from ingest.cameras.pictures import Picture
from tests.ingest.fakes import FakeKafka
from tests.ingest.waiting import until

CAMERA = Camera("cam-1", "haneul", "Yard", "rtsp://nowhere/1", Point(126.92, 37.61))


class Snow:
    """A source of which every picture differs."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def pictures(self, every_s: float) -> Iterator[Picture]:
        random, number = np.random.default_rng(7), 0
        while not self._stopped.wait(every_s):
            number += 1
            yield Picture(number, random.integers(0, 255, (90, 160, 3), np.uint8))

    def stop(self) -> None:
        self._stopped.set()


class Redis:
    """As `haechi.store.live.Live`: there, away, or silent."""

    def __init__(self, how: str = "there") -> None:
        self.how = how
        self.asked = 0
        self.thumbnails: list[bytes] = []

    async def put_thumbnail(self, _camera: str, jpeg: bytes, _captured_at: datetime) -> None:
        self.asked += 1
        await until(lambda: self.how != "silent")
        if self.how == "away":
            raise TransientError("Redis is away")
        self.thumbnails.append(jpeg)

    async def put_camera_state(self, _state: CameraState) -> None:
        await until(lambda: self.how != "silent")


@asynccontextmanager
async def running(kafka: FakeKafka, redis: Redis):
    line = CameraLine(
        CAMERA,
        lambda _: Snow(),
        kafka,
        redis,
        CameraMetrics(CollectorRegistry()),
        utc_now,
        frames_per_second=50,
        motion_share=0.0,
    )
    task = asyncio.create_task(line.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def frames(kafka: FakeKafka) -> int:
    return sum(record.topic == "frames" for record in kafka.records)


@pytest.mark.parametrize("how", ["there", "away", "silent"])
async def test_frames_are_looked_at_however_redis_fares(how: str) -> None:
    kafka, redis = FakeKafka(), Redis(how)
    async with running(kafka, redis) as line:
        await until(lambda: line.done() or (frames(kafka) >= 10 and redis.asked))
        assert not line.done()
        if how == "silent":
            assert redis.asked == 1, "one picture waits to be shown, never a queue of them"
        redis.how = "there"
        await until(lambda: len(redis.thumbnails) >= 2)
