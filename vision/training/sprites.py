"""People as transparent pictures: rendered once by Blender, pasted into many scenes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from vision.training.errors import TrainingError

CHUNK = 40
_SCRIPT = Path(__file__).with_name("blender_sprites.py")
_NEEDED = ("base.obj", "default.mhskel", "default_weights.mhw")


class Sprite(msgspec.Struct, frozen=True):
    """One rendered person. Pixels from the top left of its picture."""

    file: str
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the body, without what it carries."""
    metres: float
    """How high the posed body is."""
    depression: float
    """How far the camera looks down on it, in degrees."""
    light: str
    azimuth: float
    elevation: float


def check_body(folder: Path) -> None:
    """Raises `TrainingError` where the folder is not the body that the renderer needs."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing or not list(folder.glob("*-*-*.target")):
        what = ", ".join(missing) or "*.target (the shapes)"
        raise TrainingError(
            f"--body {folder}: {what} is missing. It must be a folder with MakeHuman's CC0 base mesh, default skeleton, "
            "weights and macro targets; docs/model.md says where they are found.",
        )


def blender() -> str:
    """Where Blender is; `TrainingError` if nowhere."""
    found = shutil.which("blender")
    if not found:
        raise TrainingError("Blender is not installed. On Debian: apt-get install blender (3.4 or newer).")
    return found


def render(body: Path, out: Path, *, seed: int, count: int, threads: int) -> Iterator[int]:
    """Renders what is still missing, chunk by chunk; yields how many sprites there are so far."""
    check_body(body)
    program = blender()
    out.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(Path(np.__file__).parents[1])}  # for a Blender without numpy
    for chunk in range(-(-count // CHUNK)):
        if not (out / f"{chunk:04d}.json").exists():
            command = [
                program,
                "--background",
                "--factory-startup",
                "--python-use-system-env",
                "--python-exit-code",
                "3",
            ]
            command += ["--python", str(_SCRIPT), "--"]
            command += [str(x) for x in (body, out, seed, chunk, CHUNK, threads)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (our own script, no shell)
            if done.returncode:
                tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
                raise TrainingError(f"Blender could not render chunk {chunk} of the sprites ({sys.platform}):\n{tail}")
        yield (chunk + 1) * CHUNK


def load(folder: Path) -> list[Sprite]:
    """All sprites of a folder, in order."""
    lists = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return msgspec.convert([facts for chunk in lists for facts in chunk], list[Sprite])
