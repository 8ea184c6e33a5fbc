"""One camera's way: newest picture → masks → thumbnail → motion gate → JPEG → `frames`."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from haechi import topics
from haechi.clock import Clock
from haechi.domain import wire
from haechi.domain.video import Camera, CameraState, Frame
from haechi.errors import PermanentError, TransientError
from haechi.ids import shard_of
from haechi.store.live import Live
from haechi.streaming import Record
from haechi.streaming.runtime import Sends
from ingest.cameras import motion
from ingest.cameras.masks import Masks
from ingest.cameras.pictures import Picture, Source
from ingest.cameras.reader import Reader

log = structlog.get_logger(__name__)

THUMBNAIL_WIDTH = 480
THUMBNAIL_EVERY_S = 0.2
STATE_EVERY_S = 2.0
_QUALITY = [int(cv2.IMWRITE_JPEG_QUALITY), 85]
_SMALL_QUALITY = [int(cv2.IMWRITE_JPEG_QUALITY), 75]


class CameraMetrics:
    """Frames by what became of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.frames = Counter("haechi_camera_frames_total", "Frames", ("camera", "fate"), registry=registry)


class CameraLine:
    """Runs one camera until it is cancelled. A store or broker that is away costs pictures, never the camera."""

    def __init__(
        self,
        camera: Camera,
        open_: Callable[[str], Source],
        producer: Sends,
        live: Live,
        metrics: CameraMetrics,
        clock: Clock,
        *,
        frames_per_second: float,
        motion_share: float,
    ) -> None:
        self._camera = camera
        self._open = open_
        self._producer = producer
        self._live = live
        self._metrics = metrics
        self._clock = clock
        self._every_s = 1 / frames_per_second
        self._share = motion_share
        self._masks = Masks(camera.zones)
        self._gate = motion.Gate()
        self._thumbnail_at = 0.0
        self._partition = topics.partition_of(shard_of(camera.id))
        self._sending: asyncio.Task[None] | None = None
        self._showing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        reader = Reader(self._camera.name, lambda: self._open(self._camera.url), self._every_s, loop)
        reader.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_health(reader))
                while True:
                    picture = await reader.newest()
                    captured_at = self._clock()
                    frame, small = await asyncio.to_thread(self._look, picture, captured_at, reader.epoch)
                    self._pass_on(frame)
                    if small is not None:
                        self._show(small, captured_at)
        finally:
            await reader.stop()

    def _look(self, picture: Picture, captured_at: datetime, epoch: int) -> tuple[Frame | None, bytes | None]:
        """In a worker thread: what leaves of the picture."""
        image, now = self._masks.apply(picture.image), time.monotonic()
        small = None
        if now - self._thumbnail_at >= THUMBNAIL_EVERY_S * 0.9:
            self._thumbnail_at = now
            small = encode(shrunk(image), _SMALL_QUALITY)
        self._gate, passes = motion.step(self._gate, image, now, self._share)
        if not passes:
            return None, small
        height, width = image.shape[:2]
        jpeg = encode(image, _QUALITY)
        received_at = self._clock()
        return Frame(self._camera.id, epoch, picture.number, captured_at, received_at, width, height, jpeg), small

    def _pass_on(self, frame: Frame | None) -> None:
        """Send without waiting: while one frame is under way the next ones are dropped and counted."""
        if frame is None:
            self._count("still")
        elif self._sending is not None and not self._sending.done():
            self._count("dropped")
        else:
            self._count("sent")
            self._sending = asyncio.create_task(self._send(topics.FRAMES.name, wire.FRAME.encode(frame)))

    def _show(self, jpeg: bytes, captured_at: datetime) -> None:
        """Without waiting, as a frame: a Redis that does not answer must not keep anyone from being seen."""
        if self._showing is not None and not self._showing.done():
            self._count("not shown")
        else:
            self._showing = asyncio.create_task(self._put_thumbnail(jpeg, captured_at))

    async def _put_thumbnail(self, jpeg: bytes, captured_at: datetime) -> None:
        try:
            await self._live.put_thumbnail(self._camera.id, jpeg, captured_at)
        except TransientError:
            self._count("not shown")

    async def _tell_health(self, reader: Reader) -> None:
        """Each two seconds to the live store; a change also to `sightings`, for the rules and the archive."""
        said = None
        while True:
            health = reader.health(time.monotonic())
            state = CameraState(self._camera.id, self._clock(), health.state, health.why)
            try:
                await self._live.put_camera_state(state)
            except TransientError:
                self._count("not shown")
            if said != health.state:
                log.info("camera.state", camera=self._camera.name, state=health.state, why=health.why)
                said = health.state
                await self._send(topics.SIGHTINGS.name, wire.CAMERA_STATE.encode(state))
            await asyncio.sleep(STATE_EVERY_S)

    async def _send(self, topic: str, value: bytes) -> None:
        try:
            await self._producer.send(Record(topic, value, key=self._camera.id.encode(), partition=self._partition))
        except (TransientError, PermanentError) as error:
            self._count("lost")
            log.warning("camera.not_sent", camera=self._camera.name, topic=topic, why=str(error))

    def _count(self, fate: str) -> None:
        self._metrics.frames.labels(self._camera.id, fate).inc()


def shrunk(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 3) to at most 480 pixels wide, for a tile."""
    height, width = image.shape[:2]
    if width <= THUMBNAIL_WIDTH:
        return image
    size = (THUMBNAIL_WIDTH, round(height * THUMBNAIL_WIDTH / width))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def encode(image: NDArray[np.uint8], quality: list[int]) -> bytes:
    """JPEG."""
    _, data = cv2.imencode(".jpg", image, quality)
    return bytes(data)
