"""Four cameras as RTSP streams over TCP: each plays its clip for ever, and may be given another one.

What a camera shows is the file of its name in the served folder; a new clip replaces the file at once and is played
from the next round, or from the next connection, on.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import aio_rtsp_toolkit.server as rtsp

from haechi.errors import HaechiError

CLIPS = Path(__file__).parent / "scenes" / "clips" / "demo"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Zone:
    """A polygon in the picture, points 0-1 of its width and height."""

    name: str
    polygon: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CameraPlan:
    """Where it hangs (metres of the plane), which way it looks (degrees from north, and how wide), the clip that it
    plays, and the clip of a trespass where it has one."""

    slug: str
    name: str
    x: float
    y: float
    heading: float
    width: float
    clip: str
    trespass: str | None = None
    forbidden: Zone | None = None


# The ground of the yard as its camera sees it, a foot inside the fence.
YARD = Zone(
    "School yard",
    ((0, 0.99), (0, 0.56), (0.2, 0.48), (0.36, 0.44), (0.52, 0.4), (0.68, 0.35), (0.86, 0.3), (1, 0.28), (1, 0.99)),
)
# 640 pixels over 66 degrees: 12.5 pixels a metre, enough to see that somebody is there (EN 62676-4), end at 40 m.
REACH_M = 40
CAMERAS: tuple[CameraPlan, ...] = (
    CameraPlan("school-yard", "School yard", -99.5, -19.0, 128, 66, "school-yard-calm", "school-yard-trespass", YARD),
    CameraPlan("crossing", "Dallae-ro crossing", -71.5, -87.5, 47, 66, "crossing"),
    CameraPlan("park-path", "Firefly Park path", -13.0, -133.5, 329, 64, "park-path"),
    CameraPlan("river-bank", "Eunbit-cheon bank", -1.5, -204.5, 206, 66, "river-bank"),
)


class NoClip(HaechiError):  # noqa: N818 - read as "raise NoClip(...)", like NotFound
    """A clip is missing; the message says which."""


class _Quiet:
    """The server's log is a line for every packet's trouble; ours has the camera's state instead."""

    def __getattr__(self, _: str) -> "object":
        return lambda *_args, **_more: None


class Cameras:
    """`start`, then `show` other clips, then `close`."""

    def __init__(self, folder: Path, port: int, clips: Path = CLIPS) -> None:
        """`folder` is ours alone; `clips` holds an mp4 for each name."""
        self._folder = folder
        self._clips = clips
        self._port = port
        self._server: rtsp.RtspServer | None = None

    def url(self, camera: CameraPlan) -> str:
        """Played for ever."""
        return f"rtsp://{HOST}:{self._port}/{camera.slug}.mp4/play_count_0"

    def show(self, camera: CameraPlan, clip: str) -> None:
        """From the next round or connection on the camera plays this clip.

        Raises:
            NoClip: there is none of this name.
        """
        source = self._clips / f"{clip}.mp4"
        if not source.exists():
            raise NoClip(f"The camera '{camera.name}' has no clip {source.name} in {self._clips.name}/.")
        fresh = self._folder / f"{camera.slug}.new"
        shutil.copyfile(source, fresh)
        fresh.replace(self._folder / f"{camera.slug}.mp4")

    async def start(self) -> None:
        """Listen; every camera plays its ordinary clip."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for camera in CAMERAS:
            self.show(camera, camera.clip)
        rtsp.logger = _Quiet()
        self._server = rtsp.RtspServer(str(self._folder), HOST, self._port)
        await self._server.start()

    async def close(self) -> None:
        """No stream any more."""
        if self._server is not None:
            await self._server.close()
