"""What light, weather, lens and camera do to a picture."""

from __future__ import annotations

import cv2
import numpy as np

from vision.training.paint import Mask, Picture, Rng, cloud


def _pool(size: int, x: float, y: float, rx: float, ry: float) -> Mask:
    """A soft spot of light, 1 at its middle."""
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    return np.asarray(np.exp(-(((xs - x) / rx) ** 2 + ((ys - y) / ry) ** 2)), np.float32)


def night(rng: Rng, picture: Picture) -> Picture:
    """Lamps that leave most of the place dark."""
    size = picture.shape[0]
    light = np.full((size, size, 3), rng.uniform(0.15, 0.5), np.float32)
    for _ in range(rng.integers(0, 4)):
        warm = np.array([rng.uniform(0.4, 1), rng.uniform(0.75, 1), 1.0], np.float32)
        x, y = rng.uniform(-50, size + 50, 2)
        spot = _pool(size, x, y, rng.uniform(40, 220), rng.uniform(30, 140))
        light += rng.uniform(0.2, 0.9) * spot[..., None] * warm
    return np.asarray(picture * light, np.float32)


def infrared(rng: Rng, picture: Picture) -> Picture:
    """Grey, lit from the camera: bright in the middle, dark at the rim."""
    size = picture.shape[0]
    shares = rng.dirichlet((4, 4, 4)).astype(np.float32)
    grey = (picture @ shares)[..., None].repeat(3, axis=2)
    x, y = rng.uniform(0, size, 2)
    spot = _pool(size, x, y, rng.uniform(120, 400), rng.uniform(120, 400))
    return np.asarray(grey * (rng.uniform(0.15, 0.6) + rng.uniform(0.3, 1.0) * spot)[..., None], np.float32)


def headlights(rng: Rng, picture: Picture) -> Picture:
    """One or more pairs of glaring lamps."""
    size = picture.shape[0]
    out = picture.copy()
    for _ in range(rng.integers(1, 3)):
        x, y, apart = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(6, 50)
        radius, glow = rng.uniform(1.5, 7), rng.uniform(80, 255)
        hue = np.array([rng.uniform(0.6, 1), rng.uniform(0.8, 1), 1.0], np.float32)
        for side in (0, apart) if rng.random() < 0.8 else (0,):
            core = _pool(size, x + side, y, radius, radius) * 2
            halo = _pool(size, x + side, y, radius * 6, radius * 5) * 0.35
            out += (glow * (core + halo))[..., None] * hue
        if rng.random() < 0.5:  # the wet road mirrors them
            out += (0.25 * glow * _pool(size, x + apart / 2, y + 30, apart, 30))[..., None] * hue
    return out


def rain(rng: Rng, picture: Picture) -> Picture:
    size = picture.shape[0]
    streaks = np.zeros((size, size), np.float32)
    slant, length = rng.normal(0, 0.2), rng.uniform(5, 24)
    for _ in range(int(rng.integers(30, 350))):
        x, y = rng.uniform(0, size, 2)
        end = (int(x + slant * length), int(y + length))
        cv2.line(streaks, (int(x), int(y)), end, float(rng.uniform(0.2, 1)), 1, cv2.LINE_AA)
    streaks = cv2.GaussianBlur(streaks, (0, 0), rng.uniform(0.3, 0.9))
    veil = rng.uniform(0, 0.25)
    out = picture * (1 - veil) + veil * float(picture.mean() + 20)
    out = out + streaks[..., None] * rng.uniform(15, 90)
    for _ in range(rng.integers(0, 4)):  # drops on the dome
        drop = _pool(size, *rng.uniform(0, size, 2), *rng.uniform(4, 25, 2))[..., None] > 0.5
        out = np.where(drop, cv2.GaussianBlur(out.astype(np.float32), (0, 0), 5), out)
    return np.asarray(out, np.float32)


def overlay(rng: Rng, picture: Picture) -> Picture:
    """The camera's own lettering."""
    text = "".join(rng.choice(list("0123456789:-CAM AEHST"), int(rng.integers(6, 20))))
    at = (int(rng.integers(0, 120)), int(rng.choice((14, 24, picture.shape[0] - 8))))
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.putText(mask, text, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.7), 255, 1, cv2.LINE_AA)
    shade = np.float32(rng.choice((0, 255)))
    return np.asarray(picture + (shade - picture) * (mask[..., None] / np.float32(255)), np.float32)


def camera(rng: Rng, picture: Picture, *, dark: bool) -> Picture:
    """Exposure, colour cast, lens blur, motion, noise and the smear of a noise filter; clipped to 0–255."""
    out = 255 * (np.clip(picture, 0, 255) / 255) ** np.float32(rng.uniform(0.65, 1.4))
    if dark:
        out = out * np.float32(min(rng.uniform(1.2, 3.0), rng.uniform(45, 90) / max(4.0, float(out.mean()))))
    else:
        out = out * np.float32(rng.uniform(0.55, 1.15))
    out = (
        (out - 110) * np.float32(rng.uniform(0.7, 1.15)) + 110 * np.float32(rng.uniform(0.85, 1.1)) if not dark else out
    )
    if float(np.ptp(out.mean(axis=(0, 1)))) > 0.5:
        out = out * rng.normal(1, 0.05, 3).astype(np.float32)
    if rng.random() < 0.5:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.12:
        size, less = out.shape[0], rng.uniform(0.5, 0.85)
        small = cv2.resize(out, None, fx=less, fy=less, interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    noise = rng.uniform(2, 13) if dark else rng.uniform(0, 6)
    grain = rng.standard_normal(out.shape, dtype=np.float32) * np.float32(noise)
    if rng.random() < 0.6:
        grain = grain.mean(axis=2, keepdims=True) * np.float32(1.4) * np.ones(3, np.float32)
    out = out + grain
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(np.asarray(out, np.float32), (0, 0), rng.uniform(0.3, 0.7))
    return np.asarray(np.clip(out, 0, 255), np.float32)


def shade_of_leaves(rng: Rng, picture: Picture) -> Picture:
    """Large soft shadows over everything, people too."""
    size = picture.shape[0]
    spots = cloud(rng, size, size, int(rng.integers(12, 120))) > rng.uniform(0.35, 0.65)
    soft = cv2.GaussianBlur(spots.astype(np.float32), (0, 0), rng.uniform(0.8, 6))
    return np.asarray(picture * (1 - rng.uniform(0.15, 0.55) * soft)[..., None], np.float32)


def compress(rng: Rng, picture: Picture) -> bytes:
    """A JPEG, sometimes of a JPEG, as a camera's stream leaves it."""
    pixels = np.rint(picture).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 60))]
        pixels = np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR), np.uint8)
        shift = int(rng.integers(0, 2))
        pixels = np.roll(pixels, shift, axis=1)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
    return bytes(cv2.imencode(".jpg", pixels, quality)[1].tobytes())
