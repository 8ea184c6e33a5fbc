"""Thousands of training pictures with exact labels, each one made from (seed, number) alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vision.training import weather
from vision.training.errors import TrainingError
from vision.training.paint import Picture, Rng, place
from vision.training.scene import MIN_SHARE, Body, Canvas, Cast, Label, hide_in_front, stage
from vision.training.sprites import CHUNK, load

SIZE = 160
"""Side of a picture: a square out of a 640×360 view, at the same scale."""
SPLITS = ("train", "val")
EMPTY_SHARE = 0.25
PLATE_SHARE = 0.55
"""How many pictures stand on rendered empty places, where there are any."""
_HELD_OUT = 8
"""Every 8th chunk of sprites, and every 8th plate, is only for validation."""


@dataclass(frozen=True)
class Recipe:
    """What a set of pictures is made of. Two equal recipes make the same files."""

    sprites: Path
    plates: tuple[Path, ...]
    out: Path
    split: str
    seed: int
    count: int
    first: int = 0


@dataclass(frozen=True)
class Light:
    """A kind of light: what it does to the place, which sprites fit, how it treats the whole."""

    name: str
    share: float
    sprites: tuple[str, ...]
    hard_shadows: bool
    dark: bool


LIGHTS = (
    Light("day", 0.48, ("sun", "overcast"), hard_shadows=True, dark=False),
    Light("rain", 0.12, ("overcast",), hard_shadows=False, dark=False),
    Light("night", 0.2, ("lamp", "overcast"), hard_shadows=False, dark=True),
    Light("dusk", 0.0, ("overcast", "lamp"), hard_shadows=False, dark=True),
    Light("ir", 0.2, ("infrared", "overcast"), hard_shadows=False, dark=True),
)


def cast_of(folder: Path, split: str) -> Cast:
    """The sprites of one split; body shapes never occur in both."""
    bodies = []
    for number, sprite in enumerate(load(folder)):
        if ((number // CHUNK) % _HELD_OUT == _HELD_OUT - 1) != (split == "val"):
            continue
        pixels = cv2.imread(str(folder / sprite.file), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
            raise TrainingError(
                f"{folder / sprite.file} is no picture with transparency; remove its folder and render anew."
            )
        rows, columns = np.flatnonzero(pixels[..., 3].any(axis=1)), np.flatnonzero(pixels[..., 3].any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        x0, y0, x1, y1 = sprite.box
        bodies.append(
            Body(
                np.ascontiguousarray(pixels[top : rows[-1] + 1, left : columns[-1] + 1]),
                (x0 - left, y0 - top, x1 - left, y1 - top),
                sprite.metres,
                sprite.depression,
                sprite.light,
            ),
        )
    if not bodies:
        raise TrainingError(f"{folder} holds no sprites for '{split}'; render more than {_HELD_OUT * CHUNK}.")
    return Cast(bodies)


@dataclass(frozen=True)
class Plate:
    """A rendered empty place, and under which of `LIGHTS`."""

    picture: Picture
    light: Light


def plates_of(folders: tuple[Path, ...], split: str) -> list[Plate]:
    """The rendered empty places of one split: files named NAME.LIGHT.png or .jpg; none is fine.

    A NAME that ends in -b is a post of the scoring set and is left out.
    """
    known = {light.name: light for light in LIGHTS}
    own = (path for folder in folders for kind in ("*.png", "*.jpg") for path in folder.rglob(kind))
    found = sorted(path for path in own if not path.name.partition(".")[0].endswith("-b"))
    lit = [(path, known[name]) for path in found if (name := path.stem.rpartition(".")[2]) in known]
    wanted = [pair for k, pair in enumerate(lit) if (k % _HELD_OUT == _HELD_OUT - 1) == (split == "val")]
    return [Plate(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.float32), light) for path, light in wanted]


def _cropped(rng: Rng, plate: Picture) -> Picture:
    """A square of a plate, at 0.8 to 1.6 of its scale, sometimes mirrored."""
    scale = max(SIZE / plate.shape[0], 640 / plate.shape[1] * rng.uniform(0.85, 1.6))
    big = cv2.resize(plate, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    x, y = int(rng.integers(0, big.shape[1] - SIZE + 1)), int(rng.integers(0, big.shape[0] - SIZE + 1))
    part = big[y : y + SIZE, x : x + SIZE]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part, np.float32)


def make(rng: Rng, cast: Cast, plates: list[Plate]) -> tuple[Picture, list[Label]]:
    """One picture and the boxes of the people in it."""
    rendered = bool(plates) and rng.random() < PLATE_SHARE
    if rendered:
        plate = plates[int(rng.integers(0, len(plates)))]
        background, light = _cropped(rng, plate.picture), plate.light
        if light.name == "day" and rng.random() < 0.5:  # the same place under another light
            light, rendered = LIGHTS[int(rng.integers(1, len(LIGHTS)))], False
    else:
        background = place(rng, SIZE)
        light = LIGHTS[int(rng.choice(len(LIGHTS), p=[each.share for each in LIGHTS]))]
    empty = rng.random() < EMPTY_SHARE
    canvas = Canvas(background)
    for _ in range(4):
        canvas = stage(
            rng,
            background,
            cast,
            people=0 if empty else int(rng.choice((1, 2, 3, 4), p=(0.46, 0.3, 0.16, 0.08))),
            things=int(rng.integers(0, 2 if rendered and not empty else 5)),
            lights=light.sprites,
            hard_shadows=light.hard_shadows,
        )
        if rng.random() < 0.2:
            hide_in_front(rng, canvas)
        if all(label.share >= MIN_SHARE or label.share < 0.03 for label in canvas.labels()):
            break
    picture = canvas.picture
    if light.name == "ir":
        picture = weather.infrared(rng, picture)
    elif light.name in {"night", "dusk"} and not rendered:
        picture = weather.night(rng, picture)
    elif light.name == "day" and rng.random() < 0.2:
        picture = weather.shade_of_leaves(rng, picture)
    if rng.random() < (0.25 if light.dark else 0.03):
        picture = weather.headlights(rng, picture)
        if light.name == "ir":
            picture = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    picture = weather.camera(rng, picture, dark=light.dark)
    if light.name == "rain" or rng.random() < 0.06:
        picture = np.clip(weather.rain(rng, picture), 0, 255)
    if rng.random() < 0.15:
        picture = weather.overlay(rng, picture)
    return picture, [
        label for label in canvas.labels() if label.share >= MIN_SHARE and label.box[3] - label.box[1] >= 12
    ]


def yolo_line(box: tuple[float, float, float, float], size: int) -> str:
    """A label as Ultralytics reads it: class, middle x and y, width, height, all 0 to 1."""
    x0, y0, x1, y1 = (v / size for v in box)
    return f"0 {(x0 + x1) / 2:.5f} {(y0 + y1) / 2:.5f} {x1 - x0:.5f} {y1 - y0:.5f}"


class _Worker:
    """One process of the pool: loads sprites and plates once."""

    recipe: Recipe
    cast: Cast
    plates: list[Plate]

    @classmethod
    def start(cls, recipe: Recipe) -> None:
        cv2.setNumThreads(1)
        cls.recipe = recipe
        cls.cast, cls.plates = cast_of(recipe.sprites, recipe.split), plates_of(recipe.plates, recipe.split)

    @classmethod
    def write(cls, number: int) -> int:
        recipe = cls.recipe
        label = recipe.out / recipe.split / "labels" / f"{number:06d}.txt"
        if not label.exists():
            rng = np.random.default_rng([recipe.seed, SPLITS.index(recipe.split), number])
            picture, found = make(rng, cls.cast, cls.plates)
            image = recipe.out / recipe.split / "images" / f"{number:06d}.jpg"
            image.write_bytes(weather.compress(rng, picture))
            label.write_text("\n".join(yolo_line(each.box, SIZE) for each in found))
        return number


def compose(recipe: Recipe, *, workers: int) -> Iterator[int]:
    """Makes what is still missing; yields how many pictures are there."""
    for kind in ("images", "labels"):
        (recipe.out / recipe.split / kind).mkdir(parents=True, exist_ok=True)
    numbers = range(recipe.first, recipe.first + recipe.count)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _Worker.start, (recipe,)) as pool:
        for done, _ in enumerate(pool.imap(_Worker.write, numbers, chunksize=16), start=1):
            yield done
