"""Usual places: learned from a real trail, proposed, and zones only after a yes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from analytics.learning import Learning
from haechi.domain.habits import HabitRule
from haechi.store.audit import Audit
from haechi.store.postgres import Pool
from haechi.store.trail import Trail
from haechi.store.usual_places import UsualPlaces
from tests.control_room.api.build import GUARDIAN, PERSON, problem_of
from tests.haechi.store.conftest import AT, DISTRICT
from tests.positions import Fix, batch_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = {"reason": "the mother asked for zones"}
HOME, SCHOOL = (126.92, 37.61), (126.94, 37.61)


@pytest_asyncio.fixture(loop_scope="module")
async def mother(admin: httpx.AsyncClient) -> str:
    return (await admin.post("/guardians", json=GUARDIAN)).json()["id"]


@pytest_asyncio.fixture(loop_scope="module")
async def child(admin: httpx.AsyncClient, mother: str) -> str:
    return (await admin.post("/people", json=PERSON | {"guardian_ids": [mother]})).json()["id"]


async def lived(pool: Pool, person: str, days: int, *spots: tuple[float, float]) -> None:
    """An hour at each spot, on each of the days before AT."""
    rows = [
        Fix(person, AT - timedelta(days=day, hours=2 * spot, minutes=minute), lon=lon, lat=lat, accuracy=8)
        for day in range(1, days + 1)
        for spot, (lon, lat) in enumerate(spots)
        for minute in range(0, 61, 10)
    ]
    await Trail(pool, 30, lambda: AT).keep([batch_of(rows)])


async def a_night(pool: Pool, later: float = 0) -> int:
    at = AT + timedelta(days=later)
    return await Learning(UsualPlaces(pool), HabitRule(), ZoneInfo("Asia/Seoul"), lambda: at).once()


async def listed(client: httpx.AsyncClient, person: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/people/{person}/usual-places", params=WHY)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def yes(guardian: str | None, name: str = "home") -> dict[str, str]:
    return {"name": name} | ({} if guardian is None else {"guardian_id": guardian})


async def zones(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/safe-zones")).json()["items"]
    return items


async def test_a_place_is_proposed_and_becomes_a_zone_only_by_a_yes(
    admin: httpx.AsyncClient, child: str, mother: str, pool: Pool, audit: Audit
) -> None:
    await lived(pool, child, 5, HOME, SCHOOL)
    assert await a_night(pool) == 1
    first, second = await listed(admin, child)
    assert [(one["n"], one["state"], one["days"]) for one in (first, second)] == [
        (1, "proposed", 5),
        (2, "proposed", 5),
    ]
    assert await zones(admin) == [], "nothing is applied without a yes"

    accepted = await admin.post(f"/people/{child}/usual-places/1/accept", json=yes(mother))
    assert (accepted.status_code, accepted.json()["state"]) == (201, "accepted")
    assert accepted.json()["decided_by"] == f"guardian:{mother}", "whose word it was, not who wrote it down"
    (zone,) = await zones(admin)
    assert (zone["id"], zone["name"], zone["person_id"]) == (accepted.json()["zone_id"], "home", child)
    assert zone["geometry"]["coordinates"] == pytest.approx([first["point"]["lon"], first["point"]["lat"]])
    declined = await admin.post(f"/people/{child}/usual-places/2/decline")
    assert (declined.status_code, declined.json()["decided_by"]) == (201, "token administrator of haneul")
    assert len(await zones(admin)) == 1
    for deed in ("accept", "decline"):
        problem_of(
            await admin.post(f"/people/{child}/usual-places/1/{deed}", json=yes(mother) if deed == "accept" else None),
            409,
        )
    clerk, word = "token administrator of haneul", f"by the word of guardian:{mother}"
    entries = {(entry.who, entry.what, entry.subject, entry.reason) for entry in await audit.recent(DISTRICT)}
    assert {
        (clerk, f"accepted usual place 1, {word}", f"people:{child}", ""),
        (clerk, "added", f"safe-zones:{zone['id']}", f"usual place 1 of people:{child}, {word}"),
        (clerk, "declined usual place 2", f"people:{child}", ""),
    } <= entries
    assert [look.shown for look in await audit.looks(child, 10)] == ["usual places"]


async def test_the_next_night_proposes_nothing_that_was_decided_and_takes_back_what_is_no_more(
    admin: httpx.AsyncClient, child: str, pool: Pool
) -> None:
    await lived(pool, child, 5, HOME, SCHOOL)
    await a_night(pool)
    assert await a_night(pool) == 0, "once a night"
    one, other = await listed(admin, child)
    await admin.post(f"/people/{child}/usual-places/{one['n']}/decline")
    assert await a_night(pool, later=1) == 1
    assert [(place["n"], place["state"]) for place in await listed(admin, child)] == [(1, "declined"), (2, "proposed")]
    await pool.execute("DELETE FROM trail")
    await a_night(pool, later=2)
    assert [place["n"] for place in await listed(admin, child)] == [1]
    assert other["n"] == 2


async def test_nobody_is_learned_about_or_shown_without_a_consent(
    admin: httpx.AsyncClient, child: str, pool: Pool
) -> None:
    await lived(pool, child, 5, HOME)
    await admin.post(f"/people/{child}/consents/withdraw", json={"decided_by": "Kim Minji"})
    assert await a_night(pool) == 0
    problem_of(await admin.get(f"/people/{child}/usual-places", params=WHY), 403)


async def test_without_the_word_of_one_of_their_guardians_staff_make_no_zone(
    admin: httpx.AsyncClient, child: str, mother: str, pool: Pool
) -> None:
    await lived(pool, child, 5, HOME)
    await a_night(pool)
    stranger = (await admin.post("/guardians", json=GUARDIAN | {"phone": "+82 10 9999 9999"})).json()["id"]
    accept = f"/people/{child}/usual-places/1/accept"
    problem = problem_of(await admin.post(accept, json=yes(None)), 422)
    assert [one["field"] for one in problem["errors"]] == ["guardian_id"]
    for nobody in (stranger, "not-an-id", child):
        problem = problem_of(await admin.post(accept, json=yes(nobody)), 422)
        assert [one["field"] for one in problem["errors"]] == ["guardian_id"]
        assert "link the guardian first" in problem["detail"]
    twin = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]  # the mother, entered twice
    assert (await admin.patch(f"/people/{child}", json={"guardian_ids": [mother, twin]})).status_code == 200
    await admin.post(f"/people/{child}/bars", json={"guardian_id": mother, "reason": "order of the court"})
    problem_of(await admin.post(accept, json=yes(mother)), 422)
    problem_of(await admin.post(accept, json=yes(twin)), 409)
    assert await zones(admin) == []
    assert (await listed(admin, child))[0]["state"] == "proposed"


async def test_who_may_see_and_decide(
    caller: Callable, admin: httpx.AsyncClient, child: str, mother: str, pool: Pool
) -> None:
    await lived(pool, child, 5, HOME)
    await a_night(pool)
    path = f"/people/{child}/usual-places"
    problem_of(await admin.get(path), 422)
    for role, status in {"dispatcher": 200, "operator": 403, "auditor": 403}.items():
        client = await caller(role)
        assert (await client.get(path, params=WHY)).status_code == status, role
        problem_of(await client.post(f"{path}/1/accept", json=yes(mother)), 403)
        problem_of(await client.post(f"{path}/1/decline"), 403)
    stranger = await caller("administrator", "other")
    problem_of(await stranger.get(path, params=WHY), 404)
    problem_of(await stranger.post(f"{path}/1/accept", json=yes(mother)), 404)
    problem_of(await admin.post(f"{path}/9/accept", json=yes(mother)), 404)
    assert (await listed(admin, child))[0]["state"] == "proposed"
