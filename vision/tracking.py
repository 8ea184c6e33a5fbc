"""One tracker per camera (ByteTrack, Zhang et al. 2022, as Ultralytics keeps it); trackers of silent cameras go."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.video import BoundingBox, Detections, Frame, Sighting, TrackId

FORGET = timedelta(minutes=5)
_LOST_FRAMES = 30
_MATCH = 0.8


class _Boxes(msgspec.Struct, frozen=True):
    """What ByteTrack reads: pixels, centre and size (n, 4), scores (n,), class numbers (n,)."""

    xywh: NDArray[np.float32]
    conf: NDArray[np.float32]
    cls: NDArray[np.float32]

    def __getitem__(self, rows: Any) -> Self:
        return type(self)(self.xywh[rows], self.conf[rows], self.cls[rows])

    def __len__(self) -> int:
        return len(self.conf)


class _CameraTracker:
    """A camera's tracker since its `epoch`."""

    def __init__(self, epoch: int, confidence: float) -> None:
        from ultralytics.trackers.byte_tracker import BYTETracker

        self.epoch = epoch
        self.last_at: datetime | None = None
        self.known: set[int] = set()
        self._tracker: Any = BYTETracker(
            SimpleNamespace(
                track_high_thresh=confidence,
                track_low_thresh=0.1,
                new_track_thresh=confidence,
                track_buffer=_LOST_FRAMES,
                match_thresh=_MATCH,
                fuse_score=True,
            )
        )

    def update(self, frame: Frame, found: Detections) -> list[tuple[int, int]]:
        """(track number, row of the detections) of what is seen in this frame, the first time too.

        ByteTrack keeps what it has seen once to itself. Where a picture comes once a second a walker's boxes never meet,
        so that it would keep the walker to itself for ever: the rules ask for several frames, the tracker must not.
        """
        self.last_at = frame.captured_at
        scale = np.array([frame.width, frame.height, frame.width, frame.height], np.float32)
        boxes = found.boxes * scale
        boxes[:, :2] += boxes[:, 2:] / 2
        labels = sorted(set(found.labels))
        classes = np.array([labels.index(label) for label in found.labels], np.float32)
        self._tracker.update(_Boxes(boxes, found.scores, classes))
        now = self._tracker.frame_id
        return [(int(t.track_id), int(t.idx)) for t in self._tracker.tracked_stracks if t.frame_id == now]


class Trackers:
    """The trackers of all cameras that this process sees."""

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence
        self._trackers: dict[str, _CameraTracker] = {}

    def __len__(self) -> int:
        return len(self._trackers)

    def follow(self, frame: Frame, found: Detections) -> tuple[list[Sighting], bool]:
        """The tracked objects of a frame, and whether one of them is new to its camera. A late frame has none."""
        tracker = self._trackers.get(frame.camera)
        if tracker is None or tracker.epoch < frame.epoch:
            tracker = self._trackers[frame.camera] = _CameraTracker(frame.epoch, self._confidence)
            self._forget(frame.captured_at)
        if tracker.epoch > frame.epoch or (tracker.last_at is not None and frame.captured_at <= tracker.last_at):
            return [], False
        seen = tracker.update(frame, found)
        new = {number for number, _ in seen} - tracker.known
        tracker.known = {number for number, _ in seen} | (tracker.known if len(tracker.known) < 1000 else set())
        return [_sighting(frame, found, number, row) for number, row in seen], bool(new)

    def _forget(self, now: datetime) -> None:
        for camera, tracker in list(self._trackers.items()):
            if tracker.last_at is not None and now - tracker.last_at > FORGET:
                del self._trackers[camera]


def _sighting(frame: Frame, found: Detections, number: int, row: int) -> Sighting:
    x, y, w, h = (float(value) for value in found.boxes[row])
    return Sighting(
        track=TrackId(frame.camera, frame.epoch, number),
        label=found.labels[row],
        box=BoundingBox(x, y, w, h),
        score=min(1.0, max(0.0, float(found.scores[row]))),
    )
