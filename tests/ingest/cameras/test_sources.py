"""Sources: real streams, and the words for those that are none."""

import asyncio
import socket
import time
from pathlib import Path

import av
import numpy as np
import pytest

from haechi.errors import ConfigError
from ingest.cameras.pictures import SourceLost
from ingest.cameras.reader import Reader
from ingest.cameras.sources import open_source


def make_clip(file: Path, seconds: float = 2, fps: int = 10) -> Path:
    """A square that crosses a grey ground, 320×180."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for n in range(int(seconds * fps)):
            image = np.full((180, 320, 3), 90, np.uint8)
            image[60:120, (n * 12) % 280 : (n * 12) % 280 + 30] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return file


def test_a_file_is_played_at_its_own_pace_and_then_lost(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "clip.mp4", seconds=1).as_uri())
    about = source.about()
    assert (about.width, about.height, about.codec, round(about.frames_per_second)) == (320, 180, "h264", 10)
    began, numbers = time.monotonic(), []
    with pytest.raises(SourceLost, match="has ended"):
        for picture in source.pictures(0):
            numbers.append(picture.number)
    assert numbers == list(range(10))
    assert time.monotonic() - began > 0.8


def test_pictures_in_between_are_left_out(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "clip.mp4", seconds=2).as_uri())
    taken = 0
    with pytest.raises(SourceLost):
        for _ in source.pictures(0.5):
            taken += 1
    assert 2 <= taken <= 7


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtsp://127.0.0.1:9/x", "nothing listens"),
        ("file:///nonexistent.mp4", "no such file"),
    ],
)
def test_what_cannot_be_opened_is_said_in_words_without_the_url(url: str, words: str) -> None:
    with pytest.raises(SourceLost, match=words) as caught:
        open_source(url).about()
    assert url not in str(caught.value)


def test_a_scheme_that_nobody_reads_is_refused() -> None:
    with pytest.raises(ConfigError, match="rtsp://"):
        open_source("gopher://x")


def test_a_camera_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SourceLost):
        open_source(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x").about()


def test_a_small_file_that_claims_a_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    file = tmp_path / "huge.mjpeg"
    with av.open(str(file), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 8000, 6000, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(8000, 6000, "yuvj420p")))
        container.mux(stream.encode())
    with pytest.raises(SourceLost, match="40,000,000 pixels"):
        next(iter(open_source(file.as_uri()).pictures(0)))


async def test_a_camera_that_goes_away_comes_back(tmp_path: Path) -> None:
    """A file ends like a camera that goes; the reader opens it again and gives its pictures another epoch."""
    url = make_clip(tmp_path / "clip.mp4", seconds=0.5).as_uri()
    reader = Reader("c", lambda: open_source(url), 0.05, asyncio.get_running_loop())
    assert reader.health(time.monotonic()).state == "unreachable"
    reader.start()
    try:
        async with asyncio.timeout(60):
            first = reader.epoch
            asked = time.monotonic()
            await reader.newest()
            assert reader.health(asked).state == "live"
            while reader.epoch == first:
                await reader.newest()
            await reader.newest()
            assert reader.reconnects >= 1
    finally:
        await reader.stop()


async def test_pictures_that_nobody_takes_are_replaced_and_counted(tmp_path: Path) -> None:
    url = make_clip(tmp_path / "clip.mp4", seconds=20).as_uri()  # its end, and number 0 again, is far
    reader = Reader("c", lambda: open_source(url), 0, asyncio.get_running_loop())
    reader.start()
    try:
        async with asyncio.timeout(60):
            while reader.replaced < 3:
                await asyncio.sleep(0.05)
            picture = await reader.newest()
            assert picture.number >= 3
    finally:
        await reader.stop()
