"""A consent is withdrawn, or a guardian barred, while everything runs: when does the last process hear of it?

From the API's answer to the first moment at which nothing is processed, kept or told any more, in milliseconds. Every
`EVERY_S` it is looked whether that is so, and for `WATCH_S` after the answer, so that nothing comes back unseen.

Of a withdrawal: `door`, the gateway refuses the person's positions; `live`, their last position is gone from Redis;
`rules`, what `analytics.positions` had told of them is taken back, because it has forgotten them. Of a bar: `message`, the
attempt that the sender has in hand (the guardian's endpoint takes it and never answers) is broken off; `page`, the link that
they were sent shows nothing.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

import aiohttp
import msgspec
import numpy as np
from aiohttp import web

from benchmarks.result import Options, Peer, Result
from benchmarks.whole_centre import centre_at_work
from haechi.errors import HaechiError
from haechi.store.live import Live
from haechi.store.postgres import Pool, open_pool
from haechi.supervisor import Supervisor
from sample_feeds.centre import Centre

LIMIT_MS = 2000.0
TIMES, QUICK = 40, 8
APART_S = 0.37  # from one to the next: no multiple of anybody's period
EVERY_S = 0.02
WATCH_S = 3.0
SETTLE_S = 5.0  # until every process knows whom the benchmark registered
PATIENCE_S = 60.0
PLACE = {"lat": "37.6186", "lon": "126.9227", "accuracy": "8"}
ELDER = {"born": "1940-01-01", "kind": "elder"}
OPEN = "SELECT 1 FROM incidents WHERE subject = $1 AND kind = 'battery-low' AND body->>'ends_at' IS NULL"

Seen = Callable[[], Awaitable[bool]]


class _Message(msgspec.Struct):
    link: str


class _Receiver:
    """Guardians who take a message and never answer, at an address each: their endpoints share nothing. And agencies."""

    def __init__(self) -> None:
        self.links: dict[str, str] = {}  # by the guardian's host
        self.telling: set[str] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, guardians: int) -> Sequence[str]:
        """Their addresses; the last one is the agencies'."""
        app = web.Application()
        app.router.add_post("/guardian", self._guardian)
        app.router.add_post("/agency", self._agency)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        port = 0
        for number in range(guardians + 1):
            await web.TCPSite(self._runner, f"127.0.1.{number + 1}", port).start()
            port = int(self._runner.addresses[0][1])
        return [f"http://127.0.1.{number + 1}:{port}" for number in range(guardians + 1)]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _guardian(self, request: web.Request) -> web.Response:
        self.links[request.host] = msgspec.json.decode(await request.read(), type=_Message).link
        self.telling.add(request.host)
        try:
            await asyncio.Event().wait()
        finally:
            self.telling.discard(request.host)
        raise AssertionError

    async def _agency(self, _: web.Request) -> web.Response:
        return web.Response(status=204)


class _Someone(msgspec.Struct, frozen=True):
    person: str
    device: str
    guardian: str
    host: str  # of the guardian


