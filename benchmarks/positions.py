"""Positions through the real Kafka: the safe-zone agent against a naive agent with the same logic, event by event.

Both run as processes of their own on the same broker, over the same walks of the same people with one zone each, and
count their own CPU time from their first message to their last. The naive one is what Faust's tutorial leads to: one
JSON message a position, a Table read and written for each, shapely per event, Faust's own acknowledgement.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.geo import Circle, LocalPlane, Point
from haechi.domain.people import Consent, Device, PositionBatch, SafeZone
from haechi.embedded import EmbeddedServers
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from haechi.streaming import Producer, Record, connect
from haechi.streaming.admin import Changelog, ensure_topics

DEVICES = 5_000
CENTRE = Point(126.9227, 37.6186)
PLANE = LocalPlane(CENTRE)
PARTITIONS = topics.PARTITIONS
EVERY_S = 10


def person(index: int) -> str:
    """The opaque id of a person of the benchmark."""
    return f"person-{index:05d}"


def zones() -> list[SafeZone]:
    """One circle of 150 m a person, spread over 20 km²."""
    random = np.random.default_rng(1)
    lon, lat = PLANE.to_degrees(*random.uniform(-2200, 2200, (2, DEVICES)))
    return [
        SafeZone(f"zone-{i:05d}", "haneul", person(i), "home", Circle(Point(float(lon[i]), float(lat[i])), 150), ())
        for i in range(DEVICES)
    ]


def entry(device: str) -> DeviceEntry:
    """What the registry says of a device: everyone has consented, so that silence and batteries are watched, too."""
    person_id = person(int(device.removeprefix("device-")))
    consent = Consent("a guardian", datetime(2026, 1, 1, tzinfo=UTC), ("position",))
    return DeviceEntry(Device(device, "haneul", person_id, "phone"), consent)


def walks(count: int) -> Iterator[tuple[int, int, float, float]]:
    """(device, second, lon, lat): everyone stays near the centre of their zone, one in a hundred walks out and back."""
    random = np.random.default_rng(2)
    homes = [zone.area for zone in zones()]
    for n in range(count):
        device, turn = n % DEVICES, n // DEVICES
        home = homes[device]
        assert isinstance(home, Circle)
        away = 300.0 if device % 100 == 0 and turn % 8 >= 4 else 0.0
        x, y = random.normal(0, 15, 2)
        lon, lat = PLANE.to_degrees(np.array([x + away]), np.array([y]))
        yield (
            device,
            turn * EVERY_S,
            home.centre.lon + float(lon[0]) - CENTRE.lon,
            home.centre.lat + float(lat[0]) - CENTRE.lat,
        )


def batches(count: int, size: int) -> Iterator[tuple[int, PositionBatch]]:
    """(partition, batch) as the edge makes them: per partition, `size` positions each."""
    waiting: dict[int, list[tuple[int, int, float, float]]] = {p: [] for p in range(PARTITIONS)}
    partition = [topics.partition_of(shard_of(person(i))) for i in range(DEVICES)]
    for row in walks(count):
        rows = waiting[partition[row[0]]]
        rows.append(row)
        if len(rows) == size:
            yield partition[row[0]], _batch(rows)
            rows.clear()
    for p, rows in waiting.items():
        if rows:
            yield p, _batch(rows)


def _batch(rows: list[tuple[int, int, float, float]]) -> PositionBatch:
    who = list(dict.fromkeys(row[0] for row in rows))
    index = np.array([who.index(row[0]) for row in rows], np.int32)
    at = np.array([row[1] for row in rows], np.int64) * 1_000_000 + 1_790_000_000_000_000
    unknown = np.full(len(rows), np.nan, np.float32)
    return PositionBatch(
        devices=tuple(f"device-{i:05d}" for i in who),
        persons=tuple(person(i) for i in who),
        device=index,
        person=index,
        shard=np.array([shard_of(person(row[0])) for row in rows], np.uint8),
        at=at,
        received=at,
        lon=np.array([row[2] for row in rows]),
        lat=np.array([row[3] for row in rows]),
        accuracy=np.full(len(rows), 8, np.float32),
        speed=unknown,
        course=unknown,
        battery=unknown,
    )


def run(options: Options) -> Result:
    """Batches of 200, then 25, 6, 1 and what the gateway makes at 5,000 a second; the naive peer on the same walks."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Result:
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        data = Path(folder)
        async with EmbeddedServers(data, only=["kafka"]) as servers:
            urls = servers.urls
            # 5,000/s for 100 ms over 8 partitions is 62 positions a batch.
            counts = {200: 400_000, 62: 150_000, 25: 80_000, 6: 30_000, 1: 8_000}
            if options.quick:
                counts = {200: 100_000, 25: 20_000, 1: 3_000}
            rates = {}
            for size, count in counts.items():
                rates[size] = await _ours(urls, size, count)
            naive = await _naive(urls, 3_000 if options.quick else 10_000)
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {
        "batch": {str(size): round(rate) for size, rate in rates.items()},
        "devices": DEVICES,
        "gateway_batch": 62,
    }
    peer = Peer("a naive Faust agent with a Table, one event a message", round(naive), round(rates[200] / naive, 1))
    return Result("positions", round(rates[200]), "positions per CPU-second", (peer,), more)


async def _ours(urls: dict[str, str], size: int, count: int) -> float:
    settings = KafkaSettings(url=urls["kafka"], prefix=f"b{size}.")
    connection = connect(settings)
    await ensure_topics(
        connection,
        [topics.POSITIONS, topics.ALERTS_URGENT, topics.DEAD_LETTERS],
        [Changelog("analytics.positions", topics.POSITIONS)],
    )
    producer = Producer(connection, "bench")
    records = [
        Record(topics.POSITIONS.name, wire.POSITIONS.encode(batch), partition=p) for p, batch in batches(count, size)
    ]
    for start in range(0, len(records), 1000):
        await producer.send(*records[start : start + 1000])
    await producer.stop()
    return await _rate("benchmarks.positions_worker", settings.url, f"b{size}.", count)


async def _naive(urls: dict[str, str], count: int) -> float:
    settings = KafkaSettings(url=urls["kafka"], prefix="naive.")
    connection = connect(settings)
    await ensure_topics(connection, [topics.POSITIONS], [Changelog("naive", topics.POSITIONS, table="inside")])
    producer = Producer(connection, "bench")
    records = [
        Record(
            topics.POSITIONS.name,
            json.dumps({"device": f"device-{d:05d}", "person": person(d), "at": t, "lon": x, "lat": y}).encode(),
            key=person(d).encode(),
            partition=topics.partition_of(shard_of(person(d))),
        )
        for d, t, x, y in walks(count)
    ]
    for start in range(0, len(records), 1000):
        await producer.send(*records[start : start + 1000])
    await producer.stop()
    return await _rate("benchmarks.positions_naive", settings.url, "naive.", count)


async def _rate(module: str, url: object, prefix: str, count: int) -> float:
    """Run a worker until it has seen all; it answers with its CPU seconds between first and last."""
    secret = url.get_secret_value()  # type: ignore[attr-defined]  # a SecretStr
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, secret, prefix, str(count), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(240):
            async for line in process.stdout:
                if line.startswith(b"{"):
                    return count / msgspec.json.decode(line, type=dict[str, float])["cpu_s"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    raise RuntimeError(f"{module} ended before it had seen {count} positions")
