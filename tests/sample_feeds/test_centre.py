"""The API's client against a real HTTP server that answers as the centre would on a bad day."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from sample_feeds.centre import ApiRefused, Centre


class Day:
    """Answers each request with the next status."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)

    async def answer(self, _request: web.Request) -> web.Response:
        return web.json_response({}, status=self.statuses.pop(0))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def served(day: Day) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/api/v1/{path:.*}", day.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def test_a_change_that_met_another_one_is_repeated(session: aiohttp.ClientSession) -> None:
    day = Day(503, 409, 200)
    runner, url = await served(day)
    await Centre(url, "token", session).change("safe-zones", "one", {"name": "school"})
    await runner.cleanup()
    assert day.statuses == []


async def test_a_conflict_of_anything_else_is_an_answer(session: aiohttp.ClientSession) -> None:
    day = Day(409, 200)
    runner, url = await served(day)
    with pytest.raises(ApiRefused, match="409"):
        await Centre(url, "token", session).act("one", "close", {"outcome": "over"})
    await runner.cleanup()
    assert day.statuses == [200]
