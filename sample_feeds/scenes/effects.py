"""What happens before a lens besides people: wind, rain, headlights, flicker, things left behind, and tampering.

An effect changes the picture `before` people are laid over it, or `after`. It is a pure function of the moment: the
same frame number and seed give the same pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_feeds.scenes.assets import KINDS, Picture, Plate
from sample_feeds.scenes.cameras import FPS, Camera

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Moment:
    number: int
    camera: Camera
    plate: Plate
    light: str
    rng: np.random.Generator


@dataclass(frozen=True)
class Effect:
    """Does nothing; each effect below changes one of the two."""

    def before(self, image: Floats, moment: Moment) -> Floats:  # noqa: ARG002 - the neutral one
        return image

    def after(self, image: Floats, moment: Moment) -> Floats:  # noqa: ARG002 - the neutral one
        return image


@dataclass(frozen=True)
class Wind(Effect):
    """Leaves sway, water glitters; `period` in frames, so that a loop closes when the clip is a multiple of it."""

    strength: float = 1.0
    period: int = 50

    def before(self, image: Floats, moment: Moment) -> Floats:
        h, w = image.shape[:2]
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        t = math.tau * moment.number / self.period
        kind = moment.plate.kind
        mask = cv2.GaussianBlur(np.isin(kind, (KINDS.index("leaf"),)).astype(np.float32), (0, 0), 1.5)
        dx = (np.sin(t + x / 17 + y / 23) + 0.5 * np.sin(3 * t + x / 7)) * mask * self.strength
        dy = 0.5 * np.sin(2 * t + x / 11) * mask * self.strength
        swayed: Floats = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        water = (kind == KINDS.index("water"))[..., None]
        if water.any():
            ripple = np.sin(2 * t + x / 9 + 3 * np.sin(y / 4 + t)) * np.sin(y / 2.3 - 3 * t)
            swayed = np.where(water, swayed * (1 + 0.06 * self.strength * ripple[..., None]), swayed).astype(np.float32)
        return swayed


@dataclass(frozen=True)
class Rain(Effect):
    """Streaks that fall before the lens, and a few that are near and blurred."""

    drops: int = 260

    def after(self, image: Floats, moment: Moment) -> Floats:
        h, w = image.shape[:2]
        layer = np.zeros((h, w), np.float32)
        for _ in range(self.drops):
            x, y = moment.rng.uniform(-20, w), moment.rng.uniform(-30, h)
            length = moment.rng.uniform(6, 22)
            cv2.line(layer, (int(x), int(y)), (int(x + length * 0.18), int(y + length)), float(moment.rng.uniform(0.1, 0.4)), 1, cv2.LINE_AA)  # fmt: skip
        layer = cv2.GaussianBlur(layer, (0, 0), 0.6)[..., None]
        bright = 120.0 if moment.light in ("night", "ir") else 205.0
        return np.asarray(image * (1 - layer) + bright * layer, np.float32)


@dataclass(frozen=True)
class Headlights(Effect):
    """Light of passing cars sweeps over the ground every `every` seconds; the cars stay out of view."""

    every: float = 6.0

    def before(self, image: Floats, moment: Moment) -> Floats:
        h, w = image.shape[:2]
        t = (moment.number / FPS / self.every) % 1.0
        if t > 0.55:
            return image
        x0 = (t / 0.55) * 1.5 * w - 0.25 * w
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        pool = np.exp(-(((x - x0) / (0.2 * w)) ** 2) - ((y - 0.55 * h) / (0.22 * h)) ** 2)
        pool *= moment.plate.kind != KINDS.index("sky")
        glow = 14 * pool[..., None] * np.array([0.8, 0.95, 1.0], np.float32)
        return np.asarray(image * (1 + 1.7 * pool[..., None]) + glow, np.float32)


@dataclass(frozen=True)
class Flicker(Effect):
    """A failing lamp: the light drops and comes back."""

    depth: float = 0.45

    def before(self, image: Floats, moment: Moment) -> Floats:
        rng = np.random.default_rng([91, moment.number // 2])
        return np.asarray(image * np.float32(1 - self.depth * (rng.random() < 0.3) * rng.random()))


@dataclass(frozen=True)
class CloudShadow(Effect):
    """The edge of a cloud's shadow creeps over the view and back."""

    period: int = 150

    def before(self, image: Floats, moment: Moment) -> Floats:
        h, w = image.shape[:2]
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        edge = w * (0.5 + 0.75 * math.sin(math.tau * moment.number / self.period))
        shade = 1 / (1 + np.exp((x + 0.6 * y - edge - 0.2 * w + 22 * np.sin(y / 31)) / 18))
        return np.asarray(image * (1 - 0.38 * shade[..., None]), np.float32)


