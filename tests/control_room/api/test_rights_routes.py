"""Everything that is kept about a person, and its erasure, by the API."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import msgspec
import pytest

from haechi.domain.alerting import Because
from haechi.domain.geo import Point
from haechi.domain.habits import Place
from haechi.domain.people import Position
from haechi.store.audit import Audit
from haechi.store.erasures import Erasures
from haechi.store.incidents import Incidents
from haechi.store.postgres import Pool
from haechi.store.trail import Trail
from haechi.store.usual_places import UsualPlaces
from tests.control_room.api.build import GUARDIAN, PERSON, ZONE, problem_of
from tests.haechi.store.conftest import AT, DISTRICT, raised
from tests.positions import Fix, batch_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = {"reason": "the mother asked for it in writing"}


async def child_of(admin: httpx.AsyncClient) -> tuple[str, str]:
    """A child with mother, watch and zone; the watch's id."""
    mother = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]
    child = (await admin.post("/people", json=PERSON | {"guardian_ids": [mother]})).json()["id"]
    watch = (await admin.post("/devices", json={"person_id": child, "kind": "watch"})).json()["id"]
    zone = {key: value for key, value in ZONE.items() if key != "district"} | {"person_id": child}
    assert (await admin.post("/safe-zones", json=zone)).status_code == 201
    return child, watch


async def test_the_export_holds_everything_and_no_credential(
    admin: httpx.AsyncClient, pool: Pool, incidents: Incidents, audit: Audit
) -> None:
    child, watch = await child_of(admin)
    await Trail(pool, 30, lambda: AT).keep([batch_of([Fix(child, AT - timedelta(hours=n), watch) for n in range(3)])])
    await UsualPlaces(pool).learned(child, [Place(Point(126.9, 37.6), 100, 5, (7, 8), AT)], AT)
    because = Because("urgent", "pressed", (Position(watch, child, AT, AT, Point(126.9, 37.6)),))
    await incidents.apply_alert(msgspec.structs.replace(raised(subject=child), because=because), lambda _: [], AT)
    answer = await admin.get(f"/people/{child}/export", params=WHY)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="person-{child}.json"'
    everything = answer.json()
    assert {name: len(rows) for name, rows in everything.items()} == {
        "person": 1,
        "guardians": 1,
        "references": 0,
        "devices": 1,
        "zones": 1,
        "usual places": 1,
        "consents": 1,
        "incidents": 1,
        "lines of incidents": 1,
        "messages": 0,
        "tests of the button": 0,
        "next test of the telephones": 0,
        "looks": 1,
        "trail": 3,
    }
    assert everything["person"][0]["consent"]["given_by"] == "Kim Minji"
    assert everything["guardians"] == [{"name": "Kim Minji", "language": "ko"}]
    assert {row["device"] for row in everything["trail"]} == {f"{watch[:6]}…"}
    assert watch not in answer.text
    (look,) = await audit.looks(child)
    assert (look.who, look.shown, look.reason) == (
        f"token administrator of {DISTRICT}",
        "the export of everything",
        WHY["reason"],
    )


async def test_who_was_removed_can_still_have_their_data_and_see_who_looked_until_they_are_erased(
    admin: httpx.AsyncClient, pool: Pool
) -> None:
    child, _ = await child_of(admin)
    await pool.execute("UPDATE people SET deleted_at = clock_timestamp()")
    everything = await admin.get(f"/people/{child}/export", params=WHY)
    assert everything.status_code == 200
    assert everything.json()["person"][0]["removed_at"] is not None
    looks = (await admin.get(f"/people/{child}/looks")).json()["items"]
    assert [one["shown"] for one in looks] == ["the export of everything"]
    await admin.post(f"/people/{child}/erasure", json=WHY)
    await Erasures(pool).work()
    assert "was erased" in problem_of(await admin.get(f"/people/{child}/export", params=WHY), 404)["detail"]
    assert (await admin.get(f"/people/{child}/looks")).json()["items"] == looks, "no look is made of what was not shown"


async def test_only_administrators_export_and_erase_and_only_in_their_district(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    child, _ = await child_of(admin)
    for role in ("operator", "dispatcher", "supervisor", "auditor"):
        client = await caller(role)
        problem_of(await client.get(f"/people/{child}/export", params=WHY), 403)
        problem_of(await client.post(f"/people/{child}/erasure", json=WHY), 403)
    stranger = await caller("administrator", "other")
    problem_of(await stranger.get(f"/people/{child}/export", params=WHY), 404)
    problem_of(await stranger.post(f"/people/{child}/erasure", json=WHY), 404)
    problem_of(await admin.get(f"/people/{child}/export"), 422)
    problem_of(await admin.post(f"/people/{child}/erasure", json={"reason": " "}), 422)
    problem_of(await admin.get(f"/people/{child}/erasure"), 404)
    assert await audit.looks(child) == []


async def test_an_erasure_has_a_receipt_that_outlives_the_person(
    admin: httpx.AsyncClient, caller: Callable, pool: Pool, audit: Audit
) -> None:
    child, watch = await child_of(admin)
    asked = await admin.post(f"/people/{child}/erasure", json=WHY)
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    for state in ("erasing", "erased"):
        await Erasures(pool).work()
        receipt = await admin.get(f"/people/{child}/erasure")
        assert receipt.json()["state"] == state
        await pool.execute("UPDATE erasures SET due_at = clock_timestamp()")
    problem_of(await admin.get(f"/people/{child}"), 404)
    assert (await (await caller("auditor")).get(f"/people/{child}/erasure")).json()["counts"]["the person"] == 1
    problem_of(await (await caller("operator")).get(f"/people/{child}/erasure"), 403)
    problem_of(await (await caller("auditor", "other")).get(f"/people/{child}/erasure"), 404)
    for secret in (PERSON["name"], GUARDIAN["name"], watch):
        assert secret not in receipt.text
    lines = [(entry.what, entry.reason) for entry in await audit.recent(DISTRICT) if entry.subject == f"people:{child}"]
    assert ("asked for erasure", WHY["reason"]) in lines


async def test_the_description_has_an_example_of_a_receipt(caller: Callable) -> None:
    paths = (await (await caller(None)).get("http://wall.test/api/openapi.json")).json()["paths"]
    answers = paths["/api/v1/people/{row_id}/erasure"]
    assert answers["post"]["responses"]["202"]["content"]["application/json"]["example"]["state"] == "erased"
    assert answers["get"]["responses"]["200"]["content"]["application/json"]["example"]["counts"]
