"""Rows of the registry: added, shown, listed, changed and removed, by whom, and with a trace."""

import re
from collections.abc import Callable

import httpx
import pytest

from haechi.ids import front_of
from haechi.store.audit import Audit
from tests.control_room.api.build import PERSON, SENSOR, SIMPLE, WINDOW, ZONE, problem_of
from tests.haechi.store.conftest import DISTRICT

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("kind", SIMPLE)
async def test_a_row_is_added_shown_listed_changed_and_removed(admin: httpx.AsyncClient, kind: str) -> None:
    added = await admin.post(f"/{kind}", json=SIMPLE[kind])
    assert added.status_code == 201, added.text
    row = added.json()
    name = row.get("handle", row["id"])
    assert added.headers["location"] == f"/api/v1/{kind}/{name}"
    secret = row.pop("webhook_secret", None)
    assert (secret is not None) == (kind in {"guardians", "agencies"})
    if "handle" in row:
        row["id"] = front_of(row["id"])
    shown = await admin.get(f"/{kind}/{name}")
    assert shown.json() == row
    assert shown.headers["etag"] == '"1"'
    assert row["district_id"] == DISTRICT
    assert (await admin.get(f"/{kind}")).json() == {"items": [row], "next": None}
    changed = await admin.patch(f"/{kind}/{name}", json={"name": "another name"})
    assert changed.json() == row | {"name": "another name", "version": 2}
    assert (await admin.delete(f"/{kind}/{name}")).status_code == 204
    problem_of(await admin.get(f"/{kind}/{name}"), 404)


@pytest.mark.parametrize("kind", ["guardians", "agencies", "people", "safe-zones", "sensors", "readers", "reporters"])
async def test_an_answer_has_the_fields_that_were_sent(admin: httpx.AsyncClient, kind: str) -> None:
    row = (await admin.post(f"/{kind}", json=SIMPLE[kind])).json()
    sent = SIMPLE[kind]
    if kind == "safe-zones":
        sent = sent | {"schedule": [WINDOW | {"on_holidays": "rests"}]}
    if "webhook_url" in sent:
        sent = sent | {"webhook_url": re.sub(r"(https://[^/]+)/.*", r"\1/***", sent["webhook_url"])}
    assert row | sent == row


async def test_a_change_based_on_an_old_version_is_refused(admin: httpx.AsyncClient) -> None:
    row = (await admin.post("/sensors", json=SENSOR)).json()
    path = f"/sensors/{row['id']}"
    assert (await admin.patch(path, json={"name": "a"}, headers={"If-Match": '"1"'})).status_code == 200
    problem_of(await admin.patch(path, json={"name": "b"}, headers={"If-Match": '"1"'}), 412)
    problem_of(await admin.delete(path, headers={"If-Match": '"1"'}), 412)
    assert (await admin.delete(path, headers={"If-Match": 'W/"2"'})).status_code == 204


async def test_a_long_list_comes_in_pages(admin: httpx.AsyncClient) -> None:
    for n in range(5):
        await admin.post("/sensors", json=SENSOR | {"name": f"s{n}"})
    names, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        page = (await admin.get("/sensors", params=params)).json()
        names += [row["name"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(names) == [f"s{n}" for n in range(5)]
    problem_of(await admin.get("/sensors", params={"limit": 0}), 422)


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        ("administrator", 200, 201),
        ("operator", 200, 403),
        ("dispatcher", 200, 403),
        ("supervisor", 200, 403),
        ("auditor", 403, 403),
        (None, 401, 401),
    ],
)
async def test_who_may_read_and_write_the_registry(caller: Callable, role: str, reads: int, writes: int) -> None:
    client = await caller(role)
    assert (await client.get("/sensors")).status_code == reads
    assert (await client.post("/sensors", json=SENSOR)).status_code == writes
    row = (await (await caller()).post("/sensors", json=SENSOR)).json()
    assert (await client.get(f"/sensors/{row['id']}")).status_code == reads
    assert (await client.patch(f"/sensors/{row['id']}", json={})).status_code == {201: 200}.get(writes, writes)
    assert (await client.delete(f"/sensors/{row['id']}")).status_code == {201: 204}.get(writes, writes)


async def test_a_token_of_another_district_sees_nothing(admin: httpx.AsyncClient, caller: Callable) -> None:
    row = (await admin.post("/people", json=PERSON)).json()
    stranger = await caller("administrator", "other")
    assert (await stranger.get("/people")).json()["items"] == []
    for answer in (
        await stranger.get(f"/people/{row['id']}"),
        await stranger.patch(f"/people/{row['id']}", json={"name": "x"}),
        await stranger.delete(f"/people/{row['id']}"),
        await stranger.get("/people", params={"district": DISTRICT}),
        await stranger.post("/people", json=PERSON, params={"district": DISTRICT}),
    ):
        problem_of(answer, 404)
    assert (await admin.get(f"/people/{row['id']}")).json() == row


async def test_every_write_and_every_look_at_a_person_is_in_the_audit(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    row = (await admin.post("/people", json=PERSON)).json()
    operator = await caller("operator")
    await operator.get(f"/people/{row['id']}", params={"reason": "incident 7"})
    await operator.get("/people")
    await admin.patch(f"/people/{row['id']}", json={"name": "x"})
    await admin.delete(f"/people/{row['id']}")
    entries = [(entry.who.split()[1], entry.what, entry.reason) for entry in await audit.recent(DISTRICT)][::-1]
    assert entries == [
        ("administrator", "added", ""),
        ("operator", "looked at", "incident 7"),
        ("operator", "looked at", ""),
        ("administrator", "changed", ""),
        ("administrator", "removed", ""),
    ]
    assert {entry.subject for entry in await audit.recent(DISTRICT)} == {f"people:{row['id']}"}


async def test_a_look_at_zones_is_in_the_audit_because_they_tell_where_somebody_lives(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    zone = (await admin.post("/safe-zones", json=ZONE)).json()["id"]
    operator = await caller("operator")
    assert (await operator.get("/safe-zones", params={"reason": "incident 7"})).status_code == 200
    assert (await operator.get(f"/safe-zones/{zone}")).status_code == 200
    entries = [(one.who, one.what, one.subject, one.reason) for one in await audit.recent(DISTRICT, 2)]
    looked = ("token operator of haneul", "looked at", f"safe-zones:{zone}")
    assert entries == [(*looked, ""), (*looked, "incident 7")]


async def test_an_address_that_is_none_is_a_problem_too(admin: httpx.AsyncClient) -> None:
    problem_of(await admin.get("/unicorns"), 404)
    problem_of(await admin.put("/people"), 405)
    problem_of(await admin.get("/people/not-an-id"), 404)
