"""Makes the committed pictures anew: Blender renders the place and the people, then they are cleaned and packed.

Needs Debian's Blender 3.4 and a folder with the CC0 body (docs/scenes.md says what it must hold).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.errors import HaechiError
from sample_feeds.district import map as district_map
from sample_feeds.scenes import assets, ground
from sample_feeds.scenes.cameras import Camera
from sample_feeds.scenes.people import IDENTITIES, Identity

SCRIPTS = Path(__file__).with_name("blender")
BODY_FILES = ("base.obj", "default.mhskel", "default_weights.mhw")
WIDTH, HEIGHT = 480, 270  # of a plate; composing brings it to the camera's size
PLATE_SAMPLES, PERSON_SAMPLES = 14, 5
Say = Callable[[str], None]


class RenderError(HaechiError):
    """Blender or the body is missing, or Blender failed; says which and what to do."""


def plates(
    views: Sequence[tuple[Camera, Sequence[str]]],
    work: Path,
    threads: int,
    say: Say,
    folder: Path = assets.FOLDER,
) -> None:
    """Renders each camera's empty view in its lights, and packs it into `folder`."""
    work.mkdir(parents=True, exist_ok=True)
    ground.write(work / "ground.json", district_map.read())
    job = {
        "ground": str(work / "ground.json"),
        "out": str(work),
        "samples": PLATE_SAMPLES,
        "width": WIDTH,
        "height": HEIGHT,
        "threads": threads,
        "views": [
            {
                "name": c.id,
                **{k: getattr(c, k) for k in ("x", "y", "z", "yaw", "pitch", "hfov")},
                "lights": list(lights),
            }
            for c, lights in views
        ],
    }
    _blender("plates.py", job, work, say)
    for camera, lights in views:
        pack_plate(work, camera.id, lights, folder)


def people(
    body: Path, work: Path, threads: int, say: Say, who: Sequence[Identity] = IDENTITIES, folder: Path = assets.FOLDER
) -> None:
    """Renders each identity's sheet from the body, and packs it into `folder`."""
    missing = [name for name in BODY_FILES if not (body / name).is_file()]
    if missing:
        raise RenderError(
            f"the body folder {body.name!r} has no {', '.join(missing)}: docs/scenes.md says what it must hold"
        )
    work.mkdir(parents=True, exist_ok=True)
    looks = [
        asdict(p)
        | {
            "walk": assets.WALK,
            "run": assets.RUN if p.runs else 0,
            "climb": assets.CLIMB if p.id == CLIMBER else 0,
            "load": (0.12, 0.03, 0.02) if p.carries == "backpack" else (0.2, 0.13, 0.06),
        }
        for p in who
    ]
    job = {
        "body": str(body), "out": str(work), "samples": PERSON_SAMPLES, "threads": threads, "px_per_m": assets.PX_PER_M,
        "width": assets.CELL_W, "height": assets.CELL_H, "foot": assets.FOOT, "headings": assets.HEADINGS,
        "elevations": [int(assets.ELEVATION)], "people": looks,
    }  # fmt: skip
    _blender("sprites.py", job, work, say)
    for person in who:
        pack_sheet(work, person.id, folder)


CLIMBER = "dolsae"


