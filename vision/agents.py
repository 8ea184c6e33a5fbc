"""The edge to the stream: newest frames in, sightings out."""

from collections.abc import Sequence

from haechi import topics
from haechi.domain import wire
from haechi.domain.video import Frame
from haechi.ids import shard_of
from haechi.streaming import Event, Record, Worker
from vision.looking import Looking

MAX_AGE_S = 2.0


def consume_frames(worker: Worker, looking: Looking) -> None:
    """Only the newest frame of each camera, never one older than two seconds: late pictures help nobody."""

    async def handle(events: Sequence[Event[Frame]]) -> list[Record]:
        seen = await looking.look([event.message for event in events])
        return [
            Record(
                topics.SIGHTINGS.name,
                wire.SIGHTINGS.encode(sightings),
                key=sightings.camera.encode(),
                partition=topics.partition_of(shard_of(sightings.camera)),
            )
            for sightings in seen
        ]

    worker.consume_newest(topics.FRAMES, handle, wire.FRAME.decode, max_age_s=MAX_AGE_S, batch=4)
