"""What is wrong with a body, said field by field."""

from typing import Any

import httpx
import pytest

from haechi.ids import new_id
from tests.control_room.api.build import (
    AGENCY,
    CAMERA,
    GUARDIAN,
    LINE,
    OURS,
    PERSON,
    SENSOR,
    SQUARE,
    WINDOW,
    ZONE,
    problem_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_a_wrong_body_is_told_field_by_field_in_plain_words(admin: httpx.AsyncClient) -> None:
    problem = problem_of(await admin.post("/devices", json={"person": "x", "kind": "phone"}), 422)
    assert problem["detail"] == "person_id: It is missing; person: There is no such field"
