"""The sender killed with -9 at every place, and PostgreSQL gone: nothing missing, at most one duplicate, one incident."""

import asyncio
from pathlib import Path

import aiohttp.web
import pytest

from haechi.domain import wire
from haechi.store.outbox import Inbox
from tests.alerts.receivers import Receivers, status, until
from tests.alerts.town import EVERYONE, Town
from tests.cut import wire_to
from tests.faults.processes import started

pytestmark = pytest.mark.faults

PLACES = (
    "alerts.before_commit",
    "incidents.before_commit",
    "alerts.after_commit",
    "inbox.before_done",
    "sender.after_lease",
    "sender.before_post",
    "sender.after_post",
    "sender.after_status",
)


@pytest.fixture
def environment(settings: dict[str, str]) -> dict[str, str]:
    return settings | {"HAECHI_ALERTS__CALLBACKS_PORT": "8099"}


async def press(town: Town) -> None:
    await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call()))


async def all_delivered(town: Town) -> bool:
    states = await town.states()
    return set(states) == set(EVERYONE) and set(states.values()) == {"delivered"}


async def balanced(town: Town, receivers: Receivers, *, most: int = 2) -> None:
    """The ledger: one incident, one row per recipient, at least one and at most `most` posts under one id."""
    assert len(await town.open_incidents()) == 1
    rows = await town.pool.fetch("SELECT id, recipient::json->>'name' AS name FROM deliveries")
    assert sorted(row["name"] for row in rows) == sorted(EVERYONE)
    for row in rows:
        ids = receivers.ids(row["name"])
        assert set(ids) == {row["id"]}
        assert 1 <= len(ids) <= most
    assert set(receivers.posts) == set(EVERYONE)
    assert not await Inbox(town.pool).open(10)


@pytest.mark.parametrize("place", PLACES)
async def test_killed_anywhere_between_the_press_and_the_status_nothing_is_missing(
    place: str, town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    await press(town)
    async with started("alerts", "sender", tmp_path, environment, f"{place}=kill@1") as dying:
        await dying.died_at(place)
    async with started("alerts", "sender", tmp_path, environment):
        await until(lambda: all_delivered(town), 60)
        await balanced(town, receivers)


async def test_killed_between_the_posts_of_one_incident_each_recipient_gets_it(
    town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    await press(town)
    async with started("alerts", "sender", tmp_path, environment, "sender.after_post=kill@3") as dying:
        await dying.died_at("sender.after_post")
    async with started("alerts", "sender", tmp_path, environment):
        await until(lambda: all_delivered(town), 60)
        await balanced(town, receivers)


async def test_killed_again_and_again_while_an_endpoint_fails_the_id_stays(
    town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    receivers.answers["mother"] = [status(500), status(500), status(204)]
    await press(town)
    for _ in range(2):
        async with started("alerts", "sender", tmp_path, environment, "sender.after_status=kill@1") as dying:
            await dying.died_at("sender.after_status")
    async with started("alerts", "sender", tmp_path, environment):
        await until(lambda: all_delivered(town), 60)
        await balanced(town, receivers, most=5)


async def test_postgresql_gone_while_the_posts_are_on_the_way(
    town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    gate = asyncio.Event()

    async def held(_: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        await gate.wait()
        return aiohttp.web.Response(status=204)

    for name in EVERYONE:
        receivers.answers[name] = [held]
    async with wire_to(environment["HAECHI_POSTGRES__URL"]) as (url, postgres):
        through = environment | {"HAECHI_POSTGRES__URL": url}
        async with started("alerts", "sender", tmp_path, through) as sender:
            await press(town)
            await until(lambda: set(receivers.posts) == set(EVERYONE), 60)
            postgres.cut()
            gate.set()
            await asyncio.sleep(2)
            assert not await all_delivered(town)
            postgres.mend()
            await until(lambda: all_delivered(town), 60)
            await balanced(town, receivers)
            assert sender.process.returncode is None


async def test_an_sos_pressed_while_the_sender_cannot_reach_postgresql_arrives_when_it_can(
    town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    async with wire_to(environment["HAECHI_POSTGRES__URL"]) as (url, postgres):
        through = environment | {"HAECHI_POSTGRES__URL": url}
        async with started("alerts", "sender", tmp_path, through) as first:
            copy = tmp_path / "data" / "state" / "alerts.sender" / "recipients"
            await until(copy.exists, 60)
            await first.kill()
        postgres.cut()
        async with started("alerts", "sender", tmp_path, through) as sender:
            await asyncio.sleep(2)
            await press(town)
            await asyncio.sleep(1)
            assert sender.process.returncode is None
            assert not receivers.posts
            postgres.mend()
            await until(lambda: all_delivered(town), 60)
            await balanced(town, receivers, most=1)


async def test_a_redis_that_is_away_holds_up_no_dispatch(
    town: Town, receivers: Receivers, environment: dict[str, str], tmp_path: Path
) -> None:
    async with wire_to(environment["HAECHI_REDIS__URL"]) as (url, redis):
        redis.cut()
        async with started("alerts", "sender", tmp_path, environment | {"HAECHI_REDIS__URL": url}):
            await press(town)
            await until(lambda: all_delivered(town), 60)
            await balanced(town, receivers, most=1)
