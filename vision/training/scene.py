"""One training picture: people and things of a plausible size, in front of each other, with exact visible boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.paint import Cutout, Mask, Picture, Rng, any_thing, cloud, texture

SHORTEST, TALLEST = 24, 150
"""Heights of people in the pictures, in pixels of a 640×360 view."""
MIN_SHARE = 0.4
"""Less of a person than this is no example; pictures with such a remainder are laid out anew."""


@dataclass(frozen=True)
class Person:
    """A person at the size of a picture. `box` is the body in the cutout's pixels: x0, y0, x1, y1."""

    cutout: Cutout
    box: tuple[float, float, float, float]

    def pixels(self) -> NDArray[np.bool_]:
        """What is body; a carried thing counts only inside the body's box."""
        x0, y0, x1, y1 = self.box
        inside = np.zeros(self.cutout.alpha.shape, bool)
        inside[max(0, math.floor(y0)) : math.ceil(y1), max(0, math.floor(x0)) : math.ceil(x1)] = True
        own: NDArray[np.bool_] = inside & (self.cutout.alpha > 0.4)
        return own


@dataclass(frozen=True)
class Body:
    """A sprite in memory: blue, green, red, alpha in bytes, and what is known of it."""

    bgra: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    metres: float
    depression: float
    light: str

    def person(self, pixels: float, *, mirrored: bool) -> Person:
        """The body `pixels` high."""
        bgra = self.bgra[:, ::-1] if mirrored else self.bgra
        original = Cutout(bgra[..., :3].astype(np.float32), np.asarray(bgra[..., 3] / 255, np.float32))
        x0, y0, x1, y1 = self.box
        height, width = bgra.shape[:2]
        cutout = original.resized(max(8, round(height * pixels / (y1 - y0))))
        if mirrored:
            x0, x1 = width - x1, width - x0
        scale = cutout.alpha.shape[0] / height
        return Person(cutout, (x0 * scale, y0 * scale, x1 * scale, y1 * scale))


@dataclass(frozen=True)
class View:
    """A simple camera: the picture row of its horizon, and how high it hangs, so that sizes agree."""

    horizon: float
    metres_up: float

    def foot(self, pixels: float, metres: float) -> float:
        """The row on which something of a height in metres stands, to be `pixels` high."""
        return self.horizon + pixels * self.metres_up / metres

    def pixels(self, foot: float, metres: float) -> float:
        return metres * (foot - self.horizon) / self.metres_up

    def depression(self, foot: float) -> float:
        """Degrees below the horizontal, for a lens of about 65° over 640 pixels."""
        return math.degrees(math.atan((foot - self.horizon) / 500))


@dataclass(frozen=True)
class Label:
    """A visible box in pixels: x0, y0, x1, y1, and the share of the body that is seen."""

    box: tuple[float, float, float, float]
    share: float


@dataclass
class Canvas:
    """What has been pasted so far, from far to near."""

    picture: Picture
    bodies: list[tuple[NDArray[np.bool_], int]] = field(default_factory=list)
    """The visible pixels of each body, and how many it has in all, beyond the picture's edge too."""

    def paste(self, cutout: Cutout, left: int, top: int) -> NDArray[np.bool_]:
        """Pastes, hides what lies behind, and returns the pixels that it covers."""
        height, width = self.picture.shape[:2]
        h, w = cutout.alpha.shape
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + w), min(height, top + h)
        covered = np.zeros((height, width), bool)
        if x1 <= x0 or y1 <= y0:
            return covered
        alpha = cutout.alpha[y0 - top : y1 - top, x0 - left : x1 - left]
        part = cutout.picture[y0 - top : y1 - top, x0 - left : x1 - left]
        under = self.picture[y0:y1, x0:x1]
        self.picture[y0:y1, x0:x1] = under + alpha[..., None] * (part - under)
        covered[y0:y1, x0:x1] = alpha > 0.4
        for visible, _ in self.bodies:
            visible[covered] = False
        return covered

    def labels(self) -> list[Label]:
        """Boxes of what is visible of each body, the nearest last; hidden ones have no box."""
        found = []
        for visible, total in self.bodies:
            share = float(visible.sum()) / max(1, total)
            rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
            if len(rows):
                box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
                found.append(Label(box, share))
        return found


