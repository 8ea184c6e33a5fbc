import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from haechi.ids import front_of, new_id
from haechi.store.audit import Audit
from haechi.store.drills import Drills
from haechi.store.postgres import Pool
from tests.haechi.store.conftest import DISTRICT

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUARDIAN = {
    "name": "Kim Minji",
    "phone": "+82 10 1234 5678",
    "webhook_url": "https://phone.example/k",
    "language": "ko",
}
AGENCY = {"name": "Haneul police", "role": "police", "webhook_url": "https://police.example/in"}
PERSON = {
    "name": "Jihoon", "born": "2010-03-01", "kind": "child", "guardian_ids": [],
    "consent": {"given_by": "Kim Minji", "given_at": "2026-01-01T00:00:00Z", "scopes": ["position", "sos"], "expires_at": None},
}  # fmt: skip
SQUARE = [[126.98, 37.57], [126.99, 37.57], [126.99, 37.58], [126.98, 37.58], [126.98, 37.57]]
WINDOW = {"tz": "Asia/Seoul", "days": ["mon", "fri"], "from": "08:00:00", "to": "15:30:00"}
ZONE = {
    "name": "School",
    "district": True,
    "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    "schedule": [WINDOW],
}
OURS = {name: value for name, value in ZONE.items() if name != "district"}
LINE = {"type": "LineString", "coordinates": [[126.98, 37.57], [126.99, 37.58]]}
CAMERA = {
    "name": "Yard", "url": "rtsp://user:hunter2@10.0.0.5:554/live?token=abc", "location": [126.98, 37.57],
    "zones": [{"name": "yard", "kind": "forbidden", "polygon": [[0, 0], [1, 0], [1, 1]], "schedule": []}],
}  # fmt: skip
SENSOR = {"name": "Gas 1", "observed_property": "gas", "unit": "%[LEL]", "location": [126.98, 37.57]}
READER = {"name": "School gate", "kind": "gate", "location": [126.98, 37.57], "radius_m": 8.0}
SIMPLE = {
    "guardians": GUARDIAN,
    "agencies": AGENCY,
    "people": PERSON,
    "safe-zones": ZONE,
    "cameras": CAMERA,
    "sensors": SENSOR,
    "readers": READER,
    "reporters": {"name": "Traccar of the district"},
}


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem


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


async def test_which_way_a_camera_looks_is_kept(admin: httpx.AsyncClient) -> None:
    view = {"heading": 128, "width": 66, "reach_m": 40}
    row = (await admin.post("/cameras", json=CAMERA | {"view": view})).json()
    assert (await admin.get(f"/cameras/{row['id']}")).json()["view"] == view
    assert (await admin.patch(f"/cameras/{row['id']}", json={"view": None})).json()["view"] is None


async def test_a_cameras_address_is_masked_and_survives_a_change_of_its_name(admin: httpx.AsyncClient) -> None:
    row = (await admin.post("/cameras", json=CAMERA)).json()
    assert row["url"] == "rtsp://***@10.0.0.5:554/***"
    changed = (await admin.patch(f"/cameras/{row['id']}", json={"name": "Gate"})).json()
    assert changed["zones"] == row["zones"], "the zones keep their ids"
    problem = problem_of(await admin.patch(f"/cameras/{row['id']}", json={"url": row["url"]}), 422)
    assert problem["errors"][0]["field"] == "url"


async def test_a_circle_is_a_point_with_a_radius_inside_or_beside_the_geometry(admin: httpx.AsyncClient) -> None:
    point = {"type": "Point", "coordinates": [126.98, 37.57]}
    base = {"name": "Home", "district": True}
    inside = await admin.post("/safe-zones", json=base | {"geometry": point | {"radius_m": 150}})
    beside = await admin.post("/safe-zones", json=base | {"geometry": point, "radius_m": 150})
    assert inside.json()["geometry"] == beside.json()["geometry"] == point | {"radius_m": 150}
    problem_of(await admin.post("/safe-zones", json=base | {"geometry": point}), 422)


