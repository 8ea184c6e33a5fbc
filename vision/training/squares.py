"""Squares out of frames, which is what the network learns from: a small picture, and most of it about people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from vision.training import frames
from vision.training.district import Box, Frame, Rng

SIZE = 160
SHORTEST = 16.0
"""Of the visible part, in pixels: less is no example."""
LEAST = 0.25
"""Share of a person from which on it is an example. The score asks for half; a box on less is no mistake there."""
AROUND = 4
"""Squares of a frame that lie around people; one more lies anywhere."""
Corner = tuple[int, int]


def cut(frame: Frame, corner: Corner) -> Frame:
    """A square of a frame, and what of each person lies in it."""
    left, top = corner
    inside = []
    for box in frame.people:
        a, b = max(0.0, box.x0 - left), max(0.0, box.y0 - top)
        c, d = min(float(SIZE), box.x1 - left), min(float(SIZE), box.y1 - top)
        if c > a and d > b:
            part = (c - a) * (d - b) / max(1e-6, (box.x1 - box.x0) * (box.y1 - box.y0))
            inside.append(Box(a, b, c, d, box.share * part))
    picture = np.ascontiguousarray(frame.picture[top : top + SIZE, left : left + SIZE])
    return Frame(picture, tuple(inside))


def examples(frame: Frame) -> list[Box]:
    """The people of a picture that are learnt from."""
    return [box for box in frame.people if box.share >= LEAST and box.height >= SHORTEST]


def corners(rng: Rng, frame: Frame) -> Iterator[Corner]:
    """Around people, the taller the likelier, then one anywhere; in empty frames a few anywhere."""
    people = examples(frame)
    if people:
        weights = np.array([min(box.height, 90.0) ** 2 for box in people])
        count = min(AROUND, len(people))
        for k in rng.choice(len(people), count, replace=False, p=weights / weights.sum()):
            yield around(rng, frame, people[int(k)])
    for _ in range(1 if people else 3):
        height, width = frame.picture.shape[:2]
        yield int(rng.integers(0, width - SIZE + 1)), int(rng.integers(0, height - SIZE + 1))


def around(rng: Rng, frame: Frame, box: Box) -> Corner:
    """Where to cut so that a box lies somewhere inside."""
    height, width = frame.picture.shape[:2]
    x = (box.x0 + box.x1) / 2 - rng.uniform(0.15, 0.85) * SIZE
    y = (box.y0 + box.y1) / 2 - rng.uniform(0.2, 0.8) * SIZE
    return math.floor(np.clip(x, 0, width - SIZE)), math.floor(np.clip(y, 0, height - SIZE))


def yolo_line(box: Box) -> str:
    """A label as Ultralytics reads it: class, middle x and y, width, height, all 0 to 1."""
    x0, y0, x1, y1 = box.x0 / SIZE, box.y0 / SIZE, box.x1 / SIZE, box.y1 / SIZE
    return f"0 {(x0 + x1) / 2:.5f} {(y0 + y1) / 2:.5f} {x1 - x0:.5f} {y1 - y0:.5f}"


def write(out: Path, name: str, square: Frame) -> None:
    """A picture and its labels in Ultralytics' layout."""
    for kind in ("images", "labels"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out / "images" / f"{name}.jpg"), square.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    (out / "labels" / f"{name}.txt").write_text("\n".join(yolo_line(box) for box in examples(square)))


def make(folder: Path, out: Path, seed: int) -> Iterator[int]:
    """Squares of all frames of a folder; yields how many frames are done."""
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        rng = np.random.default_rng([seed, number])
        frame = frames.read_one(path)
        save(out, path.stem, frame, corners(rng, frame))
        yield number + 1


def save(out: Path, name: str, frame: Frame, where: Iterable[Corner]) -> None:
    for k, corner in enumerate(where):
        write(out, f"{name}.{k}", cut(frame, corner))
