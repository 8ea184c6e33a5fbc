"""RTSP over TCP, HLS, MJPEG and files, by PyAV: timestamps, real errors, and a time-out on every read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from urllib.parse import urlsplit

import av
import av.container
import av.error

from ingest.cameras.pictures import About, Picture, SourceLost

OPEN_S = 5.0
READ_S = 4.0
MOST_PIXELS = 40_000_000  # above 8K; a few compressed kilobytes can claim a gigabyte, and one process reads all cameras
_BOUNDED = {"max_pixels": str(MOST_PIXELS)}
_RTSP = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}


class AvSource:
    """One camera's url. A file is played at its own pace, and ends like a camera that goes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._scheme = urlsplit(url).scheme
        self._stopped = Event()

    def stop(self) -> None:
        """A blocked read ends by its own time-out."""
        self._stopped.set()

    def about(self) -> About:
        """Opens, looks, closes."""
        with self._open() as container:
            stream = container.streams.video[0]
            return About(
                stream.codec_context.width,
                stream.codec_context.height,
                float(stream.average_rate or stream.guessed_rate or 0),
                stream.codec_context.name,
            )

    def pictures(self, every_s: float) -> Iterator[Picture]:
        """See Source."""
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"  # frame threads delay every picture by their number
            began, due, first = time.monotonic(), 0.0, None
            for number, frame in enumerate(container.decode(stream)):
                if self._stopped.is_set():
                    return
                if self._scheme == "file" and frame.time is not None:
                    first = frame.time if first is None else first
                    if self._stopped.wait(max(0.0, began + frame.time - first - time.monotonic())):
                        return
                now = time.monotonic()
                if now >= due:
                    due = max(due + every_s, now - every_s / 2)
                    yield Picture(number, frame.to_ndarray(format="bgr24"))
        raise SourceLost("the stream has ended")

    @contextmanager
    def _open(self) -> Iterator[av.container.InputContainer]:
        options = _BOUNDED | (_RTSP if self._scheme.startswith("rtsp") else {})
        try:
            with av.open(self._url, options=options, timeout=(OPEN_S, READ_S)) as container:
                if not container.streams.video:
                    raise SourceLost("it opens, but holds no video")
                container.streams.video[0].codec_context.options = _BOUNDED  # the decoder does not inherit them
                yield container
        except av.error.FFmpegError as error:
            raise SourceLost(_words(error)) from error
        except (OSError, ValueError) as error:
            raise SourceLost(str(error) or type(error).__name__) from error


def _words(error: av.error.FFmpegError) -> str:
    """What FFmpeg says, without the url, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"no answer within {OPEN_S:.0f} s"
    known = {
        av.error.HTTPUnauthorizedError: "it refuses the user or the password (401)",
        av.error.HTTPNotFoundError: "there is no such stream on it (404)",
        av.error.ConnectionRefusedError: "nothing listens at that address and port",
        av.error.InvalidDataError: "what it sends is no video that can be read",
        av.error.ArgumentError: f"what it sends cannot be decoded (broken, or above {MOST_PIXELS:,} pixels)",
        av.error.FileNotFoundError: "there is no such file",
    }
    return known.get(type(error)) or error.strerror or type(error).__name__