def cast_shadow(
    canvas: Canvas, cutout: Cutout, left: int, top: int, direction: tuple[float, float], depth: float
) -> None:
    """Darkens the ground by the silhouette, laid flat from the feet in a direction (pixels per pixel of height)."""
    h, w = cutout.alpha.shape
    dx, dy = direction
    foot_x, foot_y = left + w / 2, top + h
    # (u, v) of the cutout → ground: x = foot + (u − w/2) + (h − v)·dx, y = foot + (u − w/2)·0.12 + (h − v)·dy
    matrix = np.array([[1, -dx, foot_x - w / 2 + h * dx], [0.12, -dy, foot_y - 0.06 * w + h * dy]], np.float32)
    size = (canvas.picture.shape[1], canvas.picture.shape[0])
    shade = cv2.warpAffine(cutout.alpha, matrix, size, flags=cv2.INTER_LINEAR)
    shade = cv2.GaussianBlur(shade, (0, 0), 0.6 + 0.012 * h)
    canvas.picture *= 1 - depth * np.clip(shade, 0, 1)[..., None]


def contact_shadow(canvas: Canvas, foot_x: float, foot_y: float, width: float, depth: float) -> None:
    size = canvas.picture.shape[0]
    shade = np.zeros((size, size), np.float32)
    at = (int(foot_x), int(min(size + 20, foot_y)))
    cv2.ellipse(shade, at, (max(2, int(width * 0.6)), max(1, int(width * 0.14))), 0, 0, 360, 1, -1)
    canvas.picture *= 1 - depth * cv2.GaussianBlur(shade, (0, 0), 0.8 + width * 0.05)[..., None]


@dataclass(frozen=True)
class Sun:
    """How everything in one picture casts shadows."""

    direction: tuple[float, float]
    depth: float

    @classmethod
    def random(cls, rng: Rng, *, hard: bool) -> Sun:
        angle = rng.uniform(0, math.tau)
        length = rng.uniform(0.3, 1.6)
        return cls(
            (length * math.cos(angle), 0.45 * length * math.sin(angle)),
            rng.uniform(0.2, 0.6) if hard and rng.random() < 0.8 else 0.0,
        )


@dataclass(frozen=True)
class Cast:
    """The bodies to choose from, sorted into what fits a light."""

    bodies: list[Body]

    def pick(self, rng: Rng, lights: tuple[str, ...], depression: float) -> Body:
        """Of a few random ones under one of the lights, the one seen from nearest to the right angle."""
        fitting = [b for b in (self.bodies[int(i)] for i in rng.integers(0, len(self.bodies), 24)) if b.light in lights]
        chosen = fitting[:5] or [self.bodies[int(rng.integers(0, len(self.bodies)))]]
        return min(chosen, key=lambda b: abs(b.depression - depression))


@dataclass(frozen=True)
class _Layer:
    foot: float
    left: float
    person: Person | None
    cutout: Cutout


def _person(rng: Rng, cast: Cast, view: View, lights: tuple[str, ...], size: int, near: _Layer | None) -> _Layer | None:
    """One person on a row and at a size that agree with the view, sometimes beside another; None if none fits."""
    for _ in range(8):
        if near is not None:
            foot = near.foot + rng.uniform(-6, 6)
            body = cast.pick(rng, lights, view.depression(foot))
            pixels = view.pixels(foot, body.metres)
            left = near.left + rng.normal(0, 0.5) * pixels
        else:
            pixels = math.exp(rng.uniform(math.log(SHORTEST + 2), math.log(TALLEST)))
            body = cast.pick(rng, lights, rng.uniform(5, 35))
            foot = view.foot(pixels, body.metres)
            left = rng.uniform(-0.3 * pixels, size - 0.1 * pixels)
        if not SHORTEST <= pixels <= TALLEST * 1.1 or foot - pixels > size * 0.9 or foot > size + 0.45 * pixels:
            continue
        person = body.person(pixels, mirrored=rng.random() < 0.5)
        return _Layer(foot, left, person, person.cutout)
    return None


def _thing(rng: Rng, view: View, size: int, hides: _Layer | None) -> _Layer | None:
    """Something that stands about, or just in front of a person."""
    kind = any_thing(rng)
    metres = rng.uniform(*kind.metres)
    for _ in range(5):
        foot = hides.foot + rng.uniform(1, 14) if hides else rng.uniform(max(0.0, view.horizon), size * 1.2)
        pixels = view.pixels(foot, metres)
        if not 6 <= pixels <= 420:
            continue
        cutout = kind.paint(rng).resized(round(pixels))
        middle = hides.left + hides.cutout.alpha.shape[1] / 2 if hides else rng.uniform(0, size)
        left = middle + rng.normal(0, 0.25 if hides else 0.0) * pixels - cutout.alpha.shape[1] / 2
        return _Layer(foot, left, None, cutout)
    return None