async def test_every_kind_of_zone_comes_back_as_it_was_given(admin: httpx.AsyncClient) -> None:
    one, two = [(await admin.post("/people", json=PERSON)).json()["id"] for _ in range(2)]
    window = WINDOW | {"on_holidays": "rests"}
    zones = [
        OURS | {"kind": "forbidden", "person_ids": [one, two]},
        OURS | {"person_id": one, "geometry": LINE | {"width_m": 40}},
        OURS | {"kind": "place", "person_id": one, "notices": True},
        OURS
        | {
            "person_id": two,
            "schedule": [window],
            "holidays": ["2026-12-25"],
            "notices": True,
            "expected_by": "08:40:00",
        },
        ZONE | {"schedule": [window | {"on_holidays": "holds", "days": []}]},
    ]
    for zone in zones:
        answer = await admin.post("/safe-zones", json=zone)
        assert answer.status_code == 201, answer.text
        row = (await admin.get(f"/safe-zones/{answer.json()['id']}")).json()
        assert {name: row[name] for name in zone if name != "schedule"} == {
            name: value for name, value in zone.items() if name != "schedule"
        }
        assert row["schedule"][0].items() >= zone["schedule"][0].items()
    moved = (await admin.patch(f"/safe-zones/{row['id']}", json={"district": False, "person_ids": [two]})).json()
    assert (moved["district"], moved["person_ids"]) == (False, [two])
    problem_of(await admin.delete(f"/people/{two}"), 409)
    problem_of(
        await admin.post("/safe-zones", json=OURS | {"person_ids": ["6a1f2f0e-6f6e-5d52-9a0e-5be1e6a9c1d1"]}), 422
    )


async def test_a_corridor_is_a_line_with_a_width_inside_or_beside_the_geometry(admin: httpx.AsyncClient) -> None:
    beside = await admin.post("/safe-zones", json={"name": "Way", "district": True, "geometry": LINE, "width_m": 40})
    assert beside.json()["geometry"] == LINE | {"width_m": 40}


