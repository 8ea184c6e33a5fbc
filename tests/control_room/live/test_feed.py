import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from haechi.errors import TransientError
from tests.control_room.district import D, incident
from tests.control_room.live.test_world import NOW
from tests.control_room.stand_ins import Made, everyone_of


async def until(true, limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not true():
            await asyncio.sleep(0.01)


async def test_the_feed_starts_with_what_is_open_and_follows_what_changes() -> None:
    wall = Made()
    task = asyncio.create_task(wall.feed.run())
    seen = lambda: {i.id for i in wall.world.view(everyone_of(D), datetime.now(UTC)).incidents}
    await until(lambda: len(seen()) == 8)
    wall.store.queue.put_nowait(incident(99, "sos", "p2", "gate", "SOS pressed", 0, datetime.now(UTC)))
    await until(lambda: "i99" in seen())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_source_that_is_away_is_named_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control_room.live.feed.AGAIN_S", 0.01)
    monkeypatch.setattr("control_room.live.feed.LIVE_S", 0.01)
    monkeypatch.setattr("control_room.live.feed.AWAY_S", 0.1)
    wall, away = Made(), True
    states = wall.live.camera_states

    async def camera_states():
        if away:
            raise TransientError("Redis is away")
        return await states()

    monkeypatch.setattr(wall.live, "camera_states", camera_states)
    task = asyncio.create_task(wall.feed.run())
    await until(lambda: [a.what for a in wall.feed.away()] == ["live"])
    away = False
    await until(lambda: not wall.feed.away())
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_incidents_that_nobody_can_read_any_more_are_said_to_be_old() -> None:
    wall = Made(clock=lambda: NOW)
    wall.store.age = 12.0
    (away,) = wall.feed.away()
    assert (away.what, away.since) == ("incidents", NOW - timedelta(seconds=12))