def stage(
    rng: Rng,
    background: Picture,
    cast: Cast,
    *,
    people: int,
    things: int,
    lights: tuple[str, ...],
    hard_shadows: bool,
) -> Canvas:
    """Puts people and things into an empty place. Modifies a copy."""
    size = background.shape[0]
    view = View(rng.uniform(-260, 0.4 * size), rng.uniform(2.5, 8.0))
    sun = Sun.random(rng, hard=hard_shadows)
    layers: list[_Layer] = []
    for _ in range(people):
        near = layers[-1] if layers and rng.random() < 0.3 else None
        person = _person(rng, cast, view, lights, size, near)
        if person:
            layers.append(person)
    standing = list(layers)
    for _ in range(things):
        hidden = standing[int(rng.integers(0, len(standing)))] if standing and rng.random() < 0.25 else None
        thing = _thing(rng, view, size, hidden)
        if thing:
            layers.append(thing)
    canvas = Canvas(background.copy())
    fit = rng.uniform(0.2, 0.9)
    for layer in sorted(layers, key=lambda each: each.foot):
        _place(rng, canvas, layer, sun, fit)
    return canvas


def _place(rng: Rng, canvas: Canvas, layer: _Layer, sun: Sun, fit: float) -> None:
    h, w = layer.cutout.alpha.shape
    rows = np.flatnonzero((layer.cutout.alpha > 0.4).any(axis=1))
    left, top = round(layer.left), round(layer.foot - (rows[-1] + 1 if len(rows) else h))
    if sun.depth:
        cast_shadow(canvas, layer.cutout, left, top, sun.direction, sun.depth)
    elif rng.random() < 0.8:
        contact_shadow(canvas, left + w / 2, layer.foot, 0.5 * w, rng.uniform(0.1, 0.5))
    cutout = Cutout(_lit(rng, canvas.picture, layer, left, top, fit), layer.cutout.alpha)
    covered = canvas.paste(cutout, left, top)
    if layer.person is not None:
        own = layer.person.pixels()
        whole = np.zeros_like(covered)
        size = covered.shape[0]
        x0, y0, x1, y1 = max(0, left), max(0, top), min(size, left + w), min(size, top + h)
        if x1 > x0 and y1 > y0:
            whole[y0:y1, x0:x1] = own[y0 - top : y1 - top, x0 - left : x1 - left]
        canvas.bodies.append((whole, int(own.sum())))


def _lit(rng: Rng, picture: Picture, layer: _Layer, left: int, top: int, fit: float) -> Picture:
    """The cutout in about the light of the place where it stands; clothes stay darker or brighter than that."""
    size = picture.shape[0]
    h, w = layer.cutout.alpha.shape
    x0, x1 = np.clip([left - w // 2, left + w + w // 2], 0, size)
    y0, y1 = np.clip([top, top + h + h // 4], 0, size)
    around = float(picture[y0:y1, x0:x1].mean()) if x1 > x0 and y1 > y0 else 100.0
    gain = (max(around, 6.0) / 105) ** fit * rng.lognormal(0, 0.22)
    lit = layer.cutout.picture * np.float32(np.clip(gain, 0.06, 2.2)) * rng.normal(1, 0.04, 3).astype(np.float32)
    return np.asarray(np.clip(lit, 0, 255), np.float32)


def hide_in_front(rng: Rng, canvas: Canvas) -> None:
    """A wall, a hedge or a fence in the foreground."""
    size = canvas.picture.shape[0]
    if rng.random() < 0.5:
        w, h = int(rng.integers(6, 90)), int(rng.integers(15, 160))
        picture = texture(rng, h, w, rng.uniform(15, 200) + rng.normal(0, 12, 3), rng.uniform(5, 60))
        alpha: Mask = np.ones((h, w), np.float32)
        if rng.random() < 0.4:
            alpha = (cloud(rng, h, w, 4) > 0.3).astype(np.float32)
    else:
        w, h = int(rng.integers(60, size)), int(rng.integers(20, 100))
        picture = texture(rng, h, w, rng.uniform(10, 230) + rng.normal(0, 10, 3), 20)
        alpha = np.zeros((h, w), np.float32)
        alpha[:, :: int(rng.integers(5, 16))] = 1
        alpha[:2] = alpha[h // 2 : h // 2 + 2] = 1
    canvas.paste(Cutout(picture, alpha), int(rng.integers(-w // 2, size)), int(rng.integers(0, size)))