def ring(*points: tuple[float, float]) -> dict[str, Any]:
    return ZONE | {"geometry": {"type": "Polygon", "coordinates": [list(points)]}}


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("guardians", {}, "name"),
        ("guardians", GUARDIAN | {"name": "  "}, "name"),
        ("guardians", GUARDIAN | {"fone": "1"}, "fone"),
        ("guardians", GUARDIAN | {"webhook_url": "phone.example"}, "webhook_url"),
        ("guardians", GUARDIAN | {"webhook_url": "ftp://phone.example"}, "webhook_url"),
        ("guardians", GUARDIAN | {"webhook_url": "https://phone.example:99999/"}, "webhook_url"),
        ("guardians", GUARDIAN | {"webhook_url": "https://a b/"}, "webhook_url"),
        ("guardians", GUARDIAN | {"language": "Korean!"}, "language"),
        ("agencies", AGENCY | {"role": "army"}, "role"),
        ("agencies", {"name": "x", "role": "desk"}, "webhook_url"),
        ("people", PERSON | {"born": "yesterday"}, "born"),
        ("people", PERSON | {"consent": {"given_by": "x", "given_at": "2026-01-01T00:00:00", "scopes": []}}, "consent.given_at"),
        ("people", PERSON | {"consent": {"given_by": "x", "given_at": "2026-01-01T00:00:00Z", "scopes": ["all"]}}, "consent.scopes.0"),
        ("people", PERSON | {"guardian_ids": ["a", "a"]}, "guardian_ids"),
        ("people", PERSON | {"kind": "child", "night_walks": True}, "night_walks"),
        ("devices", {"person_id": "x", "kind": "toaster"}, "kind"),
        ("devices", {"person_id": "x", "kind": "watch", "cadence_s": 4}, "cadence_s"),
        ("safe-zones", ZONE | {"person_id": "x"}, "body"),
        ("safe-zones", {key: value for key, value in ZONE.items() if key != "district"}, "body"),
        ("safe-zones", ZONE | {"geometry": {"type": "LineString", "coordinates": SQUARE}}, "geometry.width_m"),
        ("safe-zones", ring((126.98, 37.57), (126.99, 37.57), (126.99, 37.58), (126.98, 37.58)), "geometry"),
        ("safe-zones", ring((0, 0), (1, 1), (1, 0), (0, 1), (0, 0)), "geometry"),
        ("safe-zones", ring((200, 0), (1, 1), (1, 0), (200, 0)), "geometry.coordinates.0.0.0"),
        ("safe-zones", ring((0, 0), (60, 0), (60, 60), (0, 0)), "geometry"),
        ("safe-zones", ring((0, 0), (0, 0), (0, 0), (0, 0)), "geometry"),
        ("safe-zones", ZONE | {"schedule": [WINDOW | {"tz": "Mars/Olympus"}]}, "schedule.0.tz"),
        ("safe-zones", ZONE | {"schedule": [WINDOW | {"tz": "../../etc/passwd"}]}, "schedule.0.tz"),
        ("safe-zones", ZONE | {"kind": "dangerous"}, "kind"),
        ("safe-zones", ZONE | {"geometry": LINE | {"width_m": 0}}, "geometry.width_m"),
        ("safe-zones", ZONE | {"geometry": LINE | {"coordinates": [[126.98, 37.57]], "width_m": 9}}, "geometry.coordinates"),
        ("safe-zones", ZONE | {"person_ids": ["x"]}, "body"),
        ("safe-zones", OURS | {"person_ids": ["x", "x"]}, "person_ids"),
        ("safe-zones", ZONE | {"schedule": [], "holidays": ["2026-12-25"]}, "holidays"),
        ("safe-zones", ZONE | {"schedule": [WINDOW], "holidays": ["25.12."]}, "holidays.0"),
        ("safe-zones", ZONE | {"kind": "forbidden", "notices": True}, "notices"),
        ("safe-zones", ZONE | {"kind": "place"}, "body"),
        ("safe-zones", ZONE | {"schedule": [], "expected_by": "08:40"}, "expected_by"),
        ("safe-zones", ZONE | {"schedule": [WINDOW], "expected_by": "23:59"}, "expected_by"),
        ("safe-zones", ZONE | {"schedule": [WINDOW], "expected_by": "soon"}, "expected_by"),
        ("safe-zones", ZONE | {"schedule": [WINDOW | {"on_holidays": "parties"}]}, "schedule.0.on_holidays"),
        ("safe-zones", ZONE | {"schedule": [WINDOW | {"from": "25:00"}]}, "schedule.0.from"),
        ("safe-zones", ZONE | {"schedule": [WINDOW | {"days": []}]}, "schedule.0.days"),
        ("cameras", CAMERA | {"url": "file:///etc/passwd"}, "url"),
        ("cameras", CAMERA | {"location": [126.98]}, "location.1"),
        ("cameras", CAMERA | {"view": {"heading": 360, "width": 60, "reach_m": 40}}, "view.heading"),
        ("cameras", CAMERA | {"zones": [{"name": "z", "kind": "mask", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}, "zones.0.polygon"),
        ("cameras", CAMERA | {"zones": [{"name": "z", "kind": "mask", "polygon": [[0, 0], [2, 1], [1, 0]]}]}, "zones.0.polygon.1.0"),
        ("sensors", SENSOR | {"observed_property": "mood"}, "body"),
        ("sensors", SENSOR | {"unit": "ppm"}, "body"),
        ("sensors", [], "body"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_with_its_field(
    admin: httpx.AsyncClient, kind: str, body: dict[str, Any], field: str
) -> None:
    problem = problem_of(await admin.post(f"/{kind}", json=body), 422)
    assert field in {error["field"] for error in problem["errors"]}, problem
    assert (await admin.get(f"/{kind}")).json()["items"] == []


@pytest.mark.parametrize("text", [b"{", b"", b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000])
async def test_a_body_that_is_no_json_is_a_problem_not_a_crash(admin: httpx.AsyncClient, text: bytes) -> None:
    answer = await admin.post("/guardians", content=text, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    problem_of(answer, answer.status_code)


async def test_not_a_number_is_no_place(admin: httpx.AsyncClient) -> None:
    text = b'{"name": "x", "observed_property": "gas", "unit": "%[LEL]", "location": [NaN, 37.5]}'
    answer = await admin.post("/sensors", content=text, headers={"content-type": "application/json"})
    problem_of(answer, 422)


async def test_what_a_body_refers_to_must_be_there(admin: httpx.AsyncClient) -> None:
    problem_of(await admin.post("/devices", json={"person_id": new_id(), "kind": "watch"}), 422)
    problem_of(await admin.post("/people", json=PERSON | {"guardian_ids": [new_id()]}), 422)
    person = (await admin.post("/people", json=PERSON)).json()
    problem_of(await admin.patch(f"/people/{person['id']}", json={"guardian_ids": ["nonsense"]}), 422)


async def test_a_patch_is_checked_as_a_whole(admin: httpx.AsyncClient) -> None:
    row = (await admin.post("/safe-zones", json=ZONE)).json()
    person = (await admin.post("/people", json=PERSON)).json()
    problem = problem_of(await admin.patch(f"/safe-zones/{row['id']}", json={"schedule": [{"tz": "UTC"}]}), 422)
    assert "schedule.0.days" in {error["field"] for error in problem["errors"]}
    problem_of(await admin.patch(f"/safe-zones/{row['id']}", json={"person_id": person["id"]}), 422)
    given = await admin.patch(f"/safe-zones/{row['id']}", json={"person_id": person["id"], "district": False})
    assert given.json()["person_id"] == person["id"]
    problem_of(await admin.patch(f"/safe-zones/{row['id']}", json={"id": "x"}), 422)


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


async def test_an_operator_opens_a_test_of_a_button_and_of_the_telephones(caller: Callable) -> None:
    admin, operator, auditor = await caller(), await caller("operator"), await caller("auditor")
    person = (await admin.post("/people", json=PERSON)).json()["id"]
    assert (await operator.get(f"/people/{person}/test")).json()["button"] is None
    opened = await operator.post(f"/people/{person}/test")
    assert opened.status_code == 201
    button = opened.json()["button"]
    assert (button["asked_by"], button["received_at"], button["over"]) == ("token operator of haneul", None, False)
    phones = (await operator.post(f"/people/{person}/test", json={"what": "phones"})).json()
    assert phones["phones_due_at"] is not None
    assert phones["button"] == button
    problem_of(await auditor.post(f"/people/{person}/test"), 403)
    problem_of(await operator.post(f"/people/{person}/test", json={"what": "siren"}), 422)
    problem_of(await operator.post("/people/unknown/test"), 404)


async def test_a_guardian_who_asked_for_a_test_is_shown_by_name_and_one_who_is_gone_as_a_guardian(
    caller: Callable, pool: Pool
) -> None:
    admin = await caller()
    guardian = (await admin.post("/guardians", json={"name": "Kim Minji"})).json()["id"]
    person = (await admin.post("/people", json=PERSON)).json()["id"]
    await Drills(pool).open_window(DISTRICT, person, by=f"guardian:{guardian}")
    shown = (await admin.get(f"/people/{person}/test")).json()["button"]
    assert shown["asked_by"] == "Kim Minji (guardian)"
    assert (await admin.delete(f"/guardians/{guardian}")).status_code == 204
    asked = (await admin.post(f"/people/{person}/test", json={"what": "phones"})).json()
    assert asked["button"]["asked_by"] == "a guardian"


async def test_a_wrong_body_is_told_field_by_field_in_plain_words(admin: httpx.AsyncClient) -> None:
    problem = problem_of(await admin.post("/devices", json={"person": "x", "kind": "phone"}), 422)
    assert problem["detail"] == "person_id: It is missing; person: There is no such field"
