"""Phones and desks of these tests: a real HTTP server that keeps what came, and answers as it is told."""

import asyncio
import inspect
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Post:
    """One request as it came; `at` is monotonic seconds."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass
class Receivers:
    """Each path is a recipient of its own. `answers[name]` are given in turn, the last for ever; default 204."""

    port: int = 0
    posts: dict[str, list[Post]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def ids(self, name: str) -> list[str]:
        return [post.id for post in self.posts[name]]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.posts[name].append(Post(headers, await request.read(), time.monotonic()))
        answers = self.answers.get(name)
        if not answers:
            return web.Response(status=204)
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.Response(status=code, body=body, headers=told)

    return answer


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(600)
    raise AssertionError


@asynccontextmanager
async def receiving() -> AsyncIterator[Receivers]:
    """Receivers on a port of their own."""
    receivers = Receivers()
    app = web.Application()
    app.router.add_post("/{name}", receivers.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receivers.port = runner.addresses[0][1]
    try:
        yield receivers
    finally:
        await runner.cleanup()


async def until(true: Callable[[], object | Awaitable[object]], seconds: float = 60) -> None:
    """Wait for it, plain or awaited; fails by a generous limit."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.02)
