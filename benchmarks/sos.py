"""Press of the button → the guardian's webhook, through everything that runs but cameras and vision.

Each press is another person's, so that each opens an incident of its own and tells a guardian, the police, the fire
service and the duty desk. Presses come at a steady pace, whether the ones before have arrived or not; the time is from
the press (the device's clock, which is this machine's) to the first byte at the receiver, in milliseconds.
"""

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import numpy as np
from aiohttp import web

from benchmarks.result import Options, Peer, Result
from haechi.clock import utc_now
from haechi.config import changed, load
from haechi.errors import HaechiError
from haechi.process import NAMES
from haechi.supervisor import Supervisor
from sample_feeds.centre import Centre

LIMIT_MS = 150.0
PRESSES = 1_000
QUICK = 100
WARM_UP = 20
PER_SECOND = 10
SEEDERS = 8
READY_S = 180
LEFT_OUT = ("ingest.cameras", "vision", "analytics.sightings")
PLACE = {"lat": "37.6186", "lon": "126.9227", "accuracy": "8"}


class _Body(msgspec.Struct):
    starts_at: datetime


class _Receiver:
    """The guardian and the agencies; remembers when the guardian first heard of each press."""

    def __init__(self) -> None:
        self.heard: dict[datetime, datetime] = {}
        self.others = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Its port."""
        app = web.Application()
        app.router.add_post("/guardian", self._guardian)
        app.router.add_post("/agency", self._agency)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _guardian(self, request: web.Request) -> web.Response:
        arrived = utc_now()
        body = msgspec.json.decode(await request.read(), type=_Body)
        self.heard.setdefault(body.starts_at, arrived)
        return web.Response(status=204)

    async def _agency(self, _: web.Request) -> web.Response:
        self.others += 1
        return web.Response(status=204)


def run(options: Options) -> Result:
    """p99 in milliseconds, with p50, p95 and the slowest beside it."""
    return asyncio.run(_run(QUICK if options.quick else PRESSES))


async def _run(presses: int) -> Result:
    receiver = _Receiver()
    port = await receiver.start()
    try:
        with tempfile.TemporaryDirectory(prefix="haechi-sos-", ignore_cleanup_errors=True) as folder:
            settings = changed(load({}, data=Path(folder)), {"alerts.allow_networks": (f"127.0.0.1:{port}",)})
            names = tuple(name for name in NAMES if name not in LEFT_OUT)
            supervisor = Supervisor(settings, names, say=lambda _: None)
            await supervisor.start()
            looking = asyncio.create_task(supervisor.run())
            try:
                await _until_ready(supervisor)
                times = await _measure(supervisor, receiver, port, presses)
            finally:
                supervisor.stop()
                await looking
                await supervisor.end()
    finally:
        await receiver.close()
    p50, p95, p99 = (round(float(v), 1) for v in np.percentile(times, (50, 95, 99)))
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "slowest": round(max(times), 1),
        "presses": len(times),
        "per_second": PER_SECOND,
        "told_beside_the_guardian": receiver.others,
        "load_average": round(os.getloadavg()[0], 1),
    }
    return Result("sos", p99, "ms", (Peer("limit", LIMIT_MS, round(LIMIT_MS / p99, 2)),), more)


async def _measure(supervisor: Supervisor, receiver: _Receiver, port: int, presses: int) -> list[float]:
    token = await supervisor.token("benchmark", "administrator")
    gateway = supervisor.addresses["gateway"]
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        centre = Centre(supervisor.addresses["wall"], token, session)
        devices = await _seeded(centre, f"http://127.0.0.1:{port}", WARM_UP + presses)
        await asyncio.sleep(3)  # every process follows the registry within two seconds
        for device in devices[:WARM_UP]:
            await _press(session, gateway, device)
            await asyncio.sleep(1 / PER_SECOND)
        await _arrived(receiver, WARM_UP)
        sending: list[asyncio.Task[datetime]] = []
        due = time.monotonic()
        for device in devices[WARM_UP:]:
            sending.append(asyncio.create_task(_press(session, gateway, device)))
            due += 1 / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        pressed = [await task for task in sending]
        await _arrived(receiver, len(devices))
    return [(receiver.heard[at] - at).total_seconds() * 1000 for at in pressed]


async def _seeded(centre: Centre, receiver: str, count: int) -> list[str]:
    """So many people with a device each, one guardian, and the agencies; the devices' ids."""
    guardian = await centre.add("guardians", {"name": "a guardian", "webhook_url": f"{receiver}/guardian"})
    for role in ("police", "fire", "desk"):
        await centre.add("agencies", {"name": role, "role": role, "webhook_url": f"{receiver}/agency"})
    together = asyncio.Semaphore(SEEDERS)

    async def one(number: int) -> str:
        async with together:
            body = {"name": f"person {number}", "born": "1940-01-01", "kind": "elder", "guardian_ids": [guardian["id"]]}
            consent = {"given_by": "themselves", "given_at": "2026-01-01T00:00:00Z", "scopes": ["position", "sos"]}
            person = await centre.add("people", body | {"consent": consent})
            device = await centre.add("devices", {"person_id": person["id"], "kind": "button"})
            return str(device["id"])

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def _press(session: aiohttp.ClientSession, gateway: str, device: str) -> datetime:
    """The moment of the press, to the millisecond as the device reports it."""
    ms = time.time_ns() // 1_000_000
    query = PLACE | {"id": device, "timestamp": str(ms), "alarm": "sos"}
    async with session.post(gateway, params=query) as answer:
        if answer.status != 200:
            raise HaechiError(f"The gateway answered a press with {answer.status}: {await answer.text()}")
    return datetime.fromtimestamp(ms / 1000, UTC)


async def _arrived(receiver: _Receiver, count: int) -> None:
    for _ in range(600):
        if len(receiver.heard) >= count:
            return
        await asyncio.sleep(0.1)
    raise HaechiError(f"The guardian has heard of {len(receiver.heard)} of {count} presses after a minute.")


async def _until_ready(supervisor: Supervisor) -> None:
    for _ in range(READY_S * 2):
        if supervisor.ready:
            return
        await asyncio.sleep(0.5)
    waiting = [state.name for state in supervisor.states if state.state != "live"]
    raise HaechiError(f"Not live within {READY_S} s: {', '.join(waiting)}.")
