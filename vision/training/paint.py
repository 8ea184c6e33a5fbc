"""Painted places and things without people: backgrounds, and what a young detector takes for a person.

Pictures are float32 BGR, 0 to 255, shape (height, width, 3). All randomness comes from the generator that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Mask = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Cutout:
    """Something to paste: its picture, and how much each pixel covers (0 to 1), shape (height, width)."""

    picture: Picture
    alpha: Mask

    def resized(self, height: int) -> Cutout:
        width = max(2, round(self.picture.shape[1] * height / self.picture.shape[0]))
        how = cv2.INTER_AREA if height < self.picture.shape[0] else cv2.INTER_LINEAR
        alpha = np.asarray(cv2.resize(self.alpha, (width, height), interpolation=how), np.float32)
        covered = self.picture * self.alpha[..., None]  # so that what is transparent lends no colour to the rim
        picture = cv2.resize(covered, (width, height), interpolation=how) / np.maximum(alpha, 1e-3)[..., None]
        return Cutout(np.asarray(picture, np.float32), alpha)

    def mirrored(self) -> Cutout:
        return Cutout(np.ascontiguousarray(self.picture[:, ::-1]), np.ascontiguousarray(self.alpha[:, ::-1]))


def cloud(rng: Rng, height: int, width: int, grain: int) -> Mask:
    """Smooth noise of about 0 to 1 whose spots are `grain` pixels wide."""
    small = rng.random((max(2, height // grain + 2), max(2, width // grain + 2)), dtype=np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def texture(rng: Rng, height: int, width: int, colour: NDArray[np.float64], roughness: float) -> Picture:
    """A surface: one colour with noise of several grains."""
    noise = sum(
        (cloud(rng, height, width, grain) - 0.5) * (roughness * share)
        for grain, share in ((64, 1.0), (16, 0.6), (4, 0.4), (1, 0.25))
    )
    return np.asarray(np.asarray(noise)[..., None] + colour, np.float32)


def colour(rng: Rng, vivid: float = 0.5) -> NDArray[np.float64]:
    return np.clip(rng.uniform(15, 215) + rng.normal(0, 22 * vivid, 3), 0, 255)


def _paint_windows(rng: Rng, picture: Picture, x0: int, y0: int, x1: int, y1: int) -> None:
    dx, dy = int(rng.integers(8, 40)), int(rng.integers(10, 45))
    pane = colour(rng, 0.8)
    for y in range(y0 + 4, y1 - dy // 2, dy):
        for x in range(x0 + 4, x1 - dx // 2, dx):
            lit = colour(rng) if rng.random() < 0.15 else pane
            cv2.rectangle(picture, (x, y), (x + int(dx * 0.6), y + int(dy * 0.65)), lit.tolist(), -1)


def _paint_paving(rng: Rng, picture: Picture, horizon: int) -> None:
    size = picture.shape[0]
    line = (picture[-1].mean(axis=0) * rng.uniform(0.6, 1.3)).tolist()
    vanishing = int(rng.uniform(-size, 2 * size))
    for x in range(-2 * size, 3 * size, int(rng.integers(15, 90))):
        cv2.line(picture, (vanishing + int((x - vanishing) * 0.2), horizon), (x, size), line, 1, cv2.LINE_AA)
    y, step, grow = horizon + 3.0, rng.uniform(3, 8), rng.uniform(1.1, 1.5)
    while y < size:
        cv2.line(picture, (0, int(y)), (size, int(y)), line, 1)
        step *= grow
        y += step


def _paint_stripes(rng: Rng, picture: Picture) -> None:
    """A crossing, or the bars of a fence."""
    size = picture.shape[0]
    paint = np.clip(rng.uniform(10, 235) + rng.normal(0, 8, 3), 0, 255).tolist()
    x, y = int(rng.integers(0, size)), int(rng.integers(size // 5, size))
    if rng.random() < 0.5:
        w, h, skew = int(rng.integers(4, 22)), int(rng.integers(6, 40)), int(rng.integers(-30, 30))
        for k in range(int(rng.integers(4, 14))):
            left = x + k * 2 * w
            corners = np.array([[left, y], [left + w, y], [left + w + skew, y + h], [left + skew, y + h]], np.int32)
            cv2.fillPoly(picture, [corners], paint, cv2.LINE_AA)
    else:
        gap, h = int(rng.integers(3, 14)), int(rng.integers(15, 90))
        for left in range(0, size, gap):
            cv2.line(picture, (left, y - h), (left, y), paint, 1)
        cv2.line(picture, (0, y - h), (size, y - h), paint, 1)
        cv2.line(picture, (0, y), (size, y), paint, 1)


def place(rng: Rng, size: int) -> Picture:
    """A square view of a street, a yard or a wall."""
    horizon = int(size * rng.uniform(-0.1, 0.6))
    picture = texture(rng, size, size, colour(rng, 0.4), rng.uniform(5, 60))
    if horizon > 0:
        picture[:horizon] = texture(rng, horizon, size, colour(rng), rng.uniform(2, 40))
    if rng.random() < 0.5:
        _paint_paving(rng, picture, max(horizon, 0))
    for _ in range(rng.integers(0, 3)):  # a path, a lawn, a river: a wedge of another ground
        corners = np.array(
            [[rng.uniform(-size, 2 * size), max(horizon, 0)] for _ in range(2)]
            + [[rng.uniform(-size, 2 * size), size] for _ in range(2)],
            np.int32,
        )
        mask = np.zeros((size, size), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(corners), 1)
        picture = np.where(mask[..., None] > 0, texture(rng, size, size, colour(rng, 0.6), rng.uniform(4, 70)), picture)
    for _ in range(rng.integers(0, 7)):  # walls, doors, boards
        w, h = int(rng.integers(10, 190)), int(rng.integers(10, 170))
        x0, y0 = int(rng.integers(-w, size)), int(rng.integers(-h, max(horizon, 20)))
        x1, y1 = min(size, x0 + w), min(size, y0 + h)
        x0, y0 = max(0, x0), max(0, y0)
        if x1 - x0 < 4 or y1 - y0 < 4:
            continue
        picture[y0:y1, x0:x1] = texture(rng, y1 - y0, x1 - x0, colour(rng), rng.uniform(2, 50))
        if rng.random() < 0.5:
            _paint_windows(rng, picture, x0, y0, x1, y1)
    for _ in range(rng.integers(0, 3)):
        _paint_stripes(rng, picture)
    for _ in range(rng.integers(0, 4)):  # leaves and their shadows
        x, y, radius = int(rng.integers(0, size)), int(rng.integers(0, size)), int(rng.integers(10, 90))
        mask = np.zeros((size, size), np.float32)
        cv2.ellipse(mask, (x, y), (radius, int(radius * rng.uniform(0.3, 1.2))), 0, 0, 360, 1, -1)
        leaves = (mask * cloud(rng, size, size, int(rng.integers(2, 7)))) > 0.45
        if rng.random() < 0.5:
            green = np.array([rng.uniform(10, 70), rng.uniform(40, 130), rng.uniform(10, 90)])
            picture = np.where(leaves[..., None], texture(rng, size, size, green, 80), picture)
        else:
            picture *= np.where(leaves[..., None], np.float32(rng.uniform(0.4, 0.8)), np.float32(1))
    return np.asarray(np.clip(picture, 0, 255), np.float32)


def _thing(rng: Rng, mask: NDArray[np.uint8], base: NDArray[np.float64]) -> Cutout:
    """A mask with the light of a round body: brighter on one side, darker below."""
    height, width = mask.shape
    across = np.linspace(rng.uniform(0.5, 1.4), rng.uniform(0.5, 1.4), width, dtype=np.float32)
    down = np.linspace(rng.uniform(0.9, 1.3), rng.uniform(0.5, 1.0), height, dtype=np.float32)
    picture = texture(rng, height, width, base, rng.uniform(3, 50)) * across[None, :, None] * down[:, None, None]
    alpha = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 0.6)
    return Cutout(np.asarray(np.clip(picture, 0, 255), np.float32), np.asarray(alpha, np.float32))


def _blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.zeros((height, width), np.uint8)


def pole(rng: Rng) -> Cutout:
    mask = _blank(200, 60)
    half = int(rng.integers(1, 7))
    mask[2:, 30 - half : 30 + half] = 1
    if rng.random() < 0.6:  # a sign, a lamp, a camera on top
        if rng.random() < 0.5:
            cv2.circle(mask, (30, 18), int(rng.integers(8, 18)), 1, -1)
        else:
            mask[2 : int(rng.integers(12, 60)), 30 - int(rng.integers(6, 28)) : 30 + int(rng.integers(6, 28))] = 1
    return _thing(rng, mask, colour(rng))


def bollard(rng: Rng) -> Cutout:
    width = int(rng.integers(16, 46))
    mask = _blank(100, 60)
    mask[12:, 30 - width // 2 : 30 + width // 2] = 1
    cv2.ellipse(mask, (30, 14), (width // 2, 10), 0, 0, 360, 1, -1)
    cut = _thing(rng, mask, colour(rng, 1.5))
    for _ in range(rng.integers(0, 3)):
        y = int(rng.integers(10, 90))
        cut.picture[y : y + int(rng.integers(4, 15))] = colour(rng, 2)
    return cut


def bin_(rng: Rng) -> Cutout:
    mask = _blank(100, 90)
    inset, lean = int(rng.integers(5, 25)), int(rng.integers(0, 12))
    cv2.fillPoly(mask, [np.array([[inset, 14], [90 - inset, 14], [90 - inset - lean, 99], [inset + lean, 99]])], 1)
    cv2.rectangle(mask, (inset - 4, 4), (94 - inset, 14), 1, -1)
    cut = _thing(rng, mask, colour(rng, 1.2))
    cut.picture[4:14] *= rng.uniform(0.4, 1.6)
    return cut


def bag(rng: Rng) -> Cutout:
    mask = _blank(80, 80)
    cv2.ellipse(mask, (40, 50), (int(rng.integers(18, 38)), int(rng.integers(16, 29))), 0, 0, 360, 1, -1)
    if rng.random() < 0.6:
        cv2.ellipse(mask, (40, 26), (int(rng.integers(8, 16)), int(rng.integers(8, 22))), 0, 180, 360, 1, 3)
    return _thing(rng, mask, colour(rng, 1.2))


def dog(rng: Rng) -> Cutout:
    mask = _blank(90, 140)
    back = int(rng.integers(34, 46))
    cv2.ellipse(mask, (68, back), (int(rng.integers(32, 46)), int(rng.integers(11, 19))), 0, 0, 360, 1, -1)
    for x in (36, 44, 92, 100):
        cv2.line(mask, (x, back), (x + int(rng.integers(-9, 10)), 88), 1, int(rng.integers(4, 9)))
    head = (int(rng.integers(108, 120)), back - int(rng.integers(2, 22)))
    cv2.line(mask, (98, back - 4), head, 1, 12)
    cv2.ellipse(mask, head, (14, 10), 0, 0, 360, 1, -1)
    cv2.line(mask, (32, back - 4), (int(rng.integers(8, 24)), back - int(rng.integers(-20, 28))), 1, 5)
    return _thing(rng, mask, colour(rng))


def tree(rng: Rng) -> Cutout:
    mask = _blank(200, 140)
    half = int(rng.integers(3, 9))
    mask[80:, 70 - half : 70 + half] = 1
    crown = _blank(200, 140)
    cv2.ellipse(crown, (70, 65), (int(rng.integers(25, 68)), int(rng.integers(30, 64))), 0, 0, 360, 1, -1)
    crown &= (cloud(rng, 200, 140, 5) > rng.uniform(0.1, 0.5)).astype(np.uint8)
    trunk = _thing(rng, mask | crown, np.array([40.0, 60.0, 75.0]) * rng.uniform(0.4, 1.6))
    green = np.array([rng.uniform(10, 60), rng.uniform(40, 120), rng.uniform(10, 80)])
    leaves = texture(rng, 200, 140, green, 80)
    return Cutout(np.where(crown[..., None] > 0, leaves, trunk.picture), trunk.alpha)


def bush(rng: Rng) -> Cutout:
    mask = _blank(90, 130)
    for _ in range(rng.integers(2, 6)):
        at = (int(rng.integers(30, 100)), int(rng.integers(40, 75)))
        cv2.ellipse(mask, at, (int(rng.integers(12, 30)), int(rng.integers(15, 38))), 0, 0, 360, 1, -1)
    mask &= (cloud(rng, 90, 130, 4) > rng.uniform(-0.2, 0.35)).astype(np.uint8)
    green = np.array([rng.uniform(10, 70), rng.uniform(40, 130), rng.uniform(10, 110)])
    return _thing(rng, mask, green)


def car(rng: Rng) -> Cutout:
    mask = _blank(90, 200)
    cv2.rectangle(mask, (4, 38), (196, 76), 1, -1)
    roof = np.array([[40, 40], [62, 8], [140, 8], [172, 40]]) + rng.integers(-8, 8, (4, 2))
    cv2.fillPoly(mask, [roof.astype(np.int32)], 1)
    for x in (45, 155):
        cv2.circle(mask, (x, 74), 15, 1, -1)
    cut = _thing(rng, mask, colour(rng, 2.5))
    glass = ((roof - roof.mean(axis=0)) * 0.8 + roof.mean(axis=0)).astype(np.int32)
    cv2.fillPoly(cut.picture, [glass], (colour(rng) * 0.5).tolist())
    cv2.line(cut.picture, (102, 8), (104, 44), (20, 20, 20), 3)
    for x in (45, 155):
        cv2.circle(cut.picture, (x, 74), 14, (18, 18, 18), -1)
        cv2.circle(cut.picture, (x, 74), 7, (120, 120, 120), -1)
    return cut


def bicycle(rng: Rng) -> Cutout:
    mask = _blank(100, 160)
    for x in (38, 122):
        cv2.circle(mask, (x, 66), 30, 1, 3)
    for a, b in (((38, 66), (70, 30)), ((70, 30), (112, 30)), ((112, 30), (122, 66)), ((70, 66), (112, 32))):
        cv2.line(mask, a, b, 1, 3)
    cv2.line(mask, (60, 22), (82, 22), 1, 6)
    cv2.line(mask, (106, 16), (122, 18), 1, 4)
    return _thing(rng, mask, colour(rng))


def board(rng: Rng) -> Cutout:
    """An upright slab: a post-box, a locker, an advertisement, sometimes on legs."""
    mask = _blank(150, 80)
    half, bottom = int(rng.integers(12, 36)), int(rng.choice((110, 149)))
    mask[5:bottom, 40 - half : 40 + half] = 1
    if bottom < 149:
        mask[bottom:, 40 - half + 3 : 40 - half + 8] = 1
        mask[bottom:, 40 + half - 8 : 40 + half - 3] = 1
    cut = _thing(rng, mask, colour(rng, 2))
    for _ in range(rng.integers(0, 5)):
        x, y = int(rng.integers(5, 60)), int(rng.integers(5, 110))
        cut.picture[y : y + int(rng.integers(4, 40)), x : x + int(rng.integers(4, 40))] = colour(rng, 2)
    return cut


def bench(rng: Rng) -> Cutout:
    mask = _blank(80, 150)
    for y in (10, 24, 46):
        mask[y : y + int(rng.integers(5, 10)), 6:144] = 1
    for x in (14, 128):
        mask[10:, x : x + 7] = 1
    return _thing(rng, mask, colour(rng))


def sheet(rng: Rng) -> Cutout:
    """Hanging cloth, a sack, a blob of any kind."""
    mask = (cloud(rng, 120, 90, int(rng.integers(25, 60))) > rng.uniform(0.4, 0.6)).astype(np.uint8)
    return _thing(rng, mask, colour(rng, 1.5))


@dataclass(frozen=True)
class Kind:
    """A kind of thing: how it is painted, how high it is in metres, how common it is."""

    paint: Callable[[Rng], Cutout]
    metres: tuple[float, float]
    common: int = 1


THINGS = (
    Kind(pole, (2.0, 6.0), common=2),
    Kind(bollard, (0.5, 1.2), common=2),
    Kind(bin_, (0.6, 1.3)),
    Kind(bag, (0.3, 0.8)),
    Kind(dog, (0.35, 0.9)),
    Kind(tree, (2.5, 7.0)),
    Kind(bush, (0.5, 2.0), common=2),
    Kind(car, (1.3, 1.9), common=2),
    Kind(bicycle, (0.9, 1.2)),
    Kind(board, (0.8, 2.4), common=2),
    Kind(bench, (0.7, 1.0)),
    Kind(sheet, (0.4, 2.0)),
)
"""What stands about."""


def any_thing(rng: Rng) -> Kind:
    """One of `THINGS`, the commoner ones more often."""
    often = np.array([kind.common for kind in THINGS], np.float64)
    return THINGS[int(rng.choice(len(THINGS), p=often / often.sum()))]
