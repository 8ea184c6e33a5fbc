"""Positions through the real Kafka: the agent as it runs against a naive agent with the same decision, and Quix Streams.

All run as processes of their own on the same broker, over the reports of the same 50,000 people, and count their own CPU
time. Ours does everything that it does in a city (three zones a person with schedules, silence, batteries, ticks each
second, checkpoints); its time runs from where everybody has been heard once to the checkpoint after the last position. The
naive one is what Faust's tutorial leads to: one JSON message a position, a Table read and written for each, shapely per
event, Faust's own acknowledgement. Quix Streams has a simpler job: inside or outside of one circle a person
(`positions_quix.py` says with which settings).
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.positions_people import DEVICES, PARTITION, PEOPLE, PERSONS, reports, stream
from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick
from haechi.embedded import EmbeddedServers
from haechi.streaming import Producer, Record, connect
from haechi.streaming.admin import Changelog, ensure_topics

GATEWAY_BATCH = 62  # 5,000 a second for 100 ms over 8 partitions
# Positions by the size of a batch; the first 50,000 only make everybody known.
COUNTS = {200: 1_200_000, GATEWAY_BATCH: 500_000, 25: 300_000, 6: 200_000, 1: 150_000}
QUICK_COUNTS = {200: 350_000, 25: 150_000, 1: 80_000}
TIMEOUT_S = 300


def run(options: Options) -> Result:
    """Batches of 200, of what the gateway makes at 5,000 a second, of 25, 6 and 1; then the peers."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Result:
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        async with EmbeddedServers(Path(folder), only=["kafka"]) as servers:
            url = servers.urls["kafka"]
            rates = {}
            for size, count in (QUICK_COUNTS if options.quick else COUNTS).items():
                rates[size] = await _ours(url, size, count)
            naive = await _one_by_one(url, "naive", 4_000 if options.quick else 20_000)
            quix = await _one_by_one(url, "quix", 40_000 if options.quick else 200_000)
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {
        "batch": {str(size): round(rate) for size, rate in rates.items()},
        "devices": PEOPLE,
        "zones": 3 * PEOPLE,
        "gateway_batch": GATEWAY_BATCH,
    }
    peers = (
        Peer("a naive Faust agent with a Table, one event a message", round(naive), round(rates[200] / naive, 1)),
        Peer("Quix Streams with its state, one circle a person", round(quix), round(rates[200] / quix, 1)),
    )
    return Result("positions", round(rates[200]), "positions per CPU-second", peers, more)


async def _ours(url: str, size: int, count: int) -> float:
    prefix = f"b{size}."
    records = (
        Record(topics.POSITIONS.name, _encoded(message), partition=partition)
        for partition, message in stream(PEOPLE, count, size)
    )
    wanted = [topics.POSITIONS, topics.ALERTS, topics.ALERTS_URGENT, topics.DEAD_LETTERS]
    await _feed(url, prefix, wanted, Changelog("analytics.positions", topics.POSITIONS), records)
    return await _rate("benchmarks.positions_worker", url, prefix, str(PEOPLE), str(count))


async def _one_by_one(url: str, name: str, count: int) -> float:
    of = reports(count)
    records = (
        Record(
            topics.POSITIONS.name,
            json.dumps({"device": DEVICES[who], "person": PERSONS[who], "at": at, "lon": lon, "lat": lat}).encode(),
            key=PERSONS[who].encode(),
            partition=int(PARTITION[who]),
        )
        for who, at, lon, lat in zip(of.who.tolist(), of.at.tolist(), of.lon.tolist(), of.lat.tolist(), strict=True)
    )
    await _feed(url, f"{name}.", [topics.POSITIONS], Changelog(name, topics.POSITIONS, table="inside"), records)
    return await _rate(f"benchmarks.positions_{name}", url, f"{name}.", str(count))


async def _feed(
    url: str, prefix: str, wanted: list[topics.Topic], changelog: Changelog, records: Iterator[Record]
) -> None:
    connection = connect(KafkaSettings(url=url, prefix=prefix))
    await ensure_topics(connection, wanted, [changelog])
    producer = Producer(connection, "bench", timeout_s=60)
    waiting: list[Record] = []
    for record in records:
        waiting.append(record)
        if len(waiting) == 200:
            await producer.send(*waiting)
            waiting.clear()
    await producer.send(*waiting)
    await producer.stop()


def _encoded(message: PositionBatch | Tick) -> bytes:
    return wire.TICK.encode(message) if isinstance(message, Tick) else wire.POSITIONS.encode(message)


async def _rate(module: str, url: str, *arguments: str) -> float:
    """Run a worker until it has seen all; it answers how many it measured, and its CPU seconds for them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, url, *arguments, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            async for line in process.stdout:
                if line.startswith(b"{"):
                    measured = msgspec.json.decode(line, type=dict[str, float])
                    return measured["positions"] / measured["cpu_s"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    raise RuntimeError(f"{module} ended before it had seen all positions")
