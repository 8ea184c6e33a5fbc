"""Clips on disk: H.264 as a camera on a thin line sends it, the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av

from sample_feeds.scenes import assets, stage
from sample_feeds.scenes.assets import Picture
from sample_feeds.scenes.cameras import FPS
from sample_feeds.scenes.clips import Plan, read_sheets, truth_of
from sample_feeds.scenes.compose import Composer
from sample_feeds.scenes.truth import header_text, table

FOLDER = Path(__file__).with_name("clips")
KBIT_S = 270
KEYFRAME_EVERY = 20  # frames


def pictures(plan: Plan) -> Iterator[Picture]:
    """A clip's frames, drawn one after another."""
    camera = plan.camera
    plate = assets.read_plate(camera.id, (camera.width, camera.height), only=plan.light)
    composer = Composer(camera, plate, plan.light, read_sheets(plan), plan.effects, plan.seed)
    still: Picture | None = None
    for number in range(plan.frames):
        if still is not None and number > plan.frozen_from:
            yield still
            continue
        picture = composer.frame(number, stage.figures(camera, plan.walks, number / FPS, plan.period))
        if plan.frozen_from and number == plan.frozen_from:
            still = picture
        yield picture


def make(plan: Plan, folder: Path, step: Callable[[], None]) -> Path:
    """Writes NAME.json, NAME.csv and NAME.mp4 into `folder`; `step` is called after each frame."""
    folder.mkdir(parents=True, exist_ok=True)
    header, rows = truth_of(plan)
    (folder / f"{plan.name}.json").write_text(header_text(header), encoding="utf-8")
    (folder / f"{plan.name}.csv").write_text(table(rows), encoding="utf-8")
    path = folder / f"{plan.name}.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = plan.camera.width, plan.camera.height, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.options = {
            "preset": "veryfast", "crf": "25", "maxrate": f"{KBIT_S}k", "bufsize": f"{KBIT_S * 2}k", "bf": "0",
            "g": str(KEYFRAME_EVERY), "keyint_min": str(KEYFRAME_EVERY), "threads": "1",
        }  # fmt: skip
        for number, picture in enumerate(pictures(plan)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = number
            film.mux(stream.encode(frame))
            step()
        film.mux(stream.encode(None))
    return path


def read(path: Path) -> Iterator[Picture]:
    """A clip's frames (height, width, 3) BGR."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield frame.to_ndarray(format="bgr24")
