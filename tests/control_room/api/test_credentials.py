"""Ids that open doors, secrets and addresses: told whole once, and masked ever after."""

from collections.abc import Callable

import httpx
import pytest

from haechi.ids import front_of
from haechi.store.audit import Audit
from haechi.store.postgres import Pool
from tests.control_room.api.build import CAMERA, GUARDIAN, PERSON, SIMPLE, problem_of
from tests.haechi.store.conftest import DISTRICT

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_device_is_answered_once_with_the_id_that_it_reports_under(admin: httpx.AsyncClient) -> None:
    person = (await admin.post("/people", json=PERSON)).json()
    sent = {"person_id": person["id"], "kind": "watch"}
    device, other = [(await admin.post("/devices", json=sent)).json() for _ in range(2)]
    assert len(device["id"]) == 26
    for name in (device["handle"], device["id"]):
        shown = (await admin.get(f"/devices/{name}")).json()
        assert (shown["id"], shown["handle"]) == (front_of(device["id"]), device["handle"])
    pages = [await admin.get("/devices?limit=1")]
    pages.append(await admin.get("/devices", params={"limit": 1, "after": pages[0].json()["next"]}))
    assert {page.json()["items"][0]["handle"] for page in pages} == {device["handle"], other["handle"]}
    assert not [page for page in pages if device["id"] in page.text or other["id"] in page.text]
    path = f"/devices/{device['handle']}"
    moved = await admin.patch(path, json={"kind": "phone"})
    assert (moved.json()["kind"], moved.json()["id"]) == ("phone", front_of(device["id"]))
    assert moved.json()["cadence_s"] is None
    often = await admin.patch(path, json={"cadence_s": 60})
    assert (often.json()["cadence_s"], often.json()["kind"]) == (60, "phone")
    problem_of(await admin.delete(f"/people/{person['id']}"), 409)


async def test_a_device_gets_a_new_id_and_the_old_one_is_nobodys(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    person = (await admin.post("/people", json=PERSON)).json()
    sent = {"person_id": person["id"], "kind": "phone", "serial": "IMEI-1", "encryption_key": "mysecreTpass01"}
    device = (await admin.post("/devices", json=sent)).json()
    problem_of(await (await caller("operator")).post(f"/devices/{device['handle']}/renewal"), 403)
    renewed = await admin.post(f"/devices/{device['handle']}/renewal")
    assert renewed.status_code == 201
    made = renewed.json()
    assert len(made["id"]) == 26
    assert made == device | {"id": made["id"], "handle": made["handle"], "version": 1}
    for old in (device["id"], device["handle"]):
        problem_of(await admin.get(f"/devices/{old}"), 404)
        problem_of(await admin.post(f"/devices/{old}/renewal"), 404)
    assert "gave a new id to" in {entry.what for entry in await audit.recent(DISTRICT)}


@pytest.mark.parametrize("kind", ["readers", "reporters"])
async def test_who_reports_for_others_is_answered_once_with_a_token_nobody_can_guess(
    admin: httpx.AsyncClient, kind: str
) -> None:
    row = (await admin.post(f"/{kind}", json=SIMPLE[kind])).json()
    assert len(row["id"]) == 26
    assert (await admin.get(f"/{kind}/{row['handle']}")).json() == row | {"id": front_of(row["id"])}
    assert row["id"] not in (await admin.get(f"/{kind}")).text
    assert (await admin.post(f"/{kind}/{row['handle']}/renewal")).json()["id"] not in {row["id"], front_of(row["id"])}


@pytest.mark.parametrize("kind", ["guardians", "agencies"])
async def test_where_messages_are_posted_is_shown_by_its_host_only_and_survives_a_change(
    admin: httpx.AsyncClient, pool: Pool, kind: str
) -> None:
    row = (
        await admin.post(f"/{kind}", json=SIMPLE[kind] | {"webhook_url": "https://chat.example:8443/hook/s3cret?k=1"})
    ).json()
    path = f"/{kind}/{row['id']}"
    changed = await admin.patch(path, json={"name": "another name"})
    for answer in (
        row,
        changed.json(),
        (await admin.get(path)).json(),
        (await admin.get(f"/{kind}")).json()["items"][0],
    ):
        assert answer["webhook_url"] == "https://chat.example:8443/***"
    kept = await pool.fetchval(f"SELECT webhook_url FROM {kind} WHERE id = $1", row["id"])
    assert kept == "https://chat.example:8443/hook/s3cret?k=1"
    problem_of(await admin.patch(path, json={"webhook_url": row["webhook_url"]}), 422)


async def test_an_encryption_key_is_never_shown_again_and_survives_a_change(admin: httpx.AsyncClient) -> None:
    person = (await admin.post("/people", json=PERSON)).json()
    sent = {"person_id": person["id"], "kind": "phone", "encryption_key": "mysecreTpass01"}
    device = (await admin.post("/devices", json=sent)).json()
    assert device["encryption_key"] == "***"
    path = f"/devices/{device['id']}"
    changed = await admin.patch(path, json={"kind": "watch"})
    assert (changed.json()["encryption_key"], (await admin.get(path)).json()["encryption_key"]) == ("***", "***")
    problem_of(await admin.patch(path, json={"encryption_key": "***"}), 422)
    problem_of(await admin.patch(path, json={"encryption_key": "\u00e9" * 17}), 422)
    assert (await admin.patch(path, json={"encryption_key": None})).json()["encryption_key"] is None


async def test_a_serial_names_one_device(admin: httpx.AsyncClient) -> None:
    person = (await admin.post("/people", json=PERSON)).json()
    sent = {"person_id": person["id"], "kind": "tag", "serial": "04A2B9"}
    device = (await admin.post("/devices", json=sent)).json()
    assert "serial" in problem_of(await admin.post("/devices", json=sent), 409)["detail"]
    other = (await admin.post("/devices", json=sent | {"serial": "04A2BA"})).json()
    problem_of(await admin.patch(f"/devices/{other['id']}", json={"serial": "04A2B9"}), 409)
    assert (await admin.delete(f"/devices/{device['id']}")).status_code == 204
    assert (await admin.patch(f"/devices/{other['id']}", json={"serial": "04A2B9"})).status_code == 200


async def test_a_webhook_secret_is_of_the_standard_and_told_once(admin: httpx.AsyncClient) -> None:
    from base64 import b64decode

    row = (await admin.post("/guardians", json=GUARDIAN)).json()
    assert row["webhook_secret"].startswith("whsec_")
    assert len(b64decode(row["webhook_secret"].removeprefix("whsec_"))) == 32
    assert "webhook_secret" not in (await admin.get(f"/guardians/{row['id']}")).json()
    assert "webhook_secret" not in (await admin.patch(f"/guardians/{row['id']}", json={"name": "x"})).json()


async def test_a_cameras_address_is_masked_and_survives_a_change_of_its_name(admin: httpx.AsyncClient) -> None:
    row = (await admin.post("/cameras", json=CAMERA)).json()
    assert row["url"] == "rtsp://***@10.0.0.5:554/***"
    changed = (await admin.patch(f"/cameras/{row['id']}", json={"name": "Gate"})).json()
    assert changed["zones"] == row["zones"], "the zones keep their ids"
    problem = problem_of(await admin.patch(f"/cameras/{row['id']}", json={"url": row["url"]}), 422)
    assert problem["errors"][0]["field"] == "url"