@dataclass(frozen=True)
class Thing(Effect):
    """A dog-like or bag-like object on the ground at x, y metres; the dog trots to and fro."""

    what: str
    x: float
    y: float

    def before(self, image: Floats, moment: Moment) -> Floats:
        t = moment.number / FPS
        x = self.x + (2.6 * math.sin(t * 0.55) if self.what == "dog" else 0.0)
        pixels, depths = moment.camera.project(np.array([[x, self.y, 0.0]]))
        (u, v), scale = pixels[0], moment.camera.focal_px / float(depths[0])
        dark = float(cv2.mean(image)[1]) / 120
        facing = 1.0 if math.cos(t * 0.55) * moment.camera.axes[0, 0] > 0 else -1.0
        drawn = np.asarray(np.clip(image, 0, 255), np.uint8)  # smooth edges are drawn on bytes only
        foot = (float(u), float(v))
        if self.what == "dog":
            _dog(
                drawn,
                foot,
                scale,
                facing,
                t,
                [dark * c for c in ((62, 62, 62) if moment.light == "ir" else (38, 62, 92))],
            )
        else:
            _bag(drawn, foot, scale, dark)
        return drawn.astype(np.float32)


def _dog(image: Picture, foot: tuple[float, float], scale: float, facing: float, t: float, coat: list[float]) -> None:
    u, v = foot

    def at(a: float, b: float) -> tuple[int, int]:
        return round((u + facing * a * scale) * 8), round((v - b * scale) * 8)

    def limb(a: tuple[float, float], b: tuple[float, float], thick: float) -> None:
        cv2.line(image, at(*a), at(*b), coat, max(1, round(thick * scale)), cv2.LINE_AA, 3)

    cv2.ellipse(
        image,
        at(0, 0),
        (round(0.4 * scale * 8), round(0.09 * scale * 8)),
        0,
        0,
        360,
        [0.5 * min(coat)] * 3,
        -1,
        cv2.LINE_AA,
        3,
    )
    for hip, turn in ((-0.26, 0.0), (-0.2, 2.0), (0.2, 3.1), (0.26, 5.0)):
        limb((hip, 0.3), (hip + 0.09 * math.sin(t * 9 + turn), 0.0), 0.05)
    cv2.ellipse(
        image, at(0, 0.38), (round(0.36 * scale * 8), round(0.13 * scale * 8)), 0, 0, 360, coat, -1, cv2.LINE_AA, 3
    )
    limb((0.28, 0.42), (0.42, 0.58), 0.1)
    cv2.ellipse(
        image, at(0.46, 0.6), (round(0.12 * scale * 8), round(0.075 * scale * 8)), 0, 0, 360, coat, -1, cv2.LINE_AA, 3
    )
    limb((-0.34, 0.42), (-0.5, 0.58 + 0.04 * math.sin(t * 7)), 0.035)


def _bag(image: Picture, foot: tuple[float, float], scale: float, dark: float) -> None:
    u, v = foot
    cv2.ellipse(image, (round(u * 8), round(v * 8)), (round(0.36 * scale * 8), round(0.08 * scale * 8)), 0, 0, 360, (28 * dark,) * 3, -1, cv2.LINE_AA, 3)  # fmt: skip
    outline = ((-0.3, 0.0), (0.3, 0.0), (0.33, 0.34), (0.1, 0.5), (-0.08, 0.47), (-0.32, 0.3))
    points = np.array([[round((u + a * scale) * 8), round((v - b * scale) * 8)] for a, b in outline], np.int32)
    cv2.fillPoly(image, [points], (62.0 * dark, 48.0 * dark, 42.0 * dark), cv2.LINE_AA, 3)
    lit = np.array([[round((u + a * scale) * 8), round((v - b * scale) * 8)] for a, b in outline[2:5]], np.int32)
    cv2.fillPoly(image, [lit], (92.0 * dark, 76.0 * dark, 70.0 * dark), cv2.LINE_AA, 3)


@dataclass(frozen=True)
class Tamper(Effect):
    """From frame `start` on the lens is covered, defocused, or turned away; `frozen` is done where frames are written."""

    how: str
    start: int

    def after(self, image: Floats, moment: Moment) -> Floats:
        share = min(1.0, max(0.0, (moment.number - self.start) / 8))
        h, w = image.shape[:2]
        if share <= 0:
            return image
        if self.how == "covered":
            y, x = np.mgrid[0:h, 0:w].astype(np.float32)
            cloth = 26 + 5 * np.sin(x / 60 + y / 90) + 4 * np.sin(y / 37)
            cover = 1 / (1 + np.exp((y - share * 1.35 * h + 20 * np.sin(x / 50)) / 9))
            return np.asarray(image * (1 - cover[..., None]) + (cloth * cover)[..., None], np.float32)
        if self.how == "defocused":
            blurred: Floats = cv2.GaussianBlur(image, (0, 0), 0.3 + 9 * share)
            return blurred
        if self.how == "turned":
            zoom = 0.6 * share  # the lens now looks at a corner of what it saw, so that nothing has to be invented
            shift = np.array([[1 + zoom, 0, -zoom * w * 0.95], [0, 1 + zoom, -zoom * h * 0.05]], np.float32)
            turned: Floats = cv2.warpAffine(image, shift, (w, h), borderMode=cv2.BORDER_REPLICATE)
            return turned
        return image
