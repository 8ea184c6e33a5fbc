"""A guardian's whole story: registered and consented by the API, a zone, out of it, a text, "I am on it", back, closed,
and who looked. PostgreSQL, Redis, the phone and everything of ours are real; positions are fed without Kafka, as
`analytics.positions` gets them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from fastapi import FastAPI

from control_room.api import add_error_handlers, make_router
from control_room.guard import Guard
from haechi.domain.retention import Retention
from haechi.sealing import Sealer, create_key
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.consents import Consents
from haechi.store.drills import Drills
from haechi.store.erasures import Erasures
from haechi.store.export import Export
from haechi.store.live import Live
from haechi.store.reach import Reaching
from haechi.store.slices import SafeZonesSlice
from haechi.store.users import Users
from haechi.store.usual_places import UsualPlaces
from haechi.store.whereabouts import Whereabouts
from tests.alerts.conftest import receivers, town
from tests.alerts.receivers import Receivers, until
from tests.alerts.test_sender import sending
from tests.alerts.town import DISTRICT, Town, public_http
from tests.analytics.positions.build import HOME, fix, run, state_of

__all__ = ["receivers", "town"]  # fixtures


@pytest.fixture
async def api(town: Town, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The administration API, as an administrator."""
    live, pool = Live(redis_url), town.pool
    server = FastAPI()
    server.include_router(
        make_router(
            town.registry,
            Consents(pool),
            Bars(pool),
            Reaching(pool),
            Drills(pool),
            town.incidents,
            Audit(pool),
            Whereabouts(pool, live, Retention(30)),
            Export(pool),
            Erasures(pool),
            UsualPlaces(pool),
        )
    )
    add_error_handlers(server)
    users = Users(pool)
    token = await users.add_token("office", "administrator", DISTRICT)
    transport = httpx.ASGITransport(Guard(server, users, create_key()))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://wall/api/v1", headers=headers) as client:
        yield client
    await live.close()


@pytest.fixture
async def public(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """Where the link of a message leads."""
    async with public_http(town) as client:
        yield client


async def made(api: httpx.AsyncClient, rows: str, **body: object) -> str:
    answer = await api.post(f"/{rows}", json=body)
    assert answer.status_code == 201, answer.text
    row: str = answer.json()["id"]
    return row


async def test_a_guardians_whole_story(
    town: Town, receivers: Receivers, api: httpx.AsyncClient, public: httpx.AsyncClient
) -> None:
    phone = receivers.url("phone")
    guardian = await made(api, "guardians", name="Kim Minji", webhook_url=phone, language="ko")
    consent = {"given_by": "Kim Minji", "given_at": "2026-01-01T00:00:00Z", "scopes": ["position", "sos"]}
    born = {"born": "2018-03-01", "kind": "child"}
    child = await made(api, "people", name="Jihoon", guardian_ids=[guardian], consent=consent, **born)
    watch = await made(api, "devices", person_id=child, kind="watch")
    area = {"type": "Point", "coordinates": [HOME.lon, HOME.lat], "radius_m": 100}
    home = await made(api, "safe-zones", name="Home", person_id=child, geometry=area)

    zones = SafeZonesSlice(town.pool, Sealer(create_key()))
    await zones.start()
    state = state_of(*zones.values())

    async def walks(start: int, *steps: tuple[float, float]) -> None:
        """To these metres east of home, at these minutes."""
        fixes = [[fix(minute, east, device=watch, person=child)] for minute, east in steps]
        await town.intake.apply_all(run(state, *fixes, start=start))

    following = asyncio.create_task(town.people.follow())
    async with sending(town):
        await walks(0, (0, 0), (1, 10), (2, 300), (3, 320), (4, 330))
        await until(lambda: receivers.posts["phone"])
        text = receivers.posts["phone"][0].said
        assert text["kind"] == "zone-exit"
        assert text["title"].startswith("안심구역을 벗어났습니다 · Home · ")

        page = f"/g/{text['link'].rsplit('/', 1)[1]}"
        shown = (await public.get(page)).text
        assert "안심구역을 벗어났습니다" in shown
        assert "Jihoon · Home" in shown
        assert (await public.post(f"{page}/on-it")).status_code == 303
        [incident] = (await api.get("/incidents?open=true")).json()["items"]
        assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "Kim Minji (guardian)")
        assert incident["because"]["zone"] == home

        await walks(5, (5, 20), (6, 0), (7, 0))
        one = f"/incidents/{incident['id']}"
        shown = (await api.get(one)).json()
        assert shown["incident"]["ends_at"] is not None
        assert shown["incident"]["state"] == "acknowledged", "back home, and a person still closes it"
        assert shown["incident"]["acknowledged_by"] == "Kim Minji (guardian)"
        await until(lambda: len(receivers.posts["phone"]) > 1)
        home_again = receivers.posts["phone"][1].said
        assert (home_again["id"], home_again["kind"]) == (text["id"], "zone-exit")
        assert home_again["title"].startswith("다시 안으로 돌아왔습니다 (")
        assert (await api.post(f"{one}/close", json={"outcome": "back home"})).status_code == 200
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following

    closed = (await public.get(page)).text
    assert "종료되었습니다" in closed
    why = (await api.get(f"{one}/explanation")).json()
    said = "\n".join(line for section in why["sections"] for line in section["lines"])
    assert "outside Home" in said
    assert "Kim Minji (guardian) by webhook, because guards the person" in said
    assert "closed by token office: back home" in said
    looks = (await api.get(f"/people/{child}/looks")).json()["items"]
    assert {"Kim Minji (guardian)", "token office"} <= {look["who"] for look in looks}
    assert len(receivers.posts["phone"]) == 2, "told once that he left, and once that he is back"
