"""The district's fixed cameras as pinholes: a pixel of the ground has a place, a place has a pixel.

Axes: x east, y north, z up, metres of the district's plane. `yaw` is the compass bearing the camera looks at
(0 north, 90 east), `pitch` how far below the horizon, degrees. No roll, square pixels, no lens distortion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WIDTH, HEIGHT, FPS = 640, 360, 10


@dataclass(frozen=True)
class Camera:
    """Where a camera hangs and how it looks; `hfov` is its horizontal field of view in degrees."""

    id: str
    name: str
    x: float
    y: float
    z: float
    yaw: float
    pitch: float
    hfov: float
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def focal_px(self) -> float:
        return self.width / 2 / math.tan(math.radians(self.hfov) / 2)

    @cached_property
    def axes(self) -> Array:
        """(3, 3): rows are the camera's right, down and forward in the world."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        forward = (math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), -math.sin(pitch))
        right = (math.cos(yaw), -math.sin(yaw), 0.0)
        down = np.cross(forward, right)
        return np.array([right, down, forward])

    @cached_property
    def position(self) -> Array:
        return np.array([self.x, self.y, self.z])

    @cached_property
    def matrix(self) -> Array:
        """(3, 4): homogeneous world metres → homogeneous pixels."""
        f = self.focal_px
        k = np.array([[f, 0, self.width / 2], [0, f, self.height / 2], [0, 0, 1]])
        extrinsic = np.c_[self.axes, -self.axes @ self.position]
        return np.asarray(k @ extrinsic)

    @cached_property
    def homography(self) -> Array:
        """(3, 3): ground metres (x, y, 1) → homogeneous pixels; its inverse goes back."""
        return self.matrix[:, [0, 1, 3]]

    def project(self, points: Array) -> tuple[Array, Array]:
        """(n, 3) metres → (n, 2) pixels and (n,) metres in front of the camera (negative: behind it)."""
        h = np.c_[points, np.ones(len(points))] @ self.matrix.T
        return h[:, :2] / np.where(np.abs(h[:, 2:]) < 1e-6, 1e-6, h[:, 2:]), h[:, 2]

    def ground(self, pixels: Array) -> Array:
        """(n, 2) pixels below the horizon → (n, 2) metres on the ground."""
        h = np.c_[pixels, np.ones(len(pixels))] @ np.linalg.inv(self.homography).T
        return np.asarray(h[:, :2] / h[:, 2:])

    def moved(self, yaw: float = 0, pitch: float = 0, rise: float = 0, hfov: float = 0, suffix: str = "") -> Camera:
        """The same post, hung a little differently."""
        return replace(
            self,
            id=self.id + suffix,
            yaw=self.yaw + yaw,
            pitch=self.pitch + pitch,
            z=self.z + rise,
            hfov=self.hfov + hfov,
        )


CAMERAS = (
    Camera("school-yard", "School yard", -99.5, -19.0, 5.6, 128.0, 17.0, 66.0),
    Camera("crossing", "Dallae-ro crossing", -71.5, -87.5, 5.8, 47.0, 15.0, 66.0),
    Camera("park-path", "Firefly Park path", -13.0, -133.5, 4.8, -31.0, 15.0, 64.0),
    Camera("river-bank", "Eunbit-cheon bank", -1.5, -204.5, 4.8, 206.0, 15.5, 66.0),
    Camera("school-gate", "School gate", -66.0, -58.0, 5.2, -31.0, 14.0, 64.0),
)
