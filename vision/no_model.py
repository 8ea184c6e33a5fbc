"""Without a model: each camera whose frames come is told to be without one; nothing is seen, nothing crashes."""

import time
from collections.abc import Sequence

from haechi import topics
from haechi.clock import Clock
from haechi.domain import wire
from haechi.domain.video import CameraState, Frame
from haechi.errors import TransientError
from haechi.ids import shard_of
from haechi.store.live import Live
from haechi.streaming import Event, Record, Worker

EVERY_S = 10.0
MAX_CAMERAS = 10_000


def say_no_model(worker: Worker, live: Live, why: str, clock: Clock) -> None:
    """Consume frames only to know which cameras are live."""
    said: dict[str, float] = {}

    async def handle(events: Sequence[Event[Frame]]) -> list[Record]:
        records = []
        for event in events:
            camera, now = event.message.camera, time.monotonic()
            if now - said.get(camera, -EVERY_S) < EVERY_S:
                continue
            if len(said) >= MAX_CAMERAS:
                said.clear()
            said[camera] = now
            state = CameraState(camera, clock(), "no model", why)
            try:
                await live.put_camera_state(state)
            except TransientError:
                continue  # said again in ten seconds
            partition = topics.partition_of(shard_of(camera))
            records.append(
                Record(topics.SIGHTINGS.name, wire.CAMERA_STATE.encode(state), key=camera.encode(), partition=partition)
            )
        return records

    worker.consume_newest(topics.FRAMES, handle, wire.FRAME.decode, batch=16)
