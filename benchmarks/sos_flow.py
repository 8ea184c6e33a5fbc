"""A city's devices at once: 5,000 positions a second, most in our own JSON batches, the rest one by one from a Traccar server.

A process of its own, so that the one that measures isn't slowed by it: `python -m benchmarks.sos_flow GATEWAY REPORTER`
sends until SIGTERM, as fast as it should or, where the gateway is slower, as fast as it can; then prints what got in.
"""

import asyncio
import contextlib
import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from haechi.clock import utc_now
from haechi.errors import HaechiError

PER_SECOND = 5_000
IN_BATCHES = 450
BATCHES_PER_S = 10
TRACCAR_PER_S = 500
TRACCAR_CONNECTIONS = 16
TRACKERS = 1_000
"""Each reports five times a second: a device may report twenty times."""
LAT, LON = 37.6186, 126.9227
LEAST = 0.9
"""Share of the flow that must have got in for a figure beside it to mean anything."""


@dataclass
class Sent:
    """What got in, and for how long."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0


def check(said: str) -> None:
    """Raises `HaechiError` where so little of the flow got in that it was none."""
    sent = Sent(**json.loads(said))
    rate = sent.accepted / sent.seconds
    if sent.refused or rate < LEAST * PER_SECOND:
        raise HaechiError(
            f"The flow beside the presses was {rate:.0f} positions a second, {sent.refused} refused, instead of "
            f"{PER_SECOND}: this machine is too busy for the benchmark."
        )


def serial(number: int) -> str:
    """What the Traccar server calls the n-th tracker."""
    return f"3597100{number:08d}"


async def _send(gateway: str, reporter: str) -> Sent:
    sent, ending = Sent(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    serials = itertools.cycle([serial(number) for number in range(TRACKERS)])
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {reporter}"}
    async with aiohttp.ClientSession(gateway, headers=headers, connector=aiohttp.TCPConnector(limit=64)) as session:
        senders = [asyncio.create_task(_batches(session, serials, sent))]
        senders += [asyncio.create_task(_traccar(session, serials, sent)) for _ in range(TRACCAR_CONNECTIONS)]
        until = asyncio.create_task(ending.wait())
        done, _ = await asyncio.wait({until, *senders}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done - {until}:
            await ended  # a gateway that is gone ends the flow: its error is said
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
    sent.seconds = time.monotonic() - began
    return sent


async def _batches(session: aiohttp.ClientSession, serials: Iterator[str], sent: Sent) -> None:
    due = time.monotonic()
    async with asyncio.TaskGroup() as posting:
        while True:
            at = time.time()
            positions: list[dict[str, str | float]] = [
                {"device": serial, "at": at, "lat": LAT, "lon": LON, "accuracy_m": 8, "battery": 80}
                for serial in itertools.islice(serials, IN_BATCHES)
            ]
            posting.create_task(_batch(session, positions, sent))
            due += 1 / BATCHES_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _batch(session: aiohttp.ClientSession, positions: list[dict[str, str | float]], sent: Sent) -> None:
    async with session.post("/v1/positions", json={"positions": positions}) as answer:
        body = await answer.json()
        sent.accepted += body.get("accepted", 0)
        sent.refused += len(positions) - body.get("accepted", 0)


async def _traccar(session: aiohttp.ClientSession, serials: Iterator[str], sent: Sent) -> None:
    due = time.monotonic()
    while True:
        now = utc_now().isoformat(timespec="milliseconds")
        position = {"fixTime": now, "latitude": LAT, "longitude": LON, "accuracy": 8, "valid": True, "attributes": {}}
        async with session.post(
            "/traccar/positions", json={"device": {"uniqueId": next(serials)}, "position": position}
        ) as answer:
            sent.accepted += answer.status == 200
            sent.refused += answer.status != 200
        due += TRACCAR_CONNECTIONS / TRACCAR_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    gateway, reporter = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(vars(asyncio.run(_send(gateway, reporter)))))


if __name__ == "__main__":
    main()
