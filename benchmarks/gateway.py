"""Positions by HTTP: what the gateway accepts per CPU-second, against a gateway as one would first write it.

Both are processes of their own over the same real Kafka and get the same requests, one position each, over keep-alive
connections; accepted means answered with 200, which both do only after Kafka has acknowledged with acks=all. The naive
one validates with pydantic on FastAPI and produces one JSON message a request. Beside it, the same door by MQTT
(`benchmarks.gateway_mqtt`), where Mosquitto is installed.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from benchmarks import gateway_mqtt
from benchmarks.registered import registered
from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.config import KafkaSettings, Settings
from haechi.embedded import EmbeddedServers
from haechi.sealing import create_key
from haechi.store.districts import ensure_district
from haechi.store.postgres import migrate, open_pool
from haechi.streaming import connect
from haechi.streaming.admin import ensure_topics

CONNECTIONS = 600
DISTRICT = "haneul"


def run(options: Options) -> Result:
    """The gateway, then the naive one, for as many seconds each."""
    return asyncio.run(_run(8, 5_000) if options.quick else _run(30, 40_000))


async def _run(seconds: float, messages: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        async with EmbeddedServers(Path(folder), only=["kafka", "postgres"]) as servers:
            urls, key, port = servers.urls, create_key(), _free_port()
            await ensure_topics(connect(KafkaSettings.model_validate({"url": urls["kafka"]})), topics.TOPICS)
            await _with_district(urls["postgres"])
            registry = Settings.model_validate(
                {"postgres": {"url": urls["postgres"]}, "data_key": key, "district": DISTRICT}
            )
            devices = await registered(registry, CONNECTIONS, "phone")
            environment = os.environ | {
                "HAECHI_DATA": folder,
                "HAECHI_DATA_KEY": key,
                "HAECHI_KAFKA__URL": urls["kafka"],
                "HAECHI_POSTGRES__URL": urls["postgres"],
                "HAECHI_REDIS__URL": "redis://127.0.0.1:1",
                "HAECHI_GATEWAY__PORT": str(port),
                "HAECHI_TELEMETRY__METRICS_PORT": "-1",
                "HAECHI_TELEMETRY__LEVEL": "error",
            }
            ours = await _measure(["-m", "ingest", "gateway"], environment, port, devices, seconds)
            port = _free_port()
            naive = await _measure(
                ["-m", "benchmarks.gateway_naive", urls["kafka"], str(port)], environment, port, devices, seconds
            )
            by_mqtt = 0.0
            if gateway_mqtt.installed():
                ports = (_free_port(), _free_port())
                by_mqtt = await gateway_mqtt.accepted_per_cpu_second(
                    Path(folder), environment, ports, devices, messages
                )
    rate, naive_rate = ours.per_cpu_second, naive.per_cpu_second
    return Result(
        "gateway",
        round(rate),
        "positions accepted per CPU-second",
        (Peer("FastAPI with pydantic, one message a request", round(naive_rate), round(rate / naive_rate, 2)),),
        {
            "accepted": len(ours.latencies),
            "per_second": round(len(ours.latencies) / seconds),
            "connections": CONNECTIONS,
            "latency_ms": ours.percentiles(),
            "naive_latency_ms": naive.percentiles(),
            "mqtt_per_cpu_second": round(by_mqtt),
            "load_average": round(os.getloadavg()[0], 1),
        },
    )


class Measured:
    """How long each accepted request took, and the server's CPU time meanwhile."""

    def __init__(self, latencies: Sequence[float], cpu_s: float) -> None:
        self.latencies = latencies
        self.cpu_s = cpu_s

    @property
    def per_cpu_second(self) -> float:
        return len(self.latencies) / self.cpu_s

    def percentiles(self) -> dict[str, float]:
        return {f"p{q}": round(float(np.percentile(self.latencies, q)) * 1000, 1) for q in (50, 95, 99)}


async def _measure(
    arguments: Sequence[str], environment: dict[str, str], port: int, devices: Sequence[str], seconds: float
) -> Measured:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)
    try:
        await _answers(process, port)
        await _feed(port, devices, 2.0)  # warm
        server = psutil.Process(process.pid)
        before = server.cpu_times()
        latencies = await _feed(port, devices, seconds)
        after = server.cpu_times()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return Measured(latencies, after.user + after.system - before.user - before.system)


async def _feed(port: int, devices: Sequence[str], seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    each = await asyncio.gather(*(_one(port, devices[n], n, until) for n in range(CONNECTIONS)))
    return [latency for latencies in each for latency in latencies]


async def _one(port: int, device: str, number: int, until: float) -> list[float]:
    """One keep-alive connection, one report after the other, as fast as a device that is allowed 20 a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    while (began := time.monotonic()) < until:
        writer.write(
            f"GET /?id={device}&lat=37.5{number:03d}&lon=127.0{number:03d}&timestamp={time.time():.3f}&speed=1.2"
            "&bearing=30&altitude=20&accuracy=5&batt=80 HTTP/1.1\r\nHost: gateway\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        latencies.append(time.monotonic() - began)
    writer.close()
    return latencies


async def _with_district(url: str) -> None:
    await migrate(url)
    pool = await open_pool(url)
    try:
        await ensure_district(pool, DISTRICT, "Haneul", sample=True)
    finally:
        await pool.close()


async def _answers(process: Process, port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if process.returncode is not None:
                raise RuntimeError("the server ended before it answered")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await asyncio.sleep(2)  # the registry is loaded in the background
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
