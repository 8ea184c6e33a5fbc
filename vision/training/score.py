"""How good a detector is on pictures whose truth is known. Pure functions; boxes are (n, 4): x0, y0, x1, y1 in pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]

SHORTEST = 40.0
"""People of fewer pixels count neither as found nor as missed."""
MIN_SHARE = 0.5
"""People of whom less is visible count neither as found nor as missed."""
SAME = 0.5
"""Intersection over union from which a box is that person's."""


@dataclass(frozen=True)
class Scored:
    """One picture: what a detector found in it, and what is there.

    `asked` marks the people that must be found; the others may be found or not, and boxes on them are no mistakes.
    """

    light: str
    boxes: Boxes
    scores: NDArray[np.float64]
    truth: Boxes
    asked: NDArray[np.bool_]


@dataclass(frozen=True)
class Tally:
    """The outcome over many pictures."""

    frames: int
    asked: int
    found: int
    false: int

    @property
    def recall(self) -> float:
        """Share of the people asked for that were found; 1 where nobody was asked for."""
        return self.found / self.asked if self.asked else 1.0

    @property
    def false_per_frame(self) -> float:
        return self.false / self.frames if self.frames else 0.0


def overlap(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every pair; shape (len(one), len(other))."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = (one[:, 2:] - one[:, :2]).prod(axis=1)[:, None] + (other[:, 2:] - other[:, :2]).prod(axis=1)[None, :]
    result: NDArray[np.float64] = shared / np.maximum(area - shared, 1e-9)
    return result


def asked_for(truth: Boxes, shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which people count: tall enough and visible enough."""
    asked: NDArray[np.bool_] = ((truth[:, 3] - truth[:, 1]) > SHORTEST) & (shares >= MIN_SHARE)
    return asked


def match(picture: Scored) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes hit somebody asked for, and which are false; the surest box chooses first, one box a person.

    A box that hits nobody asked for, but overlaps a person who is not asked for, is neither.
    """
    hit, false = np.zeros(len(picture.scores), bool), np.zeros(len(picture.scores), bool)
    if not len(picture.truth):
        return hit, ~false
    pairs = overlap(picture.boxes, picture.truth)
    free = np.ones(len(picture.truth), bool)
    for k in np.argsort(-picture.scores, kind="stable"):
        wanted = np.where(free & picture.asked, pairs[k], 0)
        excused = np.where(free & ~picture.asked, pairs[k], 0)
        if wanted.max() >= SAME:
            free[wanted.argmax()] = False
            hit[k] = True
        elif excused.max() >= SAME:
            free[excused.argmax()] = False
        elif _inside(picture.boxes[k], picture.truth[~picture.asked]) < SAME:
            false[k] = True
    return hit, false


def _inside(box: Boxes, others: Boxes) -> float:
    """The largest share of a box that lies in one of the others: a part of someone hardly visible."""
    if not len(others):
        return 0.0
    shared = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).prod(axis=1)
    return float(shared.max() / max(float((box[2:] - box[:2]).prod()), 1e-9))


def tally(pictures: Iterable[Scored], confidence: float) -> Tally:
    """The outcome when boxes below a confidence are dropped."""
    frames = asked = found = wrong = 0
    for picture in pictures:
        kept = picture.scores >= confidence
        hit, false = match(
            Scored(picture.light, picture.boxes[kept], picture.scores[kept], picture.truth, picture.asked)
        )
        frames, asked = frames + 1, asked + int(picture.asked.sum())
        found, wrong = found + int(hit.sum()), wrong + int(false.sum())
    return Tally(frames, asked, found, wrong)


def by_light(pictures: Sequence[Scored], confidence: float) -> dict[str, Tally]:
    """The same, for each light apart."""
    lights = sorted({picture.light for picture in pictures})
    return {light: tally([p for p in pictures if p.light == light], confidence) for light in lights}


def confidence_for(pictures: Sequence[Scored], false_per_frame: float) -> float:
    """The lowest confidence (in steps of 0.01, from 0.05) at which no more false boxes a frame are left than allowed."""
    for step in range(5, 100):
        if tally(pictures, step / 100).false_per_frame <= false_per_frame:
            return step / 100
    return 1.0
