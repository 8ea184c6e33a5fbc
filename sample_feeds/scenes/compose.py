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
    def _noise(self) -> NDArray[np.int16]:
        """One field of sensor noise, larger than the picture: each frame takes it from another corner."""
        rng = np.random.default_rng([self.seed, 77])
        h, w = self.camera.height + 64, self.camera.width + 64
        field = rng.normal(0, 1, (h, w, 1 if self.light == "ir" else 3)).astype(np.float32)
        soft = cv2.GaussianBlur(field, (0, 0), 0.7).reshape(h, w, -1) * (1.7 * NOISE[self.light])
        return (
            np.repeat(soft, 3, axis=2)[..., :3].round().astype(np.int16)
            if self.light == "ir"
            else soft.round().astype(np.int16)
        )

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
        sudden = [e for e in self.effects if not isinstance(e, Wind)]
        image = self._windy(moment).copy()
        for effect in sudden:
            image = _bytes(effect.before(image.astype(np.float32), moment))
        for figure in present:
            self._shadow(image, figure)
        for figure in present:
            self._person(image, figure)
        for effect in sudden:
            image = _bytes(effect.after(image.astype(np.float32), moment))
        dy, dx = rng.integers(0, 64, 2)
        h, w = self.camera.height, self.camera.width
        noisy = cv2.add(image, self._noise[dy : dy + h, dx : dx + w], dtype=cv2.CV_8U)
        return _captioned(np.asarray(noisy, np.uint8), self.camera.name)

    def _windy(self, moment: Moment) -> Picture:
        """The empty view as lens and wind make it: the same again every period, so drawn once and kept."""
        winds = [e for e in self.effects if isinstance(e, Wind)]
        phase = moment.number % winds[0].period if winds else 0
        if phase not in self._swayed:
            image = self._base
            for wind in winds:
                image = wind.before(image, moment)
            self._swayed[phase] = _bytes(cv2.GaussianBlur(image, (0, 0), 0.55) * self._vignette)
        return self._swayed[phase]

    def _at(self, figure: Figure, layer: Floats | Picture) -> Floats:
        x = min(max(int(figure.foot[0]), 0), self.camera.width - 1)
        y = min(max(int(figure.foot[1]), 0), self.camera.height - 1)
        return np.asarray(layer[y, x], np.float32)

    def _person(self, image: Picture, figure: Figure) -> None:
        sheet = self.sheets[figure.person.id]
        left, top, right, bottom = sheet.extent(figure.row, figure.column)
        cell = sheet.cell(figure.row, figure.column)[top:bottom, left:right].astype(np.float32)
        shown = np.minimum(255, cell[..., :3] * (1.15 * self._at(figure, self._gain)) ** (1 / 2.2))
        if self.light == "ir":
            shown = np.repeat(shown.mean(2, keepdims=True) * 0.75 + 45, 3, axis=2)
        haze = HAZE.get(self.light, 0.0)
        alpha = cell[..., 3:] / 255
        layer = np.concatenate([(shown * (1 - haze) + 150 * haze) * alpha, alpha], axis=2)
        at = (figure.left + left * figure.scale_x, figure.top + top * figure.scale_y)
        matrix = np.array([[figure.scale_x, 0, at[0]], [0, figure.scale_y, at[1]]])
        self._lay(image, layer, matrix, figure, hidden=True)

    def _shadow(self, image: Picture, figure: Figure) -> None:
        """The contact shadow, and under the sun the long one."""
        x, y = figure.foot
        if figure.pose.z < 0.3:
            radius = 0.3 * figure.scale_x * PX_PER_M
            self._darken(image, x, y, radius, max(1.0, radius * 0.3), 0.38)
        if self.light != "day" or not self._at(figure, self.plate.sun).any():
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

    def _darken(self, image: Picture, x: float, y: float, rx: float, ry: float, share: float) -> None:
        x0, x1 = max(0, int(x - 3 * rx)), min(self.camera.width, int(x + 3 * rx) + 1)
        y0, y1 = max(0, int(y - 3 * ry)), min(self.camera.height, int(y + 3 * ry) + 1)
        if x0 < x1 and y0 < y1:
            yy, xx = np.mgrid[y0:y1, x0:x1]
            dark = np.exp(-(((xx - x) / rx) ** 2) - ((yy - y) / ry) ** 2)
            image[y0:y1, x0:x1] = _bytes(image[y0:y1, x0:x1] * (1 - share * dark[..., None]))

    def _lay(self, image: Picture, layer: Floats, matrix: NDArray[np.float64], figure: Figure, *, hidden: bool) -> None:
        """Warps a layer (colour times alpha, alpha) into the picture, behind what stands nearer."""
        tall, wide = layer.shape[:2]
        corners = np.array([[0, 0, 1], [wide, 0, 1], [0, tall, 1], [wide, tall, 1]]) @ matrix.T
        x0, y0 = (max(0, int(v) - 1) for v in corners.min(0))
        x1, y1 = (
            min(self.camera.width, int(corners[:, 0].max()) + 2),
            min(self.camera.height, int(corners[:, 1].max()) + 2),
        )
        if x0 >= x1 or y0 >= y1:
            return
        size = math.hypot(matrix[0, 0], matrix[1, 0])
        if size < 0.85:
            layer = cv2.blur(layer, (1 + 2 * round(0.5 / size),) * 2)
        moved = matrix - np.array([[0, 0, x0], [0, 0, y0]])
        laid = cv2.warpAffine(layer, moved, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        if hidden:
            clear = in_front(figure, self.plate.depth[y0:y1, x0:x1]).astype(np.float32)
            laid *= cv2.GaussianBlur(clear, (0, 0), 0.5)[..., None]
        else:
            laid = cv2.GaussianBlur(laid, (0, 0), 0.9)
            laid *= (self.plate.kind[y0:y1, x0:x1] == KINDS.index("ground"))[..., None]
        image[y0:y1, x0:x1] = _bytes(image[y0:y1, x0:x1] * (1 - laid[..., 3:]) + laid[..., :3])


def _bytes(image: NDArray[np.generic]) -> Picture:
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def _linear(picture: NDArray[np.generic]) -> Floats:
    return np.asarray((picture.astype(np.float32) / 255) ** 2.2, np.float32)


def _captioned(image: Picture, text: str) -> Picture:
    """The camera's name in its corner, as recorders write it."""
    for offset, colour in ((1, 20), (0, 225)):
        at = (12 + offset, 22 + offset)
        cv2.putText(image, text.upper(), at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (colour,) * 3, 1, cv2.LINE_AA)
    return image
