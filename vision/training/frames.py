"""Frames with their truth on disk: NUMBER.LIGHT.jpg, and beside it NUMBER.LIGHT.csv with a row for each person."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np

from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.people import IDENTITIES, Identity
from vision.training import cast, district, renders
from vision.training.district import Box, Frame

PARTS = ("train", "val", "empty", "calm")
"""What is trained on, and what is not; then the same posts without anybody: looked through for mistakes, and for the
confidence."""
HELD_OUT_PARTS = ("val", "calm")
PER_REEL = district.SHOTS * len(district.TAKEN)
HELD_OUT = 8
"""Every 8th training post is only validated on."""
PEOPLE_HELD_OUT = 6
"""And every 6th person."""


@dataclass(frozen=True)
class Recipe:
    """What a set of frames is made of. Two equal recipes make the same frames."""

    body: Path
    renders: Path
    out: Path
    part: str
    seed: int
    reels: int


def make(recipe: Recipe, workers: int) -> Iterator[int]:
    """Makes the reels that are missing; yields how many there are."""
    recipe.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _Worker.start, (recipe,)) as pool:
        for done, _ in enumerate(pool.imap(_Worker.film, range(recipe.reels)), start=1):
            yield done


def read(folder: Path) -> Iterator[tuple[str, Frame]]:
    """Each frame with its light, in order."""
    for path in sorted(folder.glob("*.jpg")):
        yield light_of(path), read_one(path)


def light_of(path: Path) -> str:
    return path.name.split(".")[1]


def read_one(path: Path) -> Frame:
    rows = path.with_suffix(".csv").read_text().splitlines()
    people = tuple(Box(*(float(value) for value in row.split(","))) for row in rows)
    return Frame(np.asarray(cv2.imread(str(path)), np.uint8), people)


def _write(path: Path, frame: Frame) -> None:
    cv2.imwrite(str(path), frame.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    rows = [",".join(f"{value:.4g}" for value in astuple(person)) for person in frame.people]
    path.with_suffix(".csv").write_text("\n".join(rows))


class _Worker:
    """One process of the pool: knows the views and the people once."""

    recipe: Recipe
    people: list[Identity]
    views: list[renders.View]

    @classmethod
    def start(cls, recipe: Recipe) -> None:
        cv2.setNumThreads(1)
        cls.recipe = recipe
        cls.people = people_of(recipe)
        cls.views = views_of(recipe)

    @classmethod
    def film(cls, number: int) -> None:
        recipe, view = cls.recipe, cls.views[number % len(cls.views)]
        numbers = range(number * PER_REEL, (number + 1) * PER_REEL)
        paths = [recipe.out / f"{k:06d}.{view.light}.jpg" for k in numbers]
        if paths[-1].with_suffix(".csv").exists():
            return
        rng = np.random.default_rng([recipe.seed, PARTS.index(recipe.part), number])
        nobody = 1.0 if recipe.part in ("empty", "calm") else district.NOBODY
        for path, frame in zip(paths, district.reel(rng, view, cls.people, recipe.renders, nobody), strict=True):
            _write(path, frame)


def people_of(recipe: Recipe) -> list[Identity]:
    """The invented people of a part, and for training the tuning set's too."""
    everyone = cast.invented(recipe.seed, renders.PEOPLE, recipe.body)
    held_out = recipe.part in HELD_OUT_PARTS
    own = cast.split(everyone, PEOPLE_HELD_OUT, held_out=held_out)
    return own if held_out else [*own, *IDENTITIES[0::2]]


def views_of(recipe: Recipe) -> list[renders.View]:
    """The views of a part; those of the district's own posts are for training."""
    views = renders.views_of(recipe.seed, recipe.renders)
    extra = sorted({view.camera.id for view in views} - {camera.id for camera in CAMERAS})
    validated = set(extra[HELD_OUT - 1 :: HELD_OUT])
    return [view for view in views if (view.camera.id in validated) == (recipe.part in HELD_OUT_PARTS)]
