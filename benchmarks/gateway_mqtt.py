"""The MQTT half of `benchmarks.gateway`: what `ingest.mqtt` accepts per CPU-second from a persistent Mosquitto.

QoS 1 on both sides; accepted means that Kafka has it, after which the door acknowledges to the broker by hand.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

_SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
_ACCEPTED = re.compile(r'haechi_ingest_accepted_total\{kind="position"\} (\S+)')
_PATIENCE_S = 600


def installed() -> str | None:
    """The path of Mosquitto, if this machine has it."""
    return shutil.which("mosquitto", path=_SBIN)


async def accepted_per_cpu_second(
    folder: Path, environment: dict[str, str], ports: tuple[int, int], devices: Sequence[str], messages: int
) -> float:
    """Over so many positions. `ports` are those of the broker and of the process's metrics, both free."""
    broker_port, metrics_port = ports
    more = {
        "HAECHI_MQTT__URL": f"mqtt://127.0.0.1:{broker_port}",
        "HAECHI_TELEMETRY__METRICS_PORT": str(metrics_port),
    }
    async with _running(str(installed()), "-c", str(_configuration(folder, broker_port))):
        await _listens(broker_port)
        async with _running(sys.executable, "-m", "ingest", "mqtt", environment=environment | more) as door:
            client = Client(CallbackAPIVersion.VERSION2)
            client.max_inflight_messages_set(1000)
            client.connect("127.0.0.1", broker_port)
            client.loop_start()
            try:
                while await _accepted(metrics_port) < len(devices):  # until it has subscribed, nothing is kept for it
                    _publish(client, devices, len(devices))
                    await asyncio.sleep(1)
                before_count = await _settled(metrics_port)
                server = psutil.Process(door.pid)
                before = server.cpu_times()
                await asyncio.to_thread(_publish, client, devices, messages)
                await _reaches(metrics_port, before_count + messages)
                after = server.cpu_times()
            finally:
                client.disconnect()
                client.loop_stop()
    return messages / (after.user + after.system - before.user - before.system)


def _publish(client: Client, devices: Sequence[str], count: int) -> None:
    """Returns when the broker has all of them."""
    now = time.time()
    said = []
    for n in range(count):
        fix = {
            "_type": "location",
            "lat": 37.5,
            "lon": 127.0,
            "tst": int(now),
            "acc": 5,
            "vel": 4,
            "batt": 80,
            "t": "p",
        }
        said.append(client.publish(f"owntracks/{devices[n % len(devices)]}/phone", json.dumps(fix), qos=1))
    for one in said:
        one.wait_for_publish(_PATIENCE_S)


async def _accepted(port: int) -> float:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            found = _ACCEPTED.search(await answer.text())
            return float(found[1]) if found else 0.0
    return 0.0


async def _reaches(port: int, count: float) -> None:
    until = time.monotonic() + _PATIENCE_S
    while await _accepted(port) < count:
        if time.monotonic() > until:
            raise RuntimeError(f"{await _accepted(port):.0f} of {count:.0f} positions were accepted")
        await asyncio.sleep(0.1)


async def _settled(port: int) -> float:
    """The count when nothing of the warming up is under way any more."""
    count = -1.0
    while count != (now := await _accepted(port)):
        count = now
        await asyncio.sleep(1)
    return count


def _configuration(folder: Path, port: int) -> Path:
    """Mosquitto as docs/connect-a-phone.md recommends it, but on loopback and open."""
    (folder / "mosquitto").mkdir()
    file = folder / "mosquitto.conf"
    file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/mosquitto/\n"
        "max_queued_messages 0\nmax_inflight_messages 500\n" + ("user root\n" if os.geteuid() == 0 else "")
    )
    return file


async def _listens(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@asynccontextmanager
async def _running(*command: str, environment: dict[str, str] | None = None) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