def pack_plate(work: Path, camera: str, lights: Sequence[str], assets_folder: Path = assets.FOLDER) -> None:
    """Blender's pictures of a view → the committed ones: noise taken out, infra-red made grey, depth as PNG."""
    folder = assets_folder / "plates"
    folder.mkdir(parents=True, exist_ok=True)
    layers = np.load(work / f"{camera}.depth.npz")
    grain = np.random.default_rng(11).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * 1.6
    for light in lights:
        picture = _clean(_picture(work / f"{camera}.{light}.png"), light).astype(np.float32)
        rough = np.where(np.isin(layers["kind"], (1, 3)), grain, 0.0)[
            ..., None
        ]  # asphalt, sand and grass are not smooth
        picture = (picture * (1 + 0.035 * rough)).astype(np.float32)
        if light == "dusk":
            picture = _sharpened(picture, _picture(work / f"{camera}.rain.png"), layers["kind"])
        if light == "night":
            picture = _lifted(picture, _picture(work / f"{camera}.rain.png"), layers["depth"])
        if light == "ir":
            picture = np.repeat(picture @ np.array([[0.2], [0.4], [0.4]], np.float32), 3, axis=2)
        cv2.imwrite(
            str(folder / f"{camera}.{light}.jpg"),
            np.clip(picture, 0, 255).astype(np.uint8),
            [cv2.IMWRITE_JPEG_QUALITY, 92],
        )
    for name in ("depth", "kind", "sun"):
        cv2.imwrite(str(folder / f"{camera}.{name}.png"), layers[name], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def pack_sheet(work: Path, identity: str, assets_folder: Path = assets.FOLDER) -> None:
    """Blender's sheet of a person → WebP, its alpha without loss."""
    folder = assets_folder / "people"
    folder.mkdir(parents=True, exist_ok=True)
    sheet = _picture(work / f"{identity}.{int(assets.ELEVATION)}.png", cv2.IMREAD_UNCHANGED)
    sheet[sheet[..., 3] < 8] = 0
    cv2.imwrite(str(folder / f"{identity}.webp"), sheet, [cv2.IMWRITE_WEBP_QUALITY, 82])


def _clean(picture: assets.Picture, light: str) -> assets.Picture:
    strength = {"night": 9, "dusk": 7, "rain": 5}.get(light, 5)
    sparks = cv2.medianBlur(picture, 3)
    spark = np.abs(picture.astype(int) - sparks).max(2) > (38 if light in ("night", "dusk", "ir") else 60)
    picture = np.where(spark[..., None], sparks, picture)
    if light == "night":
        dark = picture.max(2, keepdims=True) < 90
        picture = np.where(dark, cv2.medianBlur(picture, 5), picture)
    cleaned: assets.Picture = cv2.fastNlMeansDenoisingColored(picture, None, strength, strength + 4, 5, 13)
    return cleaned


def _picture(path: Path, flags: int = cv2.IMREAD_COLOR) -> assets.Picture:
    return np.asarray(cv2.imread(str(path), flags), np.uint8)


def _sharpened(dusk: NDArray[np.float32], grey: assets.Picture, kind: assets.Picture) -> NDArray[np.float32]:
    """What the cleaning of a noisy picture took, given back to grounds and leaves from the view under a grey sky."""
    plain = grey.astype(np.float32) + 4
    detail = np.clip(plain / cv2.GaussianBlur(plain, (0, 0), 2.2), 0.55, 1.7)
    where = cv2.GaussianBlur(np.isin(kind, (1, 3)).astype(np.float32), (0, 0), 0.7)[..., None]
    smooth = cv2.GaussianBlur(dusk, (0, 0), 1.2)
    sharp: NDArray[np.float32] = dusk * (1 - where) + smooth * detail * where
    return sharp


def _lifted(night: NDArray[np.float32], grey: assets.Picture, depth: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The town's glow in the clouds and the lamp on the camera's own post, on the view as it is under a grey sky."""
    far = depth.astype(np.float32)[..., None] / 100
    lamp = np.array([0.10, 0.17, 0.22], np.float32) / (1 + (far / 12) ** 2) ** 1.5
    surface = (cv2.GaussianBlur(grey, (0, 0), 0.8).astype(np.float32) / 255) ** 2.2
    light = (np.clip(night, 0, 255) / 255) ** 2.2 + surface * (lamp + np.array([0.075, 0.06, 0.05], np.float32))
    lifted: NDArray[np.float32] = 255 * light ** (1 / 2.2)
    return lifted


def _blender(script: str, job: dict[str, object], work: Path, say: Say) -> None:
    program = shutil.which("blender")
    if not program:
        raise RenderError(
            "Blender is not installed: `apt install blender` (3.4), or use the pictures that are committed"
        )
    file = work / f"{Path(script).stem}.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    command = [
        program,
        "-b",
        "--python-use-system-env",
        "--python-exit-code",
        "3",
        "-P",
        str(SCRIPTS / script),
        "--",
        str(file),
    ]
    environment = os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        tail: list[str] = []
        for line in run.stdout or ():
            tail = [*tail[-12:], line.rstrip()]
            if line.startswith(("plate", "person")):
                say(line.strip())
    if run.returncode:
        raise RenderError(f"Blender failed at {script}: " + " | ".join(tail[-6:]))
