"""Where people stand in a camera's picture, and how much of each can be seen: exact, without drawing a pixel.

Arithmetic only, on the committed silhouettes and depths: the same story gives the same truth on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_feeds.district.plane import ExactPlane
from sample_feeds.scenes.assets import CELL_H, CELL_W, ELEVATION, FOOT, HEADINGS, PX_PER_M, Sheet, pose_row
from sample_feeds.scenes.cameras import Camera
from sample_feeds.scenes.people import Identity
from sample_feeds.scenes.story import Pose, Walk
from sample_feeds.scenes.truth import Seen

BEHIND_CM = 70  # a thing this much nearer than a person's feet hides the person
NEAREST_M = 2.0


@dataclass(frozen=True)
class Figure:
    """A person in a picture: the cell of the sheet, and where it goes: left, top and scale in px."""

    person: Identity
    pose: Pose
    row: int
    column: int
    left: float
    top: float
    scale_x: float
    scale_y: float
    depth_m: float
    foot: tuple[float, float]


def figures(camera: Camera, walks: Sequence[Walk], seconds: float, period: float) -> list[Figure]:
    """Who is before the camera at a moment, the farthest first. Every walk comes again after `period` seconds."""
    found = []
    for walk in walks:
        pose = walk.at(walk.start + (seconds - walk.start) % period)
        placed = figure(camera, walk.person, pose) if pose else None
        if placed:
            found.append(placed)
    return sorted(found, key=lambda f: -f.depth_m)


def figure(camera: Camera, person: Identity, pose: Pose) -> Figure | None:
    """One person's place in the picture; None where the person is outside it or too near."""
    ends = np.array([[pose.x, pose.y, pose.z], [pose.x, pose.y, pose.z + person.height_m]])
    pixels, depths = camera.project(ends)
    depth = float(depths.mean())
    if depths.min() < NEAREST_M:
        return None
    bearing = math.degrees(math.atan2(pose.x - camera.x, pose.y - camera.y))
    scale_x = camera.focal_px / depth / PX_PER_M
    scale_y = float(pixels[0, 1] - pixels[1, 1]) / (person.height_m * math.cos(math.radians(ELEVATION)) * PX_PER_M)
    x, y = float(pixels[0, 0]), float(pixels[0, 1])
    left, top = x - CELL_W / 2 * scale_x, y - (CELL_H - FOOT) * scale_y
    if left + CELL_W * scale_x < 0 or left > camera.width or top > camera.height or top + CELL_H * scale_y < 0:
        return None
    column = round((pose.bearing - bearing) / (360 / HEADINGS)) % HEADINGS
    row = pose_row(person, pose.gait, pose.walked)
    return Figure(person, pose, row, column, left, top, scale_x, scale_y, float(depths[0]), (x, y))


@dataclass(frozen=True)
class Silhouette:
    """The picture's pixels that a figure would cover, and how many they were if the picture had no edges."""

    rows: slice
    columns: slice
    mask: NDArray[np.bool_]
    whole: int


def silhouette(figure: Figure, sheet: Sheet, width: int, height: int) -> Silhouette | None:
    """None where the figure is wholly outside the picture."""
    left, right = math.floor(figure.left), math.ceil(figure.left + CELL_W * figure.scale_x)
    top, bottom = math.floor(figure.top), math.ceil(figure.top + CELL_H * figure.scale_y)
    columns = np.floor((np.arange(left, right) + 0.5 - figure.left) / figure.scale_x).astype(int)
    rows = np.floor((np.arange(top, bottom) + 0.5 - figure.top) / figure.scale_y).astype(int)
    inside = ((rows >= 0) & (rows < CELL_H))[:, None] & ((columns >= 0) & (columns < CELL_W))[None, :]
    cell = sheet.masks[figure.row, figure.column]
    mask = cell[np.clip(rows, 0, CELL_H - 1)[:, None], np.clip(columns, 0, CELL_W - 1)[None, :]] & inside
    x0, x1, y0, y1 = max(0, left), min(width, right), max(0, top), min(height, bottom)
    if x0 >= x1 or y0 >= y1:
        return None
    cut = mask[y0 - top : y1 - top, x0 - left : x1 - left]
    return Silhouette(slice(y0, y1), slice(x0, x1), cut, int(mask.sum()))


def in_front(figure: Figure, depth: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Where nothing of the place hides a figure: depth is the plate's, in cm."""
    return depth.astype(int) > figure.depth_m * 100 - BEHIND_CM


def seen(
    camera: Camera,
    plane: ExactPlane,
    depth: NDArray[np.uint16],
    sheets: Mapping[str, Sheet],
    present: Sequence[Figure],
    frame: int,
) -> list[Seen]:
    """The truth of one frame, nearest first; who is wholly hidden or outside the picture has no row."""
    w, h = camera.width, camera.height
    taken = np.zeros((h, w), bool)
    rows: list[Seen] = []
    for figure in reversed(present):
        sheet = sheets[figure.person.id]
        spot = silhouette(figure, sheet, w, h)
        if spot is None:
            continue
        ys, xs = spot.rows, spot.columns
        unhidden = spot.mask & in_front(figure, depth[ys, xs])
        visible = unhidden & ~taken[ys, xs]
        taken[ys, xs] |= unhidden
        left, top, right, bottom = sheet.extent(figure.row, figure.column)
        if visible.sum() < max(6.0, 0.02 * spot.whole):
            continue
        x0, x1 = max(0.0, figure.left + left * figure.scale_x), min(w, figure.left + right * figure.scale_x)
        y0, y1 = max(0.0, figure.top + top * figure.scale_y), min(h, figure.top + bottom * figure.scale_y)
        vy, vx = np.nonzero(visible)
        u0, u1, v0, v1 = xs.start + vx.min(), xs.start + vx.max() + 1, ys.start + vy.min(), ys.start + vy.max() + 1
        lon, lat = plane.to_lonlat((figure.pose.x, figure.pose.y))
        rows.append(
            Seen(
                frame=frame,
                identity=figure.person.id,
                box=(x0 / w, y0 / h, (x1 - x0) / w, (y1 - y0) / h),
                visible=(float(u0 / w), float(v0 / h), float((u1 - u0) / w), float((v1 - v0) / h)),
                share=float(visible.sum() / spot.whole),
                lon=float(lon),
                lat=float(lat),
            )
        )
    return rows
