import math
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from haechi.domain.geo import Point
from haechi.domain.people import Position
from haechi.domain.time import micros_of
from haechi.domain.video import CameraState
from haechi.errors import ConfigError, TransientError
from haechi.store.live import LastFix, Live, Thumbnail
from tests.haechi.store.conftest import AT


def fix(second: int, *, received: int | None = None, speed: float = math.nan) -> LastFix:
    at, got = (micros_of(AT + timedelta(seconds=s)) for s in (second, second if received is None else received))
    return LastFix("k3jf9a2kwmdkfjs", at, got, 126.98, 37.57, 5.0, speed, math.nan, math.nan)


async def test_a_heartbeat_lives_as_long_as_it_was_told(live: Live) -> None:
    await live.beat("vision", "a:1", {"pid": "1"}, 30)
    await live.beat("ingest.gateway", "a:2", {"pid": "2"}, 30)
    assert await live.heartbeats() == {"vision": [{"pid": "1"}], "ingest.gateway": [{"pid": "2"}]}


async def test_two_processes_of_one_name_do_not_hide_each_other(live: Live) -> None:
    await live.beat("ingest.gateway", "a:2", {"pid": "2"}, 30)
    await live.beat("ingest.gateway", "b:2", {"pid": "2", "host": "b"}, 30)
    assert await live.heartbeats() == {"ingest.gateway": [{"pid": "2"}, {"pid": "2", "host": "b"}]}


async def test_last_positions_are_found_by_person(live: Live, redis_url: str) -> None:
    await live.put_positions({"p1": fix(0)})
    await live.put_positions({"p1": fix(0, speed=1.0)})
    there = Position("k3jf9a…", "p1", AT, AT, Point(126.98, 37.57), accuracy_m=5, speed=1.0)
    assert await live.positions(["p1", "p2"]) == {"p1": there}
    assert await live.positions([]) == {}
    async with Redis.from_url(redis_url) as client:
        assert b"k3jf9a2kwm" not in await client.get("fix:p1"), "the whole id is a credential"


async def test_a_late_fix_takes_nobody_back(live: Live) -> None:
    await live.put_positions({"p1": fix(60)})
    await live.put_positions({"p1": fix(30), "p2": fix(30)})
    found = await live.positions(["p1", "p2"])
    assert (found["p1"].at, found["p2"].at) == (AT + timedelta(seconds=60), AT + timedelta(seconds=30))


async def test_a_device_whose_clock_is_ahead_does_not_hide_what_follows(live: Live) -> None:
    await live.put_positions({"p1": fix(86_400 * 365, received=10)})
    await live.put_positions({"p1": fix(20)})
    assert (await live.positions(["p1"]))["p1"].at == AT + timedelta(seconds=20)


async def test_a_position_that_is_forgotten_is_gone(live: Live) -> None:
    await live.put_positions({"p1": fix(0)})
    await live.forget_positions(["p1"])
    assert await live.positions(["p1"]) == {}


async def test_the_state_of_a_camera_is_the_last_that_was_told(live: Live) -> None:
    await live.put_camera_state(CameraState("c1", AT, "live"))
    await live.put_camera_state(CameraState("c1", AT, "stalled", "no picture for 5 s"))
    assert await live.camera_states() == {"c1": CameraState("c1", AT, "stalled", "no picture for 5 s")}


async def test_a_thumbnail_carries_the_time_of_its_picture(live: Live) -> None:
    await live.put_thumbnail("c1", b"\xff\xd8", AT)
    assert await live.thumbnail("c1") == Thumbnail(b"\xff\xd8", AT)
    assert await live.thumbnail("c2") is None


async def test_every_key_has_an_end_and_a_row_in_the_documentation(live: Live, redis_url: str) -> None:
    await live.beat("vision", "a:1", {}, 30)
    await live.put_positions({"p1": fix(0)})
    await live.put_camera_state(CameraState("c1", AT, "live"))
    await live.put_camera_state(CameraState("c1", AT, "no model"))
    await live.put_thumbnail("c1", b"", AT)
    documented = (Path(__file__).parents[3] / "docs" / "redis.md").read_text()
    async with Redis.from_url(redis_url) as client:
        keys = await client.keys()
        assert len(keys) == 5
        assert all(f"\n| `{key.decode().partition(':')[0]}:" in documented for key in keys)
        assert all([await client.ttl(key) > 0 for key in keys])


async def test_a_redis_that_is_away_is_transient(unused_tcp_port: int) -> None:
    away = Live(f"redis://127.0.0.1:{unused_tcp_port}/0")
    with pytest.raises(TransientError, match="Redis is away"):
        await away.heartbeats()
    await away.close()


def test_an_url_that_is_none_names_the_key() -> None:
    with pytest.raises(ConfigError, match="HAECHI_REDIS__URL"):
        Live("http://x")
