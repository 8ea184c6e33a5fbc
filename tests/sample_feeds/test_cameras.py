import asyncio
import socket
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sample_feeds.cameras import CAMERAS, CameraPlan, Cameras, NoClip

CLIP_S = 2
FPS = 10
OPTIONS = {"rtsp_transport": "tcp"}
YARD = next(camera for camera in CAMERAS if camera.trespass)


def film(file: Path, level: int) -> None:
    """Two seconds of grey, a dot moving through."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", FPS, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for k in range(CLIP_S * FPS):
            picture = np.full((96, 160, 3), level, np.uint8)
            picture[40:56, 6 * k : 6 * k + 12] = 255 - level
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def levels(url: str, seconds: float) -> list[float]:
    """The mean grey of every picture of a stream, for some seconds."""
    found = []
    with av.open(url, options=OPTIONS, timeout=20) as container:
        began = time.monotonic()
        for frame in container.decode(video=0):
            found.append(float(frame.to_ndarray(format="gray").mean()))
            if time.monotonic() - began > seconds:
                return found
    return found


@pytest.fixture
async def cameras(tmp_path: Path) -> AsyncIterator[Cameras]:
    clips = tmp_path / "clips"
    clips.mkdir()
    for camera in CAMERAS:
        film(clips / f"{camera.clip}.mp4", 60)
        if camera.trespass:
            film(clips / f"{camera.trespass}.mp4", 180)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cameras = Cameras(tmp_path / "streams", port, clips)
    await cameras.start()
    yield cameras
    await cameras.close()


async def test_a_clip_is_played_again_and_again(cameras: Cameras) -> None:
    seen = await asyncio.to_thread(levels, cameras.url(CAMERAS[1]), 2.5 * CLIP_S)
    assert len(seen) > 1.5 * CLIP_S * FPS, "longer than the clip"
    assert all(abs(level - 60) < 20 for level in seen)


async def test_who_connects_after_another_clip_was_given_sees_it_at_once(cameras: Cameras) -> None:
    cameras.show(YARD, str(YARD.trespass))
    seen = await asyncio.to_thread(levels, cameras.url(YARD), 0.5)
    assert abs(seen[0] - 180) < 20


async def test_who_is_connected_sees_the_other_clip_from_the_next_round_on(cameras: Cameras) -> None:
    watching = asyncio.create_task(asyncio.to_thread(levels, cameras.url(YARD), 3.0 * CLIP_S))
    await asyncio.sleep(0.5 * CLIP_S)
    cameras.show(YARD, str(YARD.trespass))
    seen = await watching
    assert abs(seen[0] - 60) < 20
    assert abs(seen[-1] - 180) < 20


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoClip, match="nothing-here"):
        Cameras(tmp_path, 1, tmp_path).show(CameraPlan("a", "A", 0, 0, 0, 60, "nothing-here"), "nothing-here")