class _Watching:
    """The ways in which it is seen that somebody's positions are processed, or that a guardian is told."""

    def __init__(
        self, supervisor: Supervisor, centre: Centre, session: aiohttp.ClientSession, pool: Pool, receiver: _Receiver
    ) -> None:
        redis = supervisor.settings.redis.url
        assert redis is not None
        self._gateway = supervisor.addresses["gateway"]
        self._live = Live(redis.get_secret_value())
        self._centre, self._session, self._pool, self._receiver = centre, session, pool, receiver

    async def withdrawal(self, one: _Someone) -> Mapping[str, float]:
        """Milliseconds of each way."""

        async def door() -> bool:
            return await self._report(one, batt="5")

        async def live() -> bool:
            return bool(await self._live.positions([one.person]))

        async def rules() -> bool:
            return bool(await self._pool.fetchval(OPEN, one.person))

        await door()
        await _until(live)
        await _until(rules)
        path, body = f"people/{one.person}/consents/withdraw", {"decided_by": "themselves"}
        return await self._after(path, body, {"door": door, "live": live, "rules": rules})

    async def bar(self, one: _Someone) -> Mapping[str, float]:
        """The same of a guardian."""

        async def message() -> bool:
            return one.host in self._receiver.telling

        async def page() -> bool:
            async with self._session.get(self._receiver.links[one.host]) as answer:
                return answer.status == 200

        await self._report(one, alarm="sos")
        await _until(message)
        await _until(page)
        path, body = f"people/{one.person}/bars", {"guardian_id": one.guardian, "reason": "order of the court"}
        return await self._after(path, body, {"message": message, "page": page})

    async def _after(self, path: str, body: Mapping[str, str], ways: Mapping[str, Seen]) -> Mapping[str, float]:
        over = asyncio.Event()
        looking = {name: asyncio.create_task(_first_unseen(seen, over)) for name, seen in ways.items()}
        await self._centre.say(path, dict(body))
        answered = time.monotonic()
        await asyncio.sleep(WATCH_S)
        over.set()
        return {name: max(0.0, await looked - answered) * 1000 for name, looked in looking.items()}

    async def _report(self, one: _Someone, **fields: str) -> bool:
        """Whether the gateway took it; it may refuse for want of a consent, and for nothing else."""
        query = PLACE | {"id": one.device, "timestamp": str(time.time_ns() // 1_000_000)} | fields
        async with self._session.post(self._gateway, params=query) as answer:
            said = await answer.text()
            if answer.status != 200:
                raise HaechiError(f"The gateway answered with {answer.status}: {said}")
            return not said  # else it says that no consent covers it


def run(options: Options) -> Result:
    """The slowest of all in milliseconds, against the limit that the project sets itself for each."""
    return asyncio.run(_run(QUICK if options.quick else TIMES))


async def _run(count: int) -> Result:
    receiver = _Receiver()
    addresses = await receiver.start(count)
    try:
        async with centre_at_work(["127.0.0.0/8"]) as supervisor:
            times = await _measure(supervisor, receiver, addresses)
    finally:
        await receiver.close()
    figures = {way: _figures(found) for way, found in times.items()}
    slowest = max(found["slowest"] for found in figures.values())
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {
        **figures,
        "times": count,
        "load_average": round(os.getloadavg()[0], 1),
    }
    limit = Peer("limit", LIMIT_MS, round(LIMIT_MS / slowest, 2))
    return Result("withdrawal", slowest, "ms", (limit,), more)


async def _measure(
    supervisor: Supervisor, receiver: _Receiver, addresses: Sequence[str]
) -> Mapping[str, Sequence[float]]:
    token = await supervisor.token("benchmark", "administrator")
    pool = await open_pool(supervisor.settings.postgres)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            centre = Centre(supervisor.addresses["wall"], token, session)
            people = await _seeded(centre, addresses)
            await asyncio.sleep(SETTLE_S)
            watching = _Watching(supervisor, centre, session, pool, receiver)
            barred = await _apart(watching.bar, people)
            return barred | await _apart(watching.withdrawal, people)
    finally:
        await pool.close()


async def _seeded(centre: Centre, addresses: Sequence[str]) -> list[_Someone]:
    """A person with a device and a guardian for each address; the last one is the agencies'."""
    *guardians, agency = addresses
    for role in ("police", "fire", "desk"):
        await centre.add("agencies", {"name": role, "role": role, "webhook_url": f"{agency}/agency"})
    people = []
    for address in guardians:
        guardian = await centre.add("guardians", {"name": "a guardian", "webhook_url": f"{address}/guardian"})
        now = datetime.now(UTC).isoformat()
        consent = {"given_by": "themselves", "given_at": now, "scopes": ["position", "sos"]}
        body = {"name": "somebody", **ELDER, "guardian_ids": [guardian["id"]], "consent": consent}
        person = await centre.add("people", body)
        device = await centre.add("devices", {"person_id": person["id"], "kind": "watch"})
        people.append(_Someone(person["id"], device["id"], guardian["id"], address.removeprefix("http://")))
    return people


async def _apart(
    of: Callable[[_Someone], Awaitable[Mapping[str, float]]], people: Sequence[_Someone]
) -> dict[str, list[float]]:
    """Of each, one beginning after the other; milliseconds by way."""

    async def one(number: int, person: _Someone) -> Mapping[str, float]:
        await asyncio.sleep(number * APART_S)
        return await of(person)

    found = await asyncio.gather(*(one(number, person) for number, person in enumerate(people)))
    return {way: [times[way] for times in found] for way in found[0]}


async def _first_unseen(seen: Seen, over: asyncio.Event) -> float:
    """Monotonic seconds of the first look after which it was never seen again; of the last look, if it still is."""
    gone: float | None = None
    while not over.is_set():
        still = await seen()
        gone = None if still else gone or time.monotonic()
        await asyncio.sleep(EVERY_S)
    return gone or time.monotonic()


async def _until(seen: Seen) -> None:
    for _ in range(round(PATIENCE_S / EVERY_S)):
        if await seen():
            return
        await asyncio.sleep(EVERY_S)
    raise HaechiError("What should end has not begun after a minute: nothing was processed, or the guardian not told.")


def _figures(times: Sequence[float]) -> dict[str, float]:
    p50, p95 = (round(float(v), 1) for v in np.percentile(times, (50, 95)))
    return {"p50": p50, "p95": p95, "slowest": round(max(times), 1)}
