import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from itertools import islice
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


def levels(url: str, *, rounds: float, enough: Callable[[float], bool] = lambda _: False) -> list[float]:
    """The mean grey of every picture of a stream, for so many rounds of the clip, or up to the one that is `enough`."""
    found: list[float] = []
    with av.open(url, options=OPTIONS, timeout=20) as container:
        for frame in islice(container.decode(video=0), int(rounds * CLIP_S * FPS)):
            found.append(float(frame.to_ndarray(format="gray").mean()))
            if enough(found[-1]):
                break
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
    seen = await asyncio.to_thread(levels, cameras.url(CAMERAS[1]), rounds=2.5)
    assert len(seen) == 2.5 * CLIP_S * FPS
    assert all(abs(level - 60) < 20 for level in seen)


async def test_who_connects_after_another_clip_was_given_sees_it_at_once(cameras: Cameras) -> None:
    cameras.show(YARD, str(YARD.trespass))
    (first,) = await asyncio.to_thread(levels, cameras.url(YARD), rounds=1, enough=lambda _: True)
    assert abs(first - 180) < 20


async def test_who_is_connected_sees_the_other_clip_from_the_next_round_on(cameras: Cameras) -> None:
    def other(level: float) -> bool:
        """The other clip is given when the first picture of this one is there."""
        if not given:
            given.append(level)
            cameras.show(YARD, str(YARD.trespass))
        return abs(level - 180) < 20

    given: list[float] = []
    seen = await asyncio.to_thread(levels, cameras.url(YARD), rounds=4, enough=other)
    assert abs(seen[0] - 60) < 20
    assert abs(seen[-1] - 180) < 20


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoClip, match="nothing-here"):
        Cameras(tmp_path, 1, tmp_path).show(CameraPlan("a", "A", 0, 0, 0, 60, "nothing-here"), "nothing-here")
