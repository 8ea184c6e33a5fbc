"""The pictures that clips are composed from: people's sheets and the cameras' empty plates, as committed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.errors import HaechiError
from sample_feeds.scenes.people import Identity

FOLDER = Path(__file__).with_name("assets")
PX_PER_M = 80
CELL_W, CELL_H = 112, 184
FOOT = 24  # px from a cell's lower edge to the middle of the soles
HEADINGS = 12
ELEVATION = 17.0  # degrees the sheets' camera looks down
WALK, RUN, CLIMB = 8, 6, 2  # poses of each gait; one standing pose follows the walk
KINDS = ("sky", "ground", "house", "leaf", "fence", "water", "pole", "other")

Picture = NDArray[np.uint8]


class AssetError(HaechiError):
    """A picture that clips are made of is missing; says which, and the command that makes it."""


@dataclass(frozen=True)
class Sheet:
    """One identity from all around: rows are poses, columns headings (k × 30° clockwise from walking away)."""

    identity: str
    pixels: Picture  # (rows × CELL_H, HEADINGS × CELL_W, 4) BGRA, straight alpha

    @property
    def rows(self) -> int:
        return int(self.pixels.shape[0]) // CELL_H

    def cell(self, row: int, column: int) -> Picture:
        """(CELL_H, CELL_W, 4)"""
        return self.pixels[row * CELL_H : (row + 1) * CELL_H, column * CELL_W : (column + 1) * CELL_W]

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        """(rows, HEADINGS, CELL_H, CELL_W): where the person is."""
        alpha = self.pixels[..., 3].reshape(self.rows, CELL_H, HEADINGS, CELL_W) > 127
        return alpha.transpose(0, 2, 1, 3)

    def extent(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The tight box of a pose in its cell: left, top, right, bottom (exclusive), px."""
        return self._extents[row][column]

    @cached_property
    def _extents(self) -> list[list[tuple[int, int, int, int]]]:
        return [[_extent(mask) for mask in row] for row in self.masks]


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(mask)
    return (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1) if len(xs) else (0, 0, 0, 0)


@dataclass(frozen=True)
class Plate:
    """A camera's empty view: per light a picture, and once the depth, the kind of thing and where the day's sun falls."""

    camera: str
    depth: NDArray[np.uint16]  # (h, w) cm along the camera's axis; 65535 is the sky
    kind: Picture  # (h, w) rows of KINDS
    sun: Picture  # (h, w) 0 or 1
    lights: dict[str, Picture]  # (h, w, 3) BGR


def pose_row(person: Identity, gait: str, walked: float) -> int:
    """The sheet's row for a gait after `walked` metres."""
    stride = 1.45 * person.height_m / 1.75
    if gait == "stand":
        return WALK
    if gait == "run" and person.runs:
        return WALK + 1 + int(walked / (stride * 1.7) * RUN) % RUN
    if gait == "climb":
        return WALK + 1 + (RUN if person.runs else 0) + int(walked / 0.5) % CLIMB
    return int(walked / stride * WALK) % WALK


def read_sheet(identity: str, folder: Path = FOLDER) -> Sheet:
    """The sheet of one identity. AssetError if it is not there."""
    return Sheet(identity, _read(folder / "people" / f"{identity}.webp", cv2.IMREAD_UNCHANGED))


def read_plate(camera: str, size: tuple[int, int], folder: Path = FOLDER, only: str = "") -> Plate:
    """A camera's plate at (width, height); `only` one light's picture if given."""
    plates = folder / "plates"
    pictures = sorted(plates.glob(f"{camera}.*.jpg"))
    lights = {p.name.split(".")[1]: p for p in pictures}
    if not lights or (only and only not in lights):
        raise AssetError(f"no plate {camera}.{only or '*'}.jpg in {plates.name}/: make it with `haechi scenes render`")
    layers = {k: _read(plates / f"{camera}.{k}.png", cv2.IMREAD_UNCHANGED) for k in ("depth", "kind", "sun")}
    near = {k: cv2.resize(v, size, interpolation=cv2.INTER_NEAREST) for k, v in layers.items()}
    return Plate(
        camera,
        near["depth"].astype(np.uint16),
        near["kind"],
        near["sun"],
        {
            light: cv2.resize(_read(path, cv2.IMREAD_COLOR), size, interpolation=cv2.INTER_CUBIC)
            for light, path in lights.items()
            if not only or light in (only, "rain")
        },
    )


def _read(path: Path, flags: int) -> Picture:
    if not path.is_file():
        raise AssetError(f"{path.name} is missing from {path.parent.name}/: make it with `haechi scenes render`")
    return np.asarray(cv2.imread(str(path), flags), np.uint8 if flags == cv2.IMREAD_COLOR else None)
