"""A batch of newest frames to sightings: decode, detect, track, keep the picture that shows somebody."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram

from haechi.clock import Clock
from haechi.domain.video import Frame, Sighting, Sightings
from haechi.errors import PermanentError, TransientError
from haechi.store.evidence import Evidence, EvidenceRows
from vision.detectors.detector import Detector
from vision.tracking import Trackers

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)  # Seoul keeps footage for 30 days; an incident's own reference outlasts this one
EVERY = timedelta(seconds=1)
MAX_PIXELS = 8192 * 8192


class Looking:
    """`detector` works in one thread of its own, so that the event loop only ever waits."""

    def __init__(
        self,
        detector: Detector,
        trackers: Trackers,
        evidence: Evidence,
        rows: EvidenceRows,
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        self._detector = detector
        self._trackers = trackers
        self._evidence = evidence
        self._rows = rows
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._kept: dict[str, Frame] = {}
        self._took = Histogram("haechi_vision_frame_seconds", "Decode, detect and track", registry=registry)
        self._behind = Histogram("haechi_vision_behind_seconds", "Picture taken to sightings made", registry=registry)
        self._unkept = Counter("haechi_vision_pictures_not_kept_total", "Evidence not stored", registry=registry)

    async def look(self, frames: Sequence[Frame]) -> list[Sightings]:
        """Each frame's sightings, empty ones too. A picture that is none is left out, and said."""
        loop = asyncio.get_running_loop()
        answers = []
        for frame in frames:
            seen = await loop.run_in_executor(self._thread, self._see, frame)
            if seen is None:
                continue
            sightings, new = seen
            evidence = await self._keep(frame, new=new) if any(s.label == "person" for s in sightings) else None
            seen_at = self._clock()
            self._behind.observe(max(0.0, (seen_at - frame.captured_at).total_seconds()))
            answers.append(
                Sightings(frame.camera, frame.number, frame.captured_at, seen_at, tuple(sightings), evidence)
            )
        return answers

    def _see(self, frame: Frame) -> tuple[list[Sighting], bool] | None:
        began = time.monotonic()
        image = decode(frame.jpeg)
        if image is None:
            log.warning("vision.no_picture", camera=frame.camera, frame=frame.number)
            return None
        (found,) = self._detector.detect([image])
        answer = self._trackers.follow(frame, found)
        self._took.observe(time.monotonic() - began)
        return answer

    async def _keep(self, frame: Frame, *, new: bool) -> str | None:
        """Store the picture: of a new track at once, else each second. A store that is away costs the picture only."""
        last = self._kept.get(frame.camera)
        if not new and last is not None and frame.captured_at - last.captured_at < EVERY:
            return None
        try:
            name = await self._evidence.put(frame.jpeg)
            await self._rows.refer(name, f"camera:{frame.camera}", frame.captured_at + KEPT)
        except (TransientError, PermanentError) as error:
            self._unkept.inc()
            log.warning("vision.picture_not_kept", camera=frame.camera, why=str(error))
            return None
        self._kept[frame.camera] = frame
        return name


def decode(jpeg: bytes) -> NDArray[np.uint8] | None:
    """(h, w, 3) uint8; None for what is no JPEG or claims more pixels than any camera has (looked at before decoding)."""
    size = jpeg_size(jpeg)
    if size is None or size[0] * size[1] > MAX_PIXELS:
        return None
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, dtype=np.uint8)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) from the frame header (ISO/IEC 10918-1, SOF0–SOF15), without decoding."""
    at = 2
    if data[:2] != b"\xff\xd8":
        return None
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
        at += 2 + length
    return None
