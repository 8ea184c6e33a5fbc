"""A wall as a process of its own, on real servers, for tests that kill it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import msgspec

from haechi.domain.alerting import KINDS, Because, raised
from haechi.domain.geo import Point
from haechi.domain.video import BoundingBox, Camera, CameraState, CameraZone, Sighting, TrackId
from haechi.embedded.addresses import HOST, free_port
from haechi.errors import Conflict
from haechi.sealing import Sealer
from haechi.store.audit import Audit
from haechi.store.districts import ensure_district
from haechi.store.evidence import Evidence
from haechi.store.incidents import Incidents
from haechi.store.live import Live
from haechi.store.postgres import migrate, open_pool
from haechi.store.registry import CAMERAS, Registry
from haechi.store.users import Users

ROOT = Path(__file__).parents[2]
DISTRICT = "haneul"
NAME, PASSWORD = "Kim Bo-ram", "a password for tests 1"


async def prepare(postgres: str) -> None:
    """Tables, a district, an operator."""
    await migrate(postgres)
    pool = await open_pool(postgres, size=2)
    try:
        await ensure_district(pool, DISTRICT, "Haneul", sample=True)
        with suppress(Conflict):  # a test before this one made the operator
            await Users(pool).add_user(NAME, PASSWORD, [("operator", DISTRICT)])
    finally:
        await pool.close()


async def raise_alert(
    postgres: str, at, *, received_at=None, place: str = "-", title: str = "SOS pressed", evidence: str | None = None
):
    """An SOS of somebody nobody registered, through the incident table; the incident."""
    because = Because("urgent", "a test pressed")
    alert = raised(KINDS["sos"], "unknown:test", place, DISTRICT, at, because, now=received_at, title=title)
    where = Point(126.9212, 37.6190)
    alert = msgspec.structs.replace(alert, point=where, accuracy_m=10.0, evidence=evidence)
    pool = await open_pool(postgres, size=2)
    try:
        return (await Incidents(pool).apply_alert(alert, lambda _: ())).incident
    finally:
        await pool.close()


YARD = ((0.12, 0.5), (0.86, 0.46), (0.97, 0.97), (0.03, 0.97))


async def add_camera(postgres: str, sealer: Sealer) -> Camera:
    """A camera with a forbidden zone, in the registry."""
    pool = await open_pool(postgres, size=2)
    try:
        zone = CameraZone("yard", "school yard", "forbidden", YARD)
        camera = Camera("", DISTRICT, "Cam 01 School yard", "rtsp://nowhere/1", Point(126.9215, 37.6180), (zone,))
        return (await Registry(pool, sealer).add(CAMERAS, DISTRICT, camera)).value
    finally:
        await pool.close()


async def film(redis: str, camera: str, pictures: Iterator[bytes], every_s: float, stop: Event) -> None:
    """What a camera's reader does: state and pictures."""
    live = Live(redis)
    try:
        while not stop.is_set():
            now = datetime.now(UTC)
            await live.put_camera_state(CameraState(camera, now, "live"))
            await live.put_thumbnail(camera, next(pictures), now)
            await asyncio.sleep(every_s)
    finally:
        await live.close()


async def trespass(postgres: str, folder: Path, camera: str, jpeg: bytes):
    """An incident with a picture in the evidence store."""
    sha256 = await Evidence((folder / "evidence").as_uri()).put(jpeg)
    at = datetime.now(UTC)
    seen = Sighting(TrackId(camera, 1, 1), "person", BoundingBox(0.42, 0.35, 0.06, 0.32), 0.8)
    because = Because("trespass", "one person in school yard in 3 of 5 frames", sightings=(seen,))
    alert = raised(KINDS["trespass"], camera, "yard", DISTRICT, at, because)
    alert = msgspec.structs.replace(alert, evidence=sha256)
    pool = await open_pool(postgres, size=2)
    try:
        return (await Incidents(pool).apply_alert(alert, lambda _: ())).incident
    finally:
        await pool.close()


async def audited(postgres: str) -> list[tuple[str, str, str]]:
    """(who, what, subject), newest first."""
    pool = await open_pool(postgres, size=2)
    try:
        return [(line.who, line.what, line.subject) for line in await Audit(pool).recent(DISTRICT, 50)]
    finally:
        await pool.close()


class Wall:
    """`python -m control_room` on a free port that stays the same."""

    def __init__(self, data: Path, postgres: str, redis: str) -> None:
        self.port = free_port(set())
        self.url = f"http://{HOST}:{self.port}"
        self._log = data / "wall.log"
        self._environ = {key: value for key, value in os.environ.items() if not key.startswith("HAECHI_")} | {
            "HAECHI_DATA": str(data),
            "HAECHI_POSTGRES__URL": postgres,
            "HAECHI_REDIS__URL": redis,
            "HAECHI_WALL__PORT": str(self.port),
            "HAECHI_WALL__MAP": str(ROOT / "sample_feeds" / "district" / "map.geojson"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, limit_s: float = 60) -> None:
        """Until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "control_room"], cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/sign-in", timeout=5).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
            else:
                return
        raise AssertionError(f"the wall did not come up: {self._log.read_text()[-3000:]}")

    def kill(self) -> None:
        """With -9."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text()
