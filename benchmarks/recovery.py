"""kill -9 of `analytics.positions` with the state of 5,000 devices, an immediate restart, and its first event after it.

The time runs from the kill to the first batch applied by the new process: its start and imports, the group's rebalance,
the state's recovery. Positions keep coming all the while.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.positions_people import stream
from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.people import PositionBatch
from haechi.embedded import EmbeddedServers
from haechi.sealing import create_key
from haechi.streaming import Producer, Record, connect
from haechi.streaming.admin import Changelog, ensure_topics

LIMIT_S = 5.0
PEOPLE = 5_000


def run(options: Options) -> Result:
    """Five kills, two when quick; the median, against the limit that the project sets itself."""
    taken = asyncio.run(_run(2 if options.quick else 5))
    value = round(statistics.median(taken), 2)
    limit = Peer("limit", LIMIT_S, round(LIMIT_S / value, 2))
    return Result("recovery", value, "s", (limit,), {"all": [round(one, 2) for one in taken]})


async def _run(rounds: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        async with EmbeddedServers(Path(folder), only=["kafka"]) as servers:
            url = servers.urls["kafka"]
            connection = connect(KafkaSettings(url=url, prefix="r."))
            wanted = [topics.POSITIONS, topics.ALERTS_URGENT, topics.DEAD_LETTERS]
            await ensure_topics(connection, wanted, [Changelog("analytics.positions", topics.POSITIONS)])
            producer = Producer(connection, "bench")
            feeding = asyncio.create_task(_feed(producer))
            try:
                key = create_key()
                return [await _round(url, key) for _ in range(rounds)]
            finally:
                feeding.cancel()
                await producer.stop()


async def _feed(producer: Producer) -> None:
    """A batch each 20 ms, over all partitions, for ever: the walks again and again."""
    while True:
        for partition, message in stream(0, 10 * PEOPLE, 100, PEOPLE):
            if isinstance(message, PositionBatch):
                await producer.send(Record(topics.POSITIONS.name, wire.POSITIONS.encode(message), partition=partition))
                await asyncio.sleep(0.02)


async def _round(url: str, key: str) -> float:
    """Run until its state has been checkpointed, kill, start again, wait for the first batch."""
    first = await _start(url, key)
    await _line(first)
    await asyncio.sleep(6)
    began = time.monotonic()
    os.kill(first.pid, signal.SIGKILL)
    second = await _start(url, key)
    try:
        applied_at = await _line(second)
    finally:
        second.kill()
        await asyncio.gather(first.wait(), second.wait())
    return applied_at - began


async def _start(url: str, key: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.recovery_worker", url, "r.", key, stdout=subprocess.PIPE
    )


async def _line(process: asyncio.subprocess.Process) -> float:
    assert process.stdout is not None
    async with asyncio.timeout(120):
        async for line in process.stdout:
            try:
                return float(line)
            except ValueError:
                continue
    raise RuntimeError("the worker ended before it had applied anything")
