"""What is in a clip, exactly: `CLIP.json` says how it was made, `CLIP.csv` who is where in every frame.

The columns of the table: frame (from 0), identity, x y w h (the box of the whole person where nothing hides it, cut
at the picture's edges), vx vy vw vh (the box of what can be seen), share (of the person's pixels that can be seen),
lon lat (where the person stands, WGS84 degrees). Boxes are normalised 0–1, x y the upper left corner.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from haechi.domain.geo import Point
from haechi.domain.video import BoundingBox
from haechi.errors import HaechiError

VERSION = 1
COLUMNS = ("frame", "identity", "x", "y", "w", "h", "vx", "vy", "vw", "vh", "share", "lon", "lat")


class TruthError(HaechiError):
    """A clip's truth is missing or damaged; says which file and line."""


@dataclass(frozen=True)
class Seen:
    """A row before it is written: boxes as x, y, w, h."""

    frame: int
    identity: str
    box: tuple[float, float, float, float]
    visible: tuple[float, float, float, float]
    share: float
    lon: float
    lat: float


class Calibration(msgspec.Struct, frozen=True):
    """The camera as a pinhole. `ground_to_pixel` maps (east, north, 1) metres around `origin` to homogeneous pixels."""

    lon: float
    lat: float
    height_m: float
    yaw: float
    pitch: float
    hfov: float
    focal_px: float
    origin: tuple[float, float]
    ground_to_pixel: tuple[tuple[float, float, float], ...]


class Header(msgspec.Struct, frozen=True):
    """How a clip was made: enough to make it again."""

    version: int
    clip: str
    set: str
    camera: str
    light: str
    seed: int
    fps: int
    frames: int
    width: int
    height: int
    effects: tuple[str, ...]
    identities: dict[str, str]
    calibration: Calibration


@dataclass(frozen=True)
class Presence:
    """One person in one frame."""

    identity: str
    box: BoundingBox
    visible: BoundingBox
    share: float
    ground: Point


@dataclass(frozen=True)
class Truth:
    """A clip's whole truth; `frames[k]` are the people in frame k, nearest first."""

    header: Header
    frames: tuple[tuple[Presence, ...], ...]

    @cached_property
    def identities(self) -> Mapping[str, str]:
        """Identity → invented name, of who appears."""
        return self.header.identities


def table(rows: Sequence[Seen]) -> str:
    """The CSV's text."""
    lines = [",".join(COLUMNS)]
    for r in rows:
        boxes = ",".join(f"{v:.5f}" for v in (*r.box, *r.visible))
        lines.append(f"{r.frame},{r.identity},{boxes},{r.share:.3f},{r.lon:.7f},{r.lat:.7f}")
    return "\n".join(lines) + "\n"


def header_text(header: Header) -> str:
    """The JSON's text."""
    return msgspec.json.format(msgspec.json.encode(header), indent=1).decode() + "\n"


def read(clip: Path) -> Truth:
    """The truth beside a clip (the `.mp4`, `.json` or `.csv`). TruthError if it is not there or not whole."""
    head, body = clip.with_suffix(".json"), clip.with_suffix(".csv")
    for path in (head, body):
        if not path.is_file():
            raise TruthError(f"{clip.name} has no {path.name} beside it, so its truth is unknown")
    try:
        header = msgspec.json.decode(head.read_bytes(), type=Header)
    except msgspec.MsgspecError as error:
        raise TruthError(f"{head.name}: {error}") from error
    frames: list[list[Presence]] = [[] for _ in range(header.frames)]
    for number, row in enumerate(csv.DictReader(io.StringIO(body.read_text(encoding="utf-8"))), 2):
        try:
            x, y, w, h, vx, vy, vw, vh, share, lon, lat = (float(row[k]) for k in COLUMNS[2:])
            frames[int(row["frame"])].append(
                Presence(row["identity"], BoundingBox(x, y, w, h), BoundingBox(vx, vy, vw, vh), share, Point(lon, lat))
            )
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise TruthError(f"{body.name}, line {number}: {error}") from error
    return Truth(header, tuple(tuple(f) for f in frames))
