"""From the press of a button to the guardian's webhook, in milliseconds, over every process of the way.

The gateway, the road through Kafka (analytics.urgent, alerts.incidents) and the one through PostgreSQL (alerts.sender)
run as they do in a city, over the real servers. Each press is a person's first, because a second press within an open
incident updates it and tells nobody anew; it is followed by a short pause: an idle city.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import web

from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain.alerting import Agency, AgencyRole
from haechi.domain.people import Device, Guardian, Person
from haechi.embedded import EmbeddedServers
from haechi.errors import HaechiError
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.incidents import Incidents
from haechi.store.live import Live
from haechi.store.postgres import migrate, open_pool
from haechi.store.registry import AGENCIES, DEVICES, GUARDIANS, PEOPLE, Registry
from haechi.streaming import connect
from haechi.streaming.admin import ensure_topics

PRESSES, QUICK_PRESSES, WARM = 1000, 100, 20
PAUSE_S = 0.05
LIMIT_MS = 150.0
DISTRICT = "haneul"
ROLES: tuple[AgencyRole, ...] = ("police", "fire", "desk")
PROCESSES = (("ingest", "gateway"), ("analytics", "urgent"), ("alerts", "incidents"), ("alerts", "sender"))


def run(options: Options) -> Result:
    """A press after the other."""
    return asyncio.run(_run(QUICK_PRESSES if options.quick else PRESSES))


async def _run(presses: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        async with (
            EmbeddedServers(Path(folder), only=["kafka", "postgres", "valkey"]) as servers,
            _receiver() as phone,
        ):
            urls, key, port = servers.urls, create_key(), _free_port()
            await ensure_topics(connect(KafkaSettings.model_validate({"url": urls["kafka"]})), topics.TOPICS)
            devices = await _register(urls["postgres"], key, presses + WARM, phone)
            environment = os.environ | {
                "HAECHI_DATA": folder,
                "HAECHI_DATA_KEY": key,
                "HAECHI_DISTRICT": DISTRICT,
                "HAECHI_KAFKA__URL": urls["kafka"],
                "HAECHI_POSTGRES__URL": urls["postgres"],
                "HAECHI_REDIS__URL": urls["valkey"],
                "HAECHI_GATEWAY__PORT": str(port),
                "HAECHI_ALERTS__ALLOW_NETWORKS": f"127.0.0.1:{phone.port}",
                "HAECHI_TELEMETRY__METRICS_PORT": "-1",
                "HAECHI_TELEMETRY__LEVEL": "error",
            }
            async with _running(environment, urls["valkey"]), aiohttp.ClientSession() as http:
                latencies = [await _press(http, port, device, phone) for device in devices][WARM:]
            steps = await _steps(urls["postgres"], presses)
    p50, p95, p99 = (round(float(np.percentile(latencies, q)) * 1000, 1) for q in (50, 95, 99))
    return Result(
        "sos",
        p99,
        "ms from the press to the guardian's webhook, p99",
        (Peer("the limit on an idle city", LIMIT_MS, round(LIMIT_MS / p99, 2)),),
        {"p50": p50, "p95": p95, "p99": p99, "presses": len(latencies), "steps_p99_ms": steps},
    )


class _Phone:
    """What arrives at the guardian's address."""

    def __init__(self) -> None:
        self.port = 0
        self.arrived = 0
        self.at = 0.0
        self.ring = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        at = time.monotonic()
        await request.read()
        if request.path == "/guardian":
            self.arrived += 1
            self.at = at
            self.ring.set()
        return web.Response(status=204)


@asynccontextmanager
async def _receiver() -> AsyncIterator[_Phone]:
    phone = _Phone()
    app = web.Application()
    app.router.add_post("/{to}", phone.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    phone.port = runner.addresses[0][1]
    try:
        yield phone
    finally:
        await runner.cleanup()


async def _press(http: aiohttp.ClientSession, port: int, device: str, phone: _Phone) -> float:
    phone.ring.clear()
    before = phone.arrived
    began = time.monotonic()
    where = {"id": device, "lat": "37.5665", "lon": "126.978", "accuracy": "8", "alarm": "sos"}
    async with http.post(f"http://127.0.0.1:{port}/", params=where) as answer:
        answer.raise_for_status()
    try:
        async with asyncio.timeout(30):
            await phone.ring.wait()
    except TimeoutError as error:
        raise HaechiError(f"press {before + 1} did not reach the guardian in 30 s") from error
    took = phone.at - began
    await asyncio.sleep(PAUSE_S)
    if phone.arrived != before + 1:
        raise RuntimeError(f"one press came {phone.arrived - before} times")
    return took


async def _register(url: str, key: str, count: int, phone: _Phone) -> list[str]:
    await migrate(url)
    pool = await open_pool(url)
    try:
        await ensure_district(pool, DISTRICT, "Haneul", sample=True)
        registry = Registry(pool, Sealer(key))
        address = f"http://127.0.0.1:{phone.port}"
        for role in ROLES:
            await registry.add(AGENCIES, DISTRICT, Agency("", "", role, role, f"{address}/{role}"))
        guardian = await registry.add(
            GUARDIANS, DISTRICT, Guardian("", "", "Guardian", webhook_url=f"{address}/guardian")
        )
        devices = []
        for n in range(count):
            child = Person("", "", f"Person {n}", date(2015, 1, 1), "child", (guardian.value.id,), None)
            person = await registry.add(PEOPLE, DISTRICT, child)
            devices.append((await registry.add(DEVICES, DISTRICT, Device("", "", person.value.id, "button"))).value.id)
        return devices
    finally:
        await pool.close()


async def _steps(url: str, presses: int) -> dict[str, float]:
    """The p99 of each step, from the incidents' own latency."""
    pool = await open_pool(url)
    try:
        incidents = await Incidents(pool).recent(DISTRICT, limit=presses)
    finally:
        await pool.close()
    marks = ("received_at", "decided_at", "opened_at", "first_attempt_at")
    rows = [[getattr(incident, mark) for mark in marks] for incident in incidents if incident.first_attempt_at]
    names = ("received to decided", "decided to opened", "opened to first attempt")
    return {
        name: round(float(np.percentile([(row[n + 1] - row[n]).total_seconds() for row in rows], 99)) * 1000, 1)
        for n, name in enumerate(names)
    }


@asynccontextmanager
async def _running(environment: dict[str, str], redis: str) -> AsyncIterator[None]:
    processes: list[Process] = []
    try:
        processes += [
            await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, env=environment)
            for arguments in PROCESSES
        ]
        live, names = Live(redis), {".".join(process) for process in PROCESSES}
        async with asyncio.timeout(120):
            while not names <= (await live.heartbeats()).keys():  # noqa: ASYNC110 - what other processes do raises no event here
                await asyncio.sleep(0.2)
        await live.close()
        await asyncio.sleep(5)  # every consumer has its partitions: what is measured is a city that runs
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
