"""The residents' phones: fixes with the error of a real receiver, sent as OsmAnd and OwnTracks do."""

import math
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from random import Random

import aiohttp

from sample_feeds.district.plane import ExactPlane
from sample_feeds.walks import Moment

KNOT = 0.514444  # m/s
KMH = 1 / 3.6  # m/s


@dataclass(frozen=True)
class Fix:
    """What a phone believes: degrees, metres, m/s, percent."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float
    speed: float
    course: float
    battery: float


class Receiver:
    """The error of a satellite receiver: it drifts slowly, and never exceeds the accuracy that is reported."""

    def __init__(self, rnd: Random, plane: ExactPlane) -> None:
        self._rnd = rnd
        self._plane = plane
        self._east = self._north = 0.0
        self._battery = rnd.uniform(35, 100)

    def fix(self, moment: Moment, at: datetime) -> Fix:
        """The fix that a true moment gives; called about every ten seconds."""
        rnd = self._rnd
        self._east = 0.85 * self._east + rnd.gauss(0, 1.4)
        self._north = 0.85 * self._north + rnd.gauss(0, 1.4)
        error = math.hypot(self._east, self._north)
        accuracy = min(15.0, max(4.0, error * rnd.uniform(1.1, 1.8)))
        short = min(1.0, accuracy * 0.95 / error) if error else 1.0
        lon, lat = self._plane.to_lonlat((moment.x + self._east * short, moment.y + self._north * short))
        self._battery = max(12.0, self._battery - 0.003)
        return Fix(at, float(lon), float(lat), round(accuracy, 1), moment.speed, moment.course, round(self._battery, 1))


class Phone:
    """One device: reports under its id, in the format of its app."""

    def __init__(self, device: str, app: str, gateway: str, session: aiohttp.ClientSession) -> None:
        """`app` is "osmand" or "owntracks"; `gateway` is the door's address."""
        self._device = device
        self._app = app
        self._gateway = gateway
        self._session = session

    async def report(self, fix: Fix) -> int:
        """The status that the gateway answers; aiohttp.ClientError where it is away."""
        if self._app == "owntracks":
            return await self._owntracks(fix)
        return await self._osmand(fix)

    async def press(self, fix: Fix) -> int:
        """The button: an SOS with the fix of now."""
        return await self._osmand(fix, alarm="sos")

    async def _osmand(self, fix: Fix, **more: str) -> int:
        query = {
            "id": self._device,
            "timestamp": str(int(fix.at.timestamp() * 1000)),
            "lat": f"{fix.lat:.6f}",
            "lon": f"{fix.lon:.6f}",
            "accuracy": f"{fix.accuracy_m:.1f}",
            "speed": f"{fix.speed / KNOT:.2f}",
            "bearing": f"{fix.course:.0f}",
            "batt": f"{fix.battery:.0f}",
        } | more
        async with self._session.post(self._gateway, params=query) as answer:
            return answer.status

    async def _owntracks(self, fix: Fix) -> int:
        message = {
            "_type": "location",
            "tst": int(fix.at.timestamp()),
            "lat": round(fix.lat, 6),
            "lon": round(fix.lon, 6),
            "acc": round(fix.accuracy_m),
            "vel": round(fix.speed / KMH),
            "cog": round(fix.course),
            "batt": round(fix.battery),
            "tid": self._device[:2],
        }
        user = b64encode(f"{self._device}:".encode()).decode()
        headers = {"Authorization": f"Basic {user}"}
        async with self._session.post(f"{self._gateway}/owntracks", json=message, headers=headers) as answer:
            return answer.status
