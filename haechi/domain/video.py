"""What cameras bring and what is seen in it: frames, boxes, detections, tracks, sightings, zones of a picture."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.geo import Point
from haechi.domain.schedule import Schedule

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BoundingBox(msgspec.Struct, frozen=True):
    """A rectangle in a picture, normalised 0–1 of its width and height; x, y is the upper left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of the lower edge: where a standing person touches the ground."""
        return self.x + self.w / 2, self.y + self.h


class Frame(msgspec.Struct, frozen=True):
    """One JPEG picture of a camera, its privacy masks already in it.

    `captured_at` is the camera's time of the picture (event time), `received_at` ours; `number` counts the frames
    decoded since the connection's `epoch` (microseconds), also those that the motion gate held back.
    """

    camera: str
    epoch: int
    number: int
    captured_at: datetime
    received_at: datetime
    width: int
    height: int
    jpeg: bytes


SightingLabel = Literal["person", "bicycle", "car", "motorcycle", "bus", "truck"]


class Detections(msgspec.Struct, frozen=True):
    """What a detector found in one picture, n rows, best first.

    `boxes` is (n, 4) float32 x, y, w, h normalised 0–1; `scores` is (n,) float32 0–1; `labels` n words.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: tuple[SightingLabel, ...]


class TrackId(msgspec.Struct, frozen=True):
    """A track is one camera's; `epoch` tells its connections apart, so that a restart never reuses a number."""

    camera: str
    epoch: int
    number: int


class Sighting(msgspec.Struct, frozen=True):
    """One tracked object in one frame; `ground` is where it stands, if the camera is calibrated."""

    track: TrackId
    label: SightingLabel
    box: BoundingBox
    score: Share
    ground: Point | None = None


class Sightings(msgspec.Struct, frozen=True, tag=True):
    """All that was seen in one frame; also sent when nothing was, so that an empty picture clears what it should.

    `evidence` is the SHA-256 (hex) of the frame's JPEG in the evidence store, when somebody was seen.
    """

    camera: str
    frame: int
    captured_at: datetime
    seen_at: datetime
    sightings: tuple[Sighting, ...]
    evidence: str | None = None


class CameraState(msgspec.Struct, frozen=True, tag=True):
    """The health of a camera as its reader or the detector sees it; `why` in words."""

    camera: str
    at: datetime
    state: Literal["live", "stalled", "unreachable", "no model"]
    why: str = ""


class CameraZone(msgspec.Struct, frozen=True):
    """A polygon in a camera's picture (normalised points); a `forbidden` one must be empty while its schedule holds."""

    id: str
    name: str
    kind: Literal["forbidden", "mask", "watch"]
    polygon: tuple[tuple[float, float], ...]
    schedule: Schedule = ()


class CameraView(msgspec.Struct, frozen=True):
    """What a fixed camera sees of the ground: a sector `width` degrees wide around `heading` (0 north, 90 east), as
    far as a person can be told from a bush."""

    heading: Annotated[float, msgspec.Meta(ge=0, lt=360)]
    width: Annotated[float, msgspec.Meta(gt=0, le=360)]
    reach_m: Annotated[float, msgspec.Meta(gt=0, le=1000)]


# What a camera's url may begin with in the registry. `ingest/cameras/sources.py` reads each, and `file` on the command line.
CAMERA_SCHEMES = ("rtsp", "rtsps", "http", "https")


class Camera(msgspec.Struct, frozen=True):
    """A registered camera; its `url` may hold a password, so it is sealed at rest and masked in answers."""

    id: str
    district: str
    name: str
    url: str
    location: Point
    zones: tuple[CameraZone, ...] = ()
    view: CameraView | None = None
