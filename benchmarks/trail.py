"""Positions into the trail, on the real PostgreSQL: COPY as `analytics.archive` does it, against INSERTs of the same rows.

Both put the same walks of 5,000 people into the same table with its days and its key, and give way to what is there
already. Counted is CPU time of this process and of PostgreSQL together, commits included.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil

from benchmarks.result import Options, Peer, Result
from haechi.domain.people import PositionBatch
from haechi.domain.time import instant_of, micros_of
from haechi.embedded import EmbeddedServers
from haechi.ids import device_mark, new_id, shard_of
from haechi.store.districts import ensure_district
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.trail import Trail

PEOPLE = 5_000
A_BATCH = 62  # what the gateway makes of 5,000 positions a second
TOGETHER = 100  # batches in one transaction
AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
_INSERT = (
    "INSERT INTO trail (person, at, device, received_at, lon, lat, accuracy_m) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT DO NOTHING"
)
_CONSENT = '{"given_by": "x", "given_at": "2020-01-01T00:00:00Z", "scopes": ["position"]}'


def batches(people: list[str], count: int, first: datetime) -> list[PositionBatch]:
    """So many positions, ten seconds between two of a person."""
    random = np.random.default_rng(3)
    devices = [f"device-{n}" for n in range(len(people))]
    made = []
    for start in range(0, count, A_BATCH):
        rows = np.arange(start, min(start + A_BATCH, count))
        who = rows % len(people)
        at = micros_of(first) + rows // len(people) * 10_000_000
        unknown = np.full(len(rows), np.nan, np.float32)
        index = np.arange(len(rows), dtype=np.int32)
        names = tuple(people[n] for n in who)
        made.append(
            PositionBatch(
                devices=tuple(devices[n] for n in who),
                persons=names,
                device=index,
                person=index,
                shard=np.array([shard_of(name) for name in names], np.uint8),
                at=at,
                received=at + 500_000,
                lon=126.92 + random.normal(0, 0.01, len(rows)),
                lat=37.61 + random.normal(0, 0.01, len(rows)),
                accuracy=np.full(len(rows), 8, np.float32),
                speed=unknown,
                course=unknown,
                battery=unknown,
            )
        )
    return made


def run(options: Options) -> Result:
    """Rows per CPU-second, by COPY; again by COPY when all is there already; by INSERT."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> Result:
    count = 60_000 if options.quick else 400_000
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        async with EmbeddedServers(Path(folder), only=["postgres"]) as servers:
            url = servers.urls["postgres"]
            await migrate(url)
            pool = await open_pool(url, size=1)
            people = await _people(pool)
            meter = _Meter()
            trail = Trail(pool, 30, lambda: AT)
            copied, inserted = batches(people, count, AT), batches(people, count // 4, AT - timedelta(days=2))
            rate = count / await meter.cpu_s(lambda: _copy(trail, copied))
            again = count / await meter.cpu_s(lambda: _copy(trail, copied))
            naive = count // 4 / await meter.cpu_s(lambda: _insert(pool, inserted))
            kept = await pool.fetchval("SELECT count(*) FROM trail")
            await pool.close()
    if kept != count + count // 4:
        raise RuntimeError(f"{kept} rows are in the trail instead of {count + count // 4}")
    peer = Peer("INSERT … ON CONFLICT DO NOTHING, executemany", round(naive), round(rate / naive, 1))
    return Result("trail", round(rate), "positions per CPU-second", (peer,), {"rows": count, "replayed": round(again)})


async def _people(pool: Pool) -> list[str]:
    await ensure_district(pool, "haneul", "Haneul")
    ids = [new_id() for _ in range(PEOPLE)]
    await pool.execute(
        "INSERT INTO people (id, district, name, born, kind, consent) "
        "SELECT id::uuid, 'haneul', 'x', '2015-01-01', 'child', $2::jsonb FROM unnest($1::text[]) AS id",
        ids,
        _CONSENT,
    )
    return ids


async def _copy(trail: Trail, made: list[PositionBatch]) -> None:
    for start in range(0, len(made), TOGETHER):
        await trail.keep(made[start : start + TOGETHER])


async def _insert(pool: Pool, made: list[PositionBatch]) -> None:
    """The days were made before: what is compared is how rows get in."""
    await Trail(pool, 30, lambda: AT).keep(made[:1])
    for start in range(0, len(made), TOGETHER):
        rows = [
            (person, instant_of(at), device_mark(device), instant_of(received), lon, lat, accuracy)
            for batch in made[start : start + TOGETHER]
            for person, device, at, received, lon, lat, accuracy in zip(
                batch.persons,
                batch.devices,
                batch.at.tolist(),
                batch.received.tolist(),
                batch.lon.tolist(),
                batch.lat.tolist(),
                batch.accuracy.tolist(),
                strict=True,
            )
        ]
        async with pool.acquire() as connection, connection.transaction():
            await connection.executemany(_INSERT, rows)


class _Meter:
    """CPU time of this process and of everything that it has started."""

    def __init__(self) -> None:
        self._own = psutil.Process(os.getpid())

    async def cpu_s(self, work: Callable[[], Awaitable[None]]) -> float:
        """Of the work."""
        before = self._spent()
        await work()
        return self._spent() - before

    def _spent(self) -> float:
        spent = 0.0
        for process in (self._own, *self._own.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:  # a helper that has ended meanwhile
                continue
            spent += times.user + times.system
        return spent
