"""The motion gate: which pictures are worth looking at. Saves most of the detector's work in quiet scenes."""

from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

WIDTH = 160
DIFFERENCE = 14  # grey levels, above the noise of a night camera at this size
LEARN = 0.08  # share of the background that each picture renews: somebody who stands becomes background in seconds
TAIL_S = 3.0  # pictures still pass after the last motion, so that who stands still is confirmed
KEEP_ALIVE_S = 2.0  # and one passes now and then in a quiet scene


class Gate(msgspec.Struct, frozen=True):
    """What is remembered of a camera: its background (h, w) float32 grey, and when something last moved or passed."""

    background: NDArray[np.float32] | None = None
    moved_at: float = -1e9
    passed_at: float = -1e9


def step(gate: Gate, image: NDArray[np.uint8], now: float, share: float) -> tuple[Gate, bool]:
    """Whether the picture (h, w, 3) uint8 passes, at `now` seconds: more than `share` of it moves, or did just now."""
    grey = shrink(image)
    background = gate.background
    if background is None or background.shape != grey.shape:
        return Gate(grey, now, now), True
    moving = float((np.abs(grey - background) > DIFFERENCE).mean())
    moved_at = now if moving > share or share == 0 else gate.moved_at
    passes = now - moved_at <= TAIL_S or now - gate.passed_at >= KEEP_ALIVE_S
    learned = background + LEARN * (grey - background)
    return Gate(learned, moved_at, now if passes else gate.passed_at), passes


def shrink(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) to a small, smoothed grey picture, (h', 160) float32."""
    height = max(1, round(image.shape[0] * WIDTH / image.shape[1]))
    small: Any = cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    return np.asarray(grey, dtype=np.float32)
