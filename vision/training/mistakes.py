"""Squares around what a model gets wrong in the frames it learns from: people it misses, boxes where nobody is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vision.training import frames, squares
from vision.training.district import Box, Frame
from vision.training.export import SHAPE
from vision.training.score import Boxes, Scored, asked_for, match

SURE = 0.25
"""From this confidence on a box where nobody is counts as a mistake."""
UNSURE = 0.5
"""A person who is found with less is looked at again."""


def truth(frame: Frame) -> tuple[Boxes, Any]:
    """The visible boxes of a frame, shape (n, 4), and the share of each person that is seen."""
    rows = np.array([(p.x0, p.y0, p.x1, p.y1) for p in frame.people], np.float64).reshape(-1, 4)
    return rows, np.array([p.share for p in frame.people], np.float64)


def look(detector: Any, frame: Frame, light: str) -> Scored:
    """What a model finds in a frame, beside what is there."""
    found = detector.predict(frame.picture, imgsz=list(SHAPE), conf=0.05, verbose=False, device="cpu")[0].boxes
    known, shares = truth(frame)
    boxes, scores = found.xyxy.cpu().numpy().astype(np.float64), found.conf.cpu().numpy().astype(np.float64)
    return Scored(light, boxes, scores, known, asked_for(known, shares))


def wrong(seen: Scored) -> list[Box]:
    """Where to look again: false boxes, and people found with little confidence or not at all."""
    hit, false = match(seen)
    again = [_box(row) for row in seen.boxes[false & (seen.scores >= SURE)]]
    sure = seen.boxes[hit & (seen.scores >= UNSURE)]
    for person in seen.truth[seen.asked]:
        middle = (person[:2] + person[2:]) / 2
        if not any((box[:2] < middle).all() and (middle < box[2:]).all() for box in sure):
            again.append(_box(person))
    return again


def _box(row: Boxes) -> Box:
    x0, y0, x1, y1 = (float(value) for value in row)
    return Box(x0, y0, x1, y1, 1.0)


def make(weights: Path, folder: Path, out: Path, seed: int, every: int) -> Iterator[int]:
    """Squares around the mistakes in every so manieth frame of a folder; yields how many frames are done.

    Looking costs as much as learning from ten squares.
    """
    from ultralytics import YOLO

    detector: Any = YOLO(str(weights), task="detect")
    for number, path in enumerate(sorted(folder.glob("*.jpg"))[::every]):
        rng = np.random.default_rng([seed, number])
        frame = frames.read_one(path)
        again = wrong(look(detector, frame, frames.light_of(path)))
        squares.save(out, f"{path.stem}.again", frame, (squares.around(rng, frame, box) for box in again[:4]))
        yield number + 1
