"""Pixels: people laid over a plate with shadow, light and weather, as a camera of its kind would see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_feeds.scenes.assets import CELL_H, CELL_W, ELEVATION, FOOT, KINDS, PX_PER_M, Picture, Plate, Sheet
from sample_feeds.scenes.cameras import Camera
from sample_feeds.scenes.effects import Effect, Moment, Wind
from sample_feeds.scenes.stage import Figure, in_front

Floats = NDArray[np.float32]
SUN_ELEVATION, SUN_BEARING = 42.0, 235.0
NOISE = {"day": 1.8, "dusk": 3.2, "night": 5.0, "ir": 4.2, "rain": 2.6}
HAZE = {"rain": 0.06}


@dataclass(frozen=True)
class Composer:
    """One camera in one light. `frame(...)` draws; what is kept between frames is only drawn once, never decided."""

    camera: Camera
    plate: Plate
    light: str
    sheets: Mapping[str, Sheet]
    effects: tuple[Effect, ...]
    seed: int
    _swayed: dict[int, Picture] = field(default_factory=dict)  # at most a wind's period of pictures

    @cached_property
    def _base(self) -> Floats:
        return self.plate.lights[self.light].astype(np.float32)

    @cached_property
    def _gain(self) -> Floats:
        """How much brighter the ground is than under a grey sky, per colour: what falls on a person there."""
        here, grey = _linear(self.plate.lights[self.light]), _linear(self.plate.lights["rain"])
        flat = np.isin(self.plate.kind, (KINDS.index("ground"), KINDS.index("water")))[..., None].astype(np.float32)

        def mean(v: Floats) -> Floats:
            blurred: Floats = cv2.blur(v, (61, 25))
            return blurred

        weight = mean(np.repeat(flat, 3, axis=2)) + 1e-3
        gain = (mean(here * flat) / weight + 1e-3) / (mean(grey * flat) / weight + 1e-3)
        return np.clip(gain, 0.02, 2.2).astype(np.float32)

    @cached_property
    def _noise(self) -> Floats:
        rng = np.random.default_rng([self.seed, 77])
        h, w = self.camera.height, self.camera.width
        field = rng.normal(0, 1, (h + 64, w + 64, 1 if self.light == "ir" else 3)).astype(np.float32)
        soft: Floats = cv2.GaussianBlur(field, (0, 0), 0.7).reshape(h + 64, w + 64, -1) * 1.7
        return soft

    @cached_property
    def _vignette(self) -> Floats:
        h, w = self.camera.height, self.camera.width
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        r2 = ((x - w / 2) / w) ** 2 + ((y - h / 2) / h) ** 2
        return np.asarray((1 - 0.28 * r2)[..., None], np.float32)

    def frame(self, number: int, present: Sequence[Figure]) -> Picture:
        """(height, width, 3) BGR of one frame; `present` as `stage.figures` orders them."""
        rng = np.random.default_rng([self.seed, number])
        moment = Moment(number, self.camera, self.plate, self.light, rng)
        image = self._windy(moment)
        for effect in self.effects:
            if not isinstance(effect, Wind):
                image = effect.before(image, moment)
        for figure in present:
            self._shadow(image, figure)
        for figure in present:
            self._person(image, figure)
        for effect in self.effects:
            image = effect.after(image, moment)
        image = cv2.GaussianBlur(image, (0, 0), 0.55) * self._vignette
        dy, dx = rng.integers(0, 64, 2)
        h, w = self.camera.height, self.camera.width
        image += self._noise[dy : dy + h, dx : dx + w] * (NOISE[self.light] * rng.uniform(0.9, 1.1))
        return _captioned(np.clip(image, 0, 255).astype(np.uint8), self.camera.name)

    def _windy(self, moment: Moment) -> Floats:
        """The empty view as the wind moves it: the same again every period, so drawn once and kept."""
        winds = [e for e in self.effects if isinstance(e, Wind)]
        phase = moment.number % winds[0].period if winds else 0
        if phase not in self._swayed:
            image = self._base
            for wind in winds:
                image = wind.before(image, moment)
            self._swayed[phase] = np.clip(image, 0, 255).astype(np.uint8)
        return self._swayed[phase].astype(np.float32)

    def _at(self, figure: Figure, layer: NDArray[np.generic]) -> NDArray[np.generic]:
        x = min(max(int(figure.foot[0]), 0), self.camera.width - 1)
        y = min(max(int(figure.foot[1]), 0), self.camera.height - 1)
        return layer[y, x]  # type: ignore[no-any-return] # an element of an array has no type of its own

    def _person(self, image: Floats, figure: Figure) -> None:
        cell = self.sheets[figure.person.id].cell(figure.row, figure.column).astype(np.float32)
        colour = _linear(cell[..., :3]) * np.asarray(self._at(figure, self._gain)) * 1.15
        shown = 255 * np.clip(colour, 0, 1) ** (1 / 2.2)
        if self.light == "ir":
            shown = np.repeat(shown.mean(2, keepdims=True) * 0.75 + 45 * (shown.mean(2, keepdims=True) > 0), 3, axis=2)
        haze = HAZE.get(self.light, 0.0)
        shown = shown * (1 - haze) + 150 * haze
        alpha = cell[..., 3:] / 255
        matrix = np.array([[figure.scale_x, 0, figure.left], [0, figure.scale_y, figure.top]])
        self._lay(image, np.dstack([shown * alpha, alpha]), matrix, figure, hidden=True)

    def _shadow(self, image: Floats, figure: Figure) -> None:
        """The contact shadow, and under the sun the long one."""
        x, y = figure.foot
        if figure.pose.z < 0.3:
            radius = 0.3 * figure.scale_x * PX_PER_M
            self._darken(image, x, y, radius, max(1.0, radius * 0.3), 0.38)
        if self.light != "day" or not self._at(figure, self.plate.sun):
            return
        reach = 1 / math.tan(math.radians(SUN_ELEVATION))
        away = math.radians(SUN_BEARING + 180)
        ux, uy = math.sin(away), math.cos(away)
        at = np.array([figure.pose.x, figure.pose.y, 0.0])
        tip = at + np.array([ux, uy, 0]) * figure.person.height_m * reach
        side = at + np.array([uy, -ux, 0])
        (fx, fy), (tx, ty), (sx, sy) = self.camera.project(np.array([at, tip, side]))[0]
        tall = figure.person.height_m * math.cos(math.radians(ELEVATION)) * PX_PER_M
        col = (np.array([sx, sy]) - (fx, fy)) / PX_PER_M
        row = (np.array([tx, ty]) - (fx, fy)) / tall
        matrix = np.array(
            [
                [col[0], -row[0], fx - col[0] * CELL_W / 2 + row[0] * (CELL_H - FOOT)],
                [col[1], -row[1], fy - col[1] * CELL_W / 2 + row[1] * (CELL_H - FOOT)],
            ]
        )
        alpha = self.sheets[figure.person.id].cell(figure.row, figure.column)[..., 3].astype(np.float32) / 255
        self._lay(
            image, np.dstack([np.zeros((*alpha.shape, 3), np.float32), alpha * 0.52]), matrix, figure, hidden=False
        )

    def _darken(self, image: Floats, x: float, y: float, rx: float, ry: float, share: float) -> None:
        x0, x1 = max(0, int(x - 3 * rx)), min(self.camera.width, int(x + 3 * rx) + 1)
        y0, y1 = max(0, int(y - 3 * ry)), min(self.camera.height, int(y + 3 * ry) + 1)
        if x0 < x1 and y0 < y1:
            yy, xx = np.mgrid[y0:y1, x0:x1]
            dark = np.exp(-(((xx - x) / rx) ** 2) - ((yy - y) / ry) ** 2)
            image[y0:y1, x0:x1] *= (1 - share * dark[..., None]).astype(np.float32)

    def _lay(self, image: Floats, layer: Floats, matrix: NDArray[np.float64], figure: Figure, *, hidden: bool) -> None:
        """Warps a layer (colour times alpha, alpha) into the picture, behind what stands nearer."""
        corners = np.array([[0, 0, 1], [CELL_W, 0, 1], [0, CELL_H, 1], [CELL_W, CELL_H, 1]]) @ matrix.T
        x0, y0 = (max(0, int(v) - 1) for v in corners.min(0))
        x1, y1 = (
            min(self.camera.width, int(corners[:, 0].max()) + 2),
            min(self.camera.height, int(corners[:, 1].max()) + 2),
        )
        if x0 >= x1 or y0 >= y1:
            return
        size = math.hypot(matrix[0, 0], matrix[1, 0])
        if size < 0.85:
            layer = cv2.GaussianBlur(layer, (0, 0), 0.42 / max(size, 0.08))
        moved = matrix - np.array([[0, 0, x0], [0, 0, y0]])
        laid = cv2.warpAffine(layer, moved, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        if hidden:
            clear = in_front(figure, self.plate.depth[y0:y1, x0:x1]).astype(np.float32)
            laid *= cv2.GaussianBlur(clear, (0, 0), 0.5)[..., None]
        else:
            laid = cv2.GaussianBlur(laid, (0, 0), 0.9)
            laid *= np.isin(self.plate.kind[y0:y1, x0:x1], (KINDS.index("ground"),))[..., None]
        image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - laid[..., 3:]) + laid[..., :3]


def _linear(picture: NDArray[np.generic]) -> Floats:
    return np.asarray((picture.astype(np.float32) / 255) ** 2.2, np.float32)


def _captioned(image: Picture, text: str) -> Picture:
    """The camera's name in its corner, as recorders write it."""
    for offset, colour in ((1, 20), (0, 225)):
        at = (12 + offset, 22 + offset)
        cv2.putText(image, text.upper(), at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (colour,) * 3, 1, cv2.LINE_AA)
    return image
