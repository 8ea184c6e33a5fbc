"""Frames of the sample district with exact boxes: invented people before the training posts, filmed as clips are.

Nobody and no post of the scoring set is seen here. People are put anywhere on the ground at any height in the picture,
alone and side by side, half behind things and cut by the picture's edges; a share of the moments shows nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from sample_feeds.district.plane import ExactPlane
from sample_feeds.scenes import assets, stage
from sample_feeds.scenes.assets import KINDS, Picture, Plate, Sheet
from sample_feeds.scenes.cameras import FPS, Camera
from sample_feeds.scenes.compose import Composer
from sample_feeds.scenes.effects import CloudShadow, Effect, Flicker, Headlights, Rain, Thing, Wind
from sample_feeds.scenes.film import KEYFRAME_EVERY
from sample_feeds.scenes.people import BY_ID, Identity
from sample_feeds.scenes.story import Pose
from vision.training.renders import View

Rng = np.random.Generator

NOBODY = 0.14
"""Share of the moments without people."""
LOWEST, HIGHEST = 26.0, 130.0
"""Heights of people in the picture, in pixels."""
TOGETHER = 0.35
"""How often the next person walks beside the last one."""
SHOTS, LENGTH, TAKEN = 10, 4, (1, 3)
"""A reel has so many moments of so many frames, of which these are taken."""
CAST = 7
WIND_PERIOD = 10
"""Frames after which leaves come back: a longer way would only be drawn for longer."""
_HIDES = [KINDS.index(kind) for kind in ("leaf", "fence", "pole", "other")]
_GROUND = KINDS.index("ground")


@dataclass(frozen=True)
class Box:
    """What is visible of a person in pixels, and the share of the person that it is."""

    x0: float
    y0: float
    x1: float
    y1: float
    share: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0


@dataclass(frozen=True)
class Frame:
    picture: Picture
    people: tuple[Box, ...]


@dataclass(frozen=True)
class Person:
    """Somebody at the beginning of a shot."""

    who: Identity
    pose: Pose

    def after(self, seconds: float) -> Pose:
        p, way = self.pose, self.who.speed * seconds * {"stand": 0.0, "run": 2.3}.get(self.pose.gait, 1.0)
        turned = math.radians(p.bearing)
        return replace(p, x=p.x + way * math.sin(turned), y=p.y + way * math.cos(turned), walked=p.walked + way)


def scatter(rng: Rng, camera: Camera, plate: Plate, cast: Sequence[Identity], nobody: float = NOBODY) -> list[Person]:
    """A few of the cast on the ground before a camera, at heights in the picture that are equally often drawn."""
    if rng.random() < nobody:
        return []
    found: list[Person] = []
    for k in rng.permutation(len(cast))[: 1 + rng.poisson(2.5)]:
        who = cast[int(k)]
        for _ in range(12):
            spot = _beside(rng, found[-1].pose) if found and rng.random() < TOGETHER else _anywhere(rng, camera, who)
            if _stands(rng, camera, plate, spot):
                found.append(Person(who, _pose(rng, who, spot)))
                break
    return found


def _pose(rng: Rng, who: Identity, spot: tuple[float, float]) -> Pose:
    chance = rng.random()
    gait = "stand" if chance < 0.15 else "run" if who.runs and chance < 0.5 else "walk"
    return Pose(*spot, 0.0, float(rng.uniform(0, 360)), float(rng.uniform(0, 9)), gait)  # type: ignore[arg-type]  # a literal


def _anywhere(rng: Rng, camera: Camera, who: Identity) -> tuple[float, float]:
    pixels = math.exp(rng.uniform(math.log(LOWEST), math.log(HIGHEST)))
    if rng.random() < 0.4:
        pixels = rng.uniform(38, 95)
    pitch, yaw = math.radians(camera.pitch), math.radians(camera.yaw)
    depth = camera.focal_px * who.height_m * math.cos(pitch) / pixels
    ahead = (depth - (camera.z - who.height_m / 2) * math.sin(pitch)) / math.cos(pitch)
    aside = rng.uniform(-0.54, 0.54) * camera.width / camera.focal_px * depth
    return (
        float(camera.x + ahead * math.sin(yaw) + aside * math.cos(yaw)),
        float(camera.y + ahead * math.cos(yaw) - aside * math.sin(yaw)),
    )


def _beside(rng: Rng, other: Pose) -> tuple[float, float]:
    angle, away = rng.uniform(0, math.tau), rng.uniform(0.25, 1.3)
    return float(other.x + away * math.cos(angle)), float(other.y + away * math.sin(angle))


def _stands(rng: Rng, camera: Camera, plate: Plate, spot: tuple[float, float]) -> bool:
    """Whether somebody can stand there: on ground that is seen, or behind something narrow."""
    pixels, depths = camera.project(np.array([[*spot, 0.0]]))
    depth = float(depths[0])
    column = int(np.clip(pixels[0, 0], 0, camera.width - 1))
    if depth < stage.NEAREST_M or pixels[0, 1] < 0 or pixels[0, 1] > camera.height * 1.2:
        return False
    row = min(int(pixels[0, 1]), camera.height - 1)
    kind, there = int(plate.kind[row, column]), float(plate.depth[row, column]) / 100
    if kind == _GROUND:
        return pixels[0, 1] >= camera.height or there > 0.8 * depth
    return kind in _HIDES and there < depth and rng.random() < 0.6


def boxes(
    camera: Camera, plate: Plate, sheets: Mapping[str, Sheet], present: Sequence[stage.Figure]
) -> tuple[Box, ...]:
    """The truth, exactly as that of clips."""
    found = []
    for seen in stage.seen(camera, ExactPlane(), plate.depth, sheets, present, 0):
        x, y, w, h = np.array(seen.visible) * (camera.width, camera.height, camera.width, camera.height)
        found.append(Box(float(x), float(y), float(x + w), float(y + h), seen.share))
    return tuple(found)


def weather(rng: Rng, light: str, camera: Camera) -> tuple[Effect, ...]:
    """What else moves: as in the clips, at other places and of other strengths."""
    happens: list[Effect] = [Wind(float(rng.uniform(0.6, 3.0)), WIND_PERIOD)]
    if light == "rain":
        happens.append(Rain(int(rng.uniform(150, 560))))
    if light == "day" and rng.random() < 0.25:
        happens.append(CloudShadow(int(rng.uniform(40, 200))))
    if light in ("night", "dusk") and rng.random() < 0.35:
        happens.append(Headlights(float(rng.uniform(3, 9))))
    if light == "night" and rng.random() < 0.5:
        happens.append(Flicker(float(rng.uniform(0.2, 0.8))))
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 4))):
            pixel = np.array([[rng.uniform(0.05, 0.95) * camera.width, rng.uniform(0.45, 0.98) * camera.height]])
            x, y = camera.ground(pixel)[0]
            happens.append(Thing("dog" if rng.random() < 0.5 else "bag", float(x), float(y)))
    return tuple(happens)


def recoloured(rng: Rng, sheet: Sheet) -> Sheet:
    """The same person in clothes of other colours, darker or brighter; skin keeps its hue, and so does what is like it."""
    pixels = sheet.pixels.copy()
    if rng.random() < 0.6:
        hsv = cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2HSV)
        turned = (np.arange(256) + int(rng.integers(0, 180))) % 180
        turned[:16] = np.arange(16)
        hsv[..., 0] = turned.astype(np.uint8)[hsv[..., 0]]
        pixels[..., :3] = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    gain = np.exp(rng.normal(0, 0.12, 3) + rng.normal(0, 0.22)).astype(np.float32)
    for k in range(3):
        table = np.clip(np.arange(256, dtype=np.float32) * gain[k], 0, 255).astype(np.uint8)
        pixels[..., k] = table[pixels[..., k]]
    return replace(sheet, pixels=pixels)


def dressed(rng: Rng, who: Identity, folder: Path) -> tuple[Identity, Sheet]:
    """Somebody of the cast a little taller or shorter, in other colours."""
    sheet = assets.read_sheet(who.id, assets.FOLDER if who.id in BY_ID else folder)
    return replace(who, height_m=who.height_m * float(rng.uniform(0.93, 1.07))), recoloured(rng, sheet)


def reel(rng: Rng, view: View, cast: Sequence[Identity], folder: Path, nobody: float = NOBODY) -> Iterator[Frame]:
    """The frames taken of one post on one day, after the film's compression; `folder` holds the invented people, `nobody`
    is the share of the moments without people."""
    camera, light = view.camera, view.light
    plate = assets.read_plate(camera.id, (camera.width, camera.height), view.folder, only=light)
    cast_today = [dressed(rng, cast[int(k)], folder) for k in rng.permutation(len(cast))[:CAST]]
    chosen = [who for who, _ in cast_today]
    sheets = {who.id: sheet for who, sheet in cast_today}
    camera = replace(camera, name="".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWY "), int(rng.integers(4, 18)))))
    composer = Composer(camera, plate, light, sheets, weather(rng, light, camera), int(rng.integers(1 << 30)))
    drawn: list[Picture] = []
    truth: list[tuple[Box, ...]] = []
    for _ in range(SHOTS):
        people_here = scatter(rng, camera, plate, chosen, nobody)
        for number in range(LENGTH):
            placed = [stage.figure(camera, each.who, each.after(number / FPS)) for each in people_here]
            present = sorted((each for each in placed if each), key=lambda each: -each.depth_m)
            drawn.append(composer.frame(len(drawn), present))
            truth.append(boxes(camera, plate, sheets, present) if number in TAKEN else ())
    for number, picture in enumerate(filmed(drawn, crf=int(rng.integers(22, 29)), kbit_s=int(rng.integers(220, 420)))):
        if number % LENGTH in TAKEN:
            yield Frame(picture, truth[number])


def filmed(pictures: Sequence[Picture], crf: int, kbit_s: int) -> Iterator[Picture]:
    """What a camera's encoder leaves of the pictures."""
    height, width = pictures[0].shape[:2]
    coder, decoder = av.CodecContext.create("libx264", "w"), av.CodecContext.create("h264", "r")
    assert isinstance(coder, av.VideoCodecContext)
    assert isinstance(decoder, av.VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = width, height, "yuv420p"
    coder.time_base, coder.framerate = Fraction(1, FPS), Fraction(FPS)
    coder.options = {
        "preset": "veryfast", "tune": "zerolatency", "crf": str(crf), "maxrate": f"{kbit_s}k", "bufsize": f"{2 * kbit_s}k",
        "bf": "0", "g": str(KEYFRAME_EVERY), "threads": "1",
    }  # fmt: skip
    decoder.thread_count = 1
    for number, picture in enumerate((*pictures, None)):
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24") if picture is not None else None
        if frame:
            frame.pts = number
        for packet in coder.encode(frame):
            for decoded in decoder.decode(packet):
                yield np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
    for decoded in decoder.decode(None):
        yield np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
