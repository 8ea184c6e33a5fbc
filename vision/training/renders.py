"""What Blender makes for training: invented people from all around, and the district's empty views from other posts.

Both lie in the work folder as the district's own lie beside its code. What is complete is left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sample_feeds.district import map as district_map
from sample_feeds.scenes import assets, render
from sample_feeds.scenes.cameras import CAMERAS, Camera
from sample_feeds.scenes.clips import ALL_LIGHTS
from sample_feeds.scenes.people import Identity
from vision.training import posts
from vision.training.errors import TrainingError

PEOPLE, POSTS = 24, 12
AT_ONCE = 4
"""People or posts of one call of Blender: so much is lost where it is stopped."""


@dataclass(frozen=True)
class View:
    """A post under one light, and the folder its pictures lie in."""

    camera: Camera
    light: str
    folder: Path


def check_body(folder: Path) -> None:
    """Raises `TrainingError` where the folder is not the body that the renderer needs."""
    missing = [name for name in render.BODY_FILES if not (folder / name).is_file()]
    if missing or not list(folder.glob("*-*-*.target")):
        what = ", ".join(missing) or "*.target (the shapes)"
        raise TrainingError(
            f"--body {folder}: {what} is missing. It must be a folder with MakeHuman's CC0 base mesh, default skeleton, "
            "weights and macro targets; docs/model.md says where they are found.",
        )
    if not shutil.which("blender"):
        raise TrainingError("Blender is not installed. On Debian: apt-get install blender (3.4 or newer).")


def render_people(body: Path, folder: Path, who: Sequence[Identity], threads: int) -> Iterator[int]:
    """Renders the sheets that are missing; yields how many there are."""
    for start in range(0, len(who), AT_ONCE):
        some = who[start : start + AT_ONCE]
        if not all((folder / "people" / f"{person.id}.webp").exists() for person in some):
            with _blender_errors():
                render.people(body, folder / "blender" / "people", threads, _mute, some, folder)
        yield start + len(some)


def render_views(seed: int, folder: Path, threads: int) -> Iterator[int]:
    """Renders the empty views that are missing; yields how many posts there are."""
    cameras = training_posts(seed)
    for start in range(0, len(cameras), AT_ONCE):
        some = [(camera, posts.lights(camera)) for camera in cameras[start : start + AT_ONCE]]
        if not all((folder / "plates" / f"{c.id}.{light}.jpg").exists() for c, lights in some for light in lights):
            with _blender_errors():
                render.plates(some, folder / "blender" / "plates", threads, _mute, folder)
        yield start + len(some)


def training_posts(seed: int) -> list[Camera]:
    return list(islice(posts.candidates(seed, district_map.read()), POSTS))


@contextmanager
def _blender_errors() -> Iterator[None]:
    try:
        yield
    except render.RenderError as error:
        raise TrainingError(str(error)) from error


def _mute(_: str) -> None:
    """What Blender says of each picture; the bar shows enough."""


def views_of(seed: int, folder: Path) -> list[View]:
    """Every post under every light there is a view of; posts that see no ground are left out."""
    found = [View(camera, light, assets.FOLDER) for camera in CAMERAS for light in ALL_LIGHTS]
    for camera in training_posts(seed):
        plate = assets.read_plate(camera.id, (camera.width, camera.height), folder, only="rain")
        if posts.sees_ground(plate):
            found += [View(camera, light, folder) for light in posts.lights(camera)]
    return found
