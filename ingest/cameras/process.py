"""The process `ingest.cameras`: one line per registered camera; cameras come, change and go with the registry."""

import asyncio
from collections.abc import Callable

import cv2
import structlog

from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.video import Camera
from haechi.process import component, run_beside, until_stopped
from haechi.store.postgres import open_pool
from haechi.store.slices import CamerasSlice
from haechi.streaming import Producer, connect
from ingest.cameras.camera import CameraLine, CameraMetrics
from ingest.cameras.sources import open_source

log = structlog.get_logger(__name__)

LOOK_S = 0.5


async def run(settings: Settings) -> None:
    """Until SIGTERM."""
    cv2.setNumThreads(1)
    async with component("ingest.cameras", settings) as it:
        cameras = CamerasSlice(await open_pool(settings.postgres), it.sealer, copy=it.copies / "cameras")
        await cameras.start()
        producer = Producer(connect(settings.kafka), it.name)
        metrics = CameraMetrics(it.registry)

        def line(camera: Camera) -> CameraLine:
            return CameraLine(
                camera,
                open_source,
                producer,
                it.live,
                metrics,
                utc_now,
                frames_per_second=settings.vision.frames_per_second,
                motion_share=settings.vision.motion_share,
            )

        try:
            await run_beside(until_stopped(), cameras.follow(), keep_lines(cameras, line))
        finally:
            await producer.stop()


async def keep_lines(cameras: CamerasSlice, make: Callable[[Camera], CameraLine]) -> None:
    """For ever: a line for each registered camera; a changed camera gets a new one, a removed one's is ended."""
    running: dict[str, tuple[Camera, asyncio.Task[None]]] = {}
    try:
        while True:
            wanted = {camera.id: camera for camera in cameras.values()}
            for camera_id, (camera, task) in list(running.items()):
                if wanted.get(camera_id) != camera or task.done():
                    await _end(task, camera)
                    del running[camera_id]
            for camera_id, camera in wanted.items():
                if camera_id not in running:
                    running[camera_id] = camera, asyncio.create_task(make(camera).run(), name=f"camera {camera.name}")
            await asyncio.sleep(LOOK_S)
    finally:
        await asyncio.gather(*(_end(task, camera) for camera, task in running.values()))


async def _end(task: "asyncio.Task[None]", camera: Camera) -> None:
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, Exception):
        log.error("camera.line_failed", camera=camera.name, why=repr(ended))
