"""Training pictures from the sample district itself: its posts, lights and weather, and half of its people.

What is scored is never seen here: the scoring set looks from other posts at the other half of the people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sample_feeds.district.plane import LocalPlane
from sample_feeds.scenes import assets, clips, stage
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.clips import ALL_LIGHTS, Plan
from sample_feeds.scenes.compose import Composer
from sample_feeds.scenes.people import IDENTITIES
from vision.training import weather
from vision.training.compose import SIZE, yolo_line
from vision.training.paint import Picture, Rng
from vision.training.scene import MIN_SHARE, Label

PEOPLE = tuple(person.id for person in IDENTITIES[0::2])
"""Those of the tuning set."""
SHORTEST = 14
"""Of the visible part, in pixels: less is no example."""
NEAR = 36
"""From this height in pixels on somebody is near enough for a moment to be worth drawing."""
EMPTY_SHARE = 0.12
PLATES = Path(assets.__file__).with_name("assets") / "plates"
"""The rendered empty views."""


@dataclass(frozen=True)
class Place:
    """One post under one light, ready to be drawn at any second."""

    plan: Plan
    composer: Composer
    plate: assets.Plate

    @classmethod
    def of(cls, plan: Plan) -> Place:
        camera = plan.camera
        plate = assets.read_plate(camera.id, (camera.width, camera.height))
        return cls(plan, Composer(camera, plate, plan.light, clips.read_sheets(plan), plan.effects, plan.seed), plate)

    def people(self, second: float) -> list[Label]:
        """The visible boxes at a second, in pixels; nothing is drawn for them."""
        camera, number = self.plan.camera, round(second * 10)
        present = stage.figures(camera, self.plan.walks, second, self.plan.period)
        seen = stage.seen(camera, LocalPlane(), self.plate.depth, self.composer.sheets, present, number)
        scale = np.array([camera.width, camera.height, camera.width, camera.height])
        labels = []
        for person in seen:
            x, y, w, h = np.array(person.visible) * scale
            labels.append(Label((float(x), float(y), float(x + w), float(y + h)), person.share))
        return labels

    def frame(self, second: float, *, empty: bool) -> Picture:
        """A whole frame, or the same without its people."""
        present = [] if empty else stage.figures(self.plan.camera, self.plan.walks, second, self.plan.period)
        return np.asarray(self.composer.frame(round(second * 10), present), np.float32)


def places(seed: int) -> Iterator[Place]:
    """Every post under every light that has been rendered."""
    for camera in CAMERAS:
        for light in ALL_LIGHTS:
            if (PLATES / f"{camera.id}.{light}.jpg").exists():
                name = f"training-{light}"
                # The tuning set's own way to fill a street, with the same people on other ways.
                plan = clips._everyday(name, "training", camera, light, seed, clips.PERIOD, PEOPLE)  # noqa: SLF001 (see above)
                yield Place.of(plan)


def cut(frame: Picture, labels: list[Label], left: int, top: int) -> tuple[Picture, list[Label]]:
    """A square of a frame, and what of each box lies in it."""
    inside = []
    for label in labels:
        x0, y0, x1, y1 = label.box
        a, b = max(0.0, x0 - left), max(0.0, y0 - top)
        c, d = min(float(SIZE), x1 - left), min(float(SIZE), y1 - top)
        if c > a and d > b:
            part = (c - a) * (d - b) / max(1e-6, (x1 - x0) * (y1 - y0))
            inside.append(Label((a, b, c, d), label.share * part))
    return np.ascontiguousarray(frame[top : top + SIZE, left : left + SIZE]), inside


def _corner(rng: Rng, frame: Picture, near: Label | None) -> tuple[int, int]:
    """Where to cut: anywhere, or so that a person lies somewhere inside."""
    height, width = frame.shape[:2]
    x, y = rng.uniform(0, width - SIZE), rng.uniform(0, height - SIZE)
    if near is not None:
        x0, y0, x1, y1 = near.box
        x = (x0 + x1) / 2 - rng.uniform(0.15, 0.85) * SIZE
        y = (y0 + y1) / 2 - rng.uniform(0.15, 0.85) * SIZE
    return int(np.clip(x, 0, width - SIZE)), int(np.clip(y, 0, height - SIZE))


def _tall(label: Label) -> float:
    return label.box[3] - label.box[1] if label.share >= MIN_SHARE else 0.0


def make(rng: Rng, place: Place, cuts: int) -> Iterator[tuple[Picture, list[Label]]]:
    """Some squares of one moment: around people, the taller the likelier, and one anywhere."""
    empty = rng.random() < EMPTY_SHARE
    second, labels = 0.0, list[Label]()
    for _ in range(20):  # a moment with somebody near
        second = round(float(rng.uniform(0, clips.PERIOD)), 1)
        labels = [] if empty else place.people(second)
        if empty or any(_tall(label) >= NEAR for label in labels):
            break
    frame = place.frame(second, empty=empty)
    frame = np.clip(frame * np.float32(rng.uniform(0.8, 1.2)) + np.float32(rng.uniform(-8, 8)), 0, 255)
    people = [label for label in labels if _tall(label) >= SHORTEST]
    weights = np.array([_tall(label) ** 2 for label in people])
    for k in range(cuts):
        near = people[int(rng.choice(len(people), p=weights / weights.sum()))] if people and k < cuts - 1 else None
        yield cut(frame, labels, *_corner(rng, frame, near))


def compose(out: Path, split: str, *, seed: int, count: int, cuts: int = 8) -> Iterator[int]:
    """Writes about `count` squares with labels in YOLO's layout; yields how many there are so far."""
    images, texts = out / split / "images", out / split / "labels"
    for folder in (images, texts):
        folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    everywhere = list(places(seed))
    done = 0
    while done < count:
        rng = np.random.default_rng([seed, split == "val", done])
        for picture, labels in make(rng, everywhere[done // cuts % len(everywhere)], cuts):
            kept = [each for each in labels if each.share >= MIN_SHARE and each.box[3] - each.box[1] >= SHORTEST]
            (images / f"{done:06d}.jpg").write_bytes(weather.compress(rng, picture))
            (texts / f"{done:06d}.txt").write_text("\n".join(yolo_line(each.box, SIZE) for each in kept))
            done += 1
        yield done
