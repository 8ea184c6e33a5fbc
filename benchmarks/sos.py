"""Press of the button → the guardian's webhook, through everything that runs but cameras and vision.

Each press is another person's, so that each opens an incident of its own and tells a guardian, the police, the fire
service and the duty desk. Presses come at a steady pace, whether the ones before have arrived or not; the time is from
the press (the device's clock, which is this machine's) to the first byte at the receiver, in milliseconds. Three times:
alone; beside 5,000 positions a second (`benchmarks.sos_flow`); and with Kafka standing still, not answering.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import msgspec
import numpy as np
import psutil
from aiohttp import web

from benchmarks import sos_flow
from benchmarks.registered import registered
from benchmarks.result import Options, Peer, Result
from benchmarks.whole_centre import centre_at_work
from haechi.clock import utc_now
from haechi.errors import HaechiError
from haechi.supervisor import Supervisor
from sample_feeds.centre import Centre

LIMIT_MS = {"alone": 150.0, "beside": 500.0, "without_kafka": 1000.0}
"""The 99th percentile that is allowed: alone, beside the flow of a city's devices, without Kafka."""
PRESSES = 1_000
QUICK = 100
WARM_UP = 20
PER_SECOND = 20
FLOW_WARM_S = 5
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


@dataclass(frozen=True)
class _Running:
    """A centre at work, and who reports to it."""

    supervisor: Supervisor
    receiver: _Receiver
    session: aiohttp.ClientSession

    async def press(self, devices: Sequence[str]) -> list[float]:
        """Each device's press, one after the other; milliseconds until the guardian heard."""
        heard = len(self.receiver.heard)
        sending: list[asyncio.Task[datetime]] = []
        due = time.monotonic()
        for device in devices:
            sending.append(asyncio.create_task(_press(self.session, self.supervisor.addresses["gateway"], device)))
            due += 1 / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        pressed = [await task for task in sending]
        await _arrived(self.receiver, heard + len(devices))
        return [(self.receiver.heard[at] - at).total_seconds() * 1000 for at in pressed]


def run(options: Options) -> Result:
    """p99 alone in milliseconds against its limit; beside it the other two, with p50, p95 and the slowest."""
    return asyncio.run(_run(QUICK if options.quick else PRESSES))


async def _run(presses: int) -> Result:
    receiver = _Receiver()
    port = await receiver.start()
    try:
        async with centre_at_work([f"127.0.0.1:{port}"]) as supervisor:
            times = await _measure(supervisor, receiver, f"http://127.0.0.1:{port}", presses)
    finally:
        await receiver.close()
    figures = {case: _figures(found) for case, found in times.items()}
    peers = tuple(
        Peer(f"limit, {case}", limit, round(limit / figures[case]["p99"], 2)) for case, limit in LIMIT_MS.items()
    )
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {
        **figures,
        "presses": presses,
        "per_second": PER_SECOND,
        "flow_per_second": sos_flow.PER_SECOND,
        "told_beside_the_guardian": receiver.others,
        "load_average": round(os.getloadavg()[0], 1),
    }
    return Result("sos", figures["alone"]["p99"], "ms", peers, more)


def _figures(times: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = (round(float(v), 1) for v in np.percentile(times, (50, 95, 99)))
    return {"p50": p50, "p95": p95, "p99": p99, "slowest": round(max(times), 1)}


async def _measure(
    supervisor: Supervisor, receiver: _Receiver, address: str, presses: int
) -> dict[str, Sequence[float]]:
    token = await supervisor.token("benchmark", "administrator")
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        centre = Centre(supervisor.addresses["wall"], token, session)
        running = _Running(supervisor, receiver, session)
        devices = await _seeded(supervisor, centre, address, WARM_UP + len(LIMIT_MS) * presses)
        reporter = str((await centre.add("reporters", {"name": "the flow"}))["id"])
        await registered(supervisor.settings, sos_flow.TRACKERS, "watch", serial=sos_flow.serial)
        await asyncio.sleep(3)  # every process follows the registry within two seconds
        await running.press(devices[:WARM_UP])
        beside: dict[str, AbstractAsyncContextManager[None]] = {
            "alone": nullcontext(),
            "beside": _flow(supervisor.addresses["gateway"], reporter),
            "without_kafka": _still(supervisor, "kafka"),
        }
        times: dict[str, Sequence[float]] = {}
        for number, (case, what) in enumerate(beside.items()):
            async with what:
                first = WARM_UP + number * presses
                times[case] = await running.press(devices[first : first + presses])
    return times


@asynccontextmanager
async def _flow(gateway: str, reporter: str) -> AsyncIterator[None]:
    """A city's devices report meanwhile, from a process of their own. Fails where they got less in than was meant."""
    arguments = ("-m", "benchmarks.sos_flow", gateway, reporter)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        await asyncio.sleep(FLOW_WARM_S)
        yield
        process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    sos_flow.check(said.decode())


@asynccontextmanager
async def _still(supervisor: Supervisor, name: str) -> AsyncIterator[None]:
    """A server hangs: its connections stay open and nothing answers, which is worse than one that is gone."""
    server = psutil.Process(next(state.pid for state in supervisor.states if state.name == name and state.pid))
    everyone = [server, *server.children(recursive=True)]
    for process in everyone:
        process.suspend()
    try:
        yield
    finally:
        for process in everyone:
            process.resume()


async def _seeded(supervisor: Supervisor, centre: Centre, receiver: str, count: int) -> list[str]:
    """So many people with a device each, one guardian, and the agencies; the devices' ids."""
    guardian = await centre.add("guardians", {"name": "a guardian", "webhook_url": f"{receiver}/guardian"})
    for role in ("police", "fire", "desk"):
        await centre.add("agencies", {"name": role, "role": role, "webhook_url": f"{receiver}/agency"})
    return await registered(supervisor.settings, count, "button", [str(guardian["id"])])


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
