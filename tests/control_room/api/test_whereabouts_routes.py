"""Where a person is and was, by the API: rights, reasons, traces, pages."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from haechi.domain.alerting import Status
from haechi.domain.incidents import Close
from haechi.store.audit import Audit
from haechi.store.incidents import Incidents
from haechi.store.live import LastFix, Live
from haechi.store.postgres import Pool
from haechi.store.trail import Trail
from tests.control_room.api.build import PERSON, problem_of
from tests.haechi.store.conftest import AT, DISTRICT, raised
from tests.positions import Fix, batch_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = "the mother called: not at school"
HOUR = {"reason": WHY, "from": (AT - timedelta(hours=1)).isoformat(), "to": (AT + timedelta(hours=1)).isoformat()}
CONSENT = {"given_by": "Kim Minji", "given_at": "2026-01-01T00:00:00Z", "scopes": ["position"]}


@pytest_asyncio.fixture(loop_scope="module")
async def child(admin: httpx.AsyncClient) -> str:
    return (await admin.post("/people", json=PERSON | {"consent": CONSENT})).json()["id"]


@pytest_asyncio.fixture(loop_scope="module")
async def watch(admin: httpx.AsyncClient, child: str) -> str:
    return (await admin.post("/devices", json={"person_id": child, "kind": "watch"})).json()["id"]


async def went(pool: Pool, person: str, device: str, *fixes: tuple[int, int]) -> None:
    """(second of the fix, second that it came) each."""
    rows = [Fix(person, AT + timedelta(seconds=a), device, AT + timedelta(seconds=r), accuracy=8) for a, r in fixes]
    assert (await Trail(pool, 30, lambda: AT).keep([batch_of(rows)])).new == len(fixes)


async def trouble(incidents: Incidents, person: str) -> str:
    applied = await incidents.apply_alert(raised(subject=person), lambda _: [], AT)
    assert applied.incident is not None
    return applied.incident.id


@pytest.mark.parametrize("path", ["position", "trail"])
async def test_who_may_see_where_a_person_is(caller: Callable, child: str, incidents: Incidents, path: str) -> None:
    may = {"dispatcher": 200, "supervisor": 200, "administrator": 200, "operator": 403, "auditor": 403}
    clients = {role: await caller(role) for role in may}
    for role, status in may.items():
        answer = await clients[role].get(f"/people/{child}/{path}", params=HOUR)
        assert answer.status_code == status, (role, answer.text)
    problem_of(await (await caller("administrator", "other")).get(f"/people/{child}/{path}", params=HOUR), 404)
    problem_of(await (await caller(None)).get(f"/people/{child}/{path}", params=HOUR), 401)
    incident = await trouble(incidents, child)
    for role, status in (may | {"operator": 200}).items():
        assert (await clients[role].get(f"/people/{child}/{path}", params=HOUR)).status_code == status, role
    await clients["operator"].post(f"/incidents/{incident}/acknowledge")
    await incidents.apply_command(incident, DISTRICT, Close("Park", AT, "found"))
    problem_of(await clients["operator"].get(f"/people/{child}/{path}", params=HOUR), 403)


@pytest.mark.parametrize("status", ["Test", "Exercise"])
async def test_a_drill_opens_nobodys_whereabouts(
    caller: Callable, admin: httpx.AsyncClient, child: str, incidents: Incidents, status: Status
) -> None:
    await incidents.apply_alert(raised(subject=child, status=status), lambda _: [], AT)
    problem_of(await (await caller("operator")).get(f"/people/{child}/position", params=HOUR), 403)
    nobody = (await admin.post("/people", json=PERSON | {"consent": None})).json()["id"]
    await incidents.apply_alert(raised(subject=nobody, status=status), lambda _: [], AT)
    problem_of(await admin.get(f"/people/{nobody}/trail", params=HOUR), 403)


async def test_without_a_consent_a_place_is_shown_only_while_an_incident_is_open(
    admin: httpx.AsyncClient, incidents: Incidents
) -> None:
    person = (await admin.post("/people", json=PERSON | {"consent": None})).json()["id"]
    refused = problem_of(await admin.get(f"/people/{person}/trail", params=HOUR), 403)
    assert "No valid consent" in refused["detail"]
    await trouble(incidents, person)
    assert (await admin.get(f"/people/{person}/trail", params=HOUR)).status_code == 200


@pytest.mark.parametrize("reason", [None, "", "  ", "     ", "\t\n \u3000", "  a  ", "ab", "x" * 201])
@pytest.mark.parametrize("path", ["position", "trail"])
async def test_without_a_reason_nothing_is_shown(
    admin: httpx.AsyncClient, audit: Audit, child: str, path: str, reason: str | None
) -> None:
    asked = {key: value for key, value in (HOUR | {"reason": reason}).items() if value is not None}
    body = problem_of(await admin.get(f"/people/{child}/{path}", params=asked), 422)
    assert [one["field"] for one in body["errors"]] == ["reason"]
    assert await audit.looks(child) == []


async def test_a_reason_is_written_down_without_the_spaces_around_it(
    admin: httpx.AsyncClient, audit: Audit, child: str
) -> None:
    await admin.get(f"/people/{child}/position", params={"reason": f"  {WHY}\n"})
    assert [look.reason for look in await audit.looks(child)] == [WHY]


async def test_each_look_is_a_line_that_says_who_saw_what_and_why(
    caller: Callable, audit: Audit, child: str, pool: Pool, watch: str
) -> None:
    await went(pool, child, watch, (0, 1))
    dispatcher = await caller("dispatcher")
    await dispatcher.get(f"/people/{child}/position", params={"reason": WHY})
    await dispatcher.get(f"/people/{child}/trail", params=HOUR)
    assert [(one.who, one.role, one.what, one.shown, one.reason) for one in await audit.looks(child)] == [
        (f"token dispatcher of {DISTRICT}", "dispatcher", "saw the place", shown, WHY)
        for shown in ("the trail from 2026-11-22 07:30 to 2026-11-22 09:30 UTC", "the last position")
    ]


async def test_the_last_position_is_the_live_one_with_its_age_and_device(
    admin: httpx.AsyncClient, child: str, watch: str, live: Live, pool: Pool
) -> None:
    asked = {"reason": WHY}
    nothing = (await admin.get(f"/people/{child}/position", params=asked)).json()
    assert (nothing["position"], nothing["age_s"], nothing["live"]) == (None, None, False)
    await went(pool, child, watch, (-60, -59))
    kept = (await admin.get(f"/people/{child}/position", params=asked)).json()
    assert (kept["age_s"], kept["live"], kept["position"]["device_kind"]) == (60.0, False, "watch")
    at = round((AT - timedelta(seconds=20)).timestamp() * 1_000_000)
    await live.put_positions({child: LastFix(watch, at, at, 126.9, 37.6, 5.0, 1.5, 90.0, 71.0)})
    last = (await admin.get(f"/people/{child}/position", params=asked)).json()
    assert last == {
        "person": child,
        "now": "2026-11-22T08:30:00Z",
        "live": True,
        "age_s": 20.0,
        "position": {
            "at": "2026-11-22T08:29:40Z",
            "received_at": "2026-11-22T08:29:40Z",
            "point": [126.9, 37.6],
            "accuracy_m": 5.0,
            "speed": 1.5,
            "course": 90.0,
            "battery": 71.0,
            "device": f"{watch[:6]}…",
            "device_kind": "watch",
            "late": False,
        },
    }


async def test_the_trail_comes_in_pages_in_order_of_time_and_nothing_is_left_out(
    admin: httpx.AsyncClient, child: str, watch: str, pool: Pool
) -> None:
    await went(pool, child, watch, *((n, n) for n in range(7)))
    await went(pool, child, "another", (3, 3), (5000, 5000))
    seconds, after = [], None
    for _ in range(5):
        asked = HOUR | {"limit": 3} | ({"after": after} if after else {})
        page = (await admin.get(f"/people/{child}/trail", params=asked)).json()
        assert len(page["items"]) <= 3
        seconds += [(one["at"][17:19], one["device_kind"]) for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert after is None
    kinds = sorted([("03", "watch"), ("03", None)], key=seconds.index)
    assert seconds == [(f"0{n}", "watch") for n in range(3)] + kinds + [(f"0{n}", "watch") for n in range(4, 7)]


async def test_what_came_after_a_newer_fix_of_its_device_is_late(
    admin: httpx.AsyncClient, child: str, watch: str, pool: Pool
) -> None:
    await went(pool, child, watch, (0, 0), (10, 30), (20, 20), (40, 90), (50, 90))
    await went(pool, child, "another", (5, 300))
    items = (await admin.get(f"/people/{child}/trail", params=HOUR)).json()["items"]
    assert {one["at"][17:19]: one["late"] for one in items} == {
        "00": False,
        "05": False,  # another device's clock says nothing about this one
        "10": True,
        "20": False,
        "40": False,  # both came at once
        "50": False,
    }


async def test_the_trail_as_geojson(admin: httpx.AsyncClient, child: str, watch: str, pool: Pool) -> None:
    await went(pool, child, watch, (0, 1))
    answer = await admin.get(f"/people/{child}/trail", params=HOUR | {"format": "geojson"})
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [126.92, 37.61]}
    assert feature["properties"]["accuracy_m"] == 8.0
    assert "point" not in feature["properties"]


@pytest.mark.parametrize(
    "change",
    [
        {"from": "2026-11-22T08:00:00"},
        {"from": "yesterday"},
        {"to": HOUR["from"]},
        {"to": (AT + timedelta(days=40)).isoformat()},
        {"from": "0001-01-01T00:00:00+09:00", "to": "0001-01-02T00:00:00+09:00"},
        {"from": "9999-12-31T00:00:00Z", "to": "9999-12-31T23:59:59-09:00"},
        {"limit": "100000"},
        {"after": "nonsense"},
        {"after": "gqJhdA"},
        {"format": "xml"},
    ],
    ids=str,
)
async def test_what_is_asked_wrongly_is_said_in_words_and_shows_nothing(
    admin: httpx.AsyncClient, audit: Audit, child: str, change: dict[str, str]
) -> None:
    problem_of(await admin.get(f"/people/{child}/trail", params=HOUR | change), 422)
    assert await audit.looks(child) == []


async def test_a_trail_says_from_when_on_it_is_kept(admin: httpx.AsyncClient, child: str) -> None:
    """An empty answer about an earlier day says nothing about where the person was."""
    long_ago = {"from": (AT - timedelta(days=60)).isoformat(), "to": (AT - timedelta(days=59)).isoformat()}
    for kind, days in (("child", 30), ("elder", 7)):
        await admin.patch(f"/people/{child}", json={"kind": kind})
        for shape in ("json", "geojson"):
            answer = await admin.get(f"/people/{child}/trail", params=HOUR | long_ago | {"format": shape})
            assert datetime.fromisoformat(answer.json()["kept_from"]) == AT - timedelta(days=days)


async def test_two_look_at_once_and_both_are_written_down(admin: httpx.AsyncClient, audit: Audit, child: str) -> None:
    answers = await asyncio.gather(*(admin.get(f"/people/{child}/trail", params=HOUR) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(await audit.looks(child)) == 8


async def test_the_description_has_an_example_of_each(caller: Callable) -> None:
    paths = (await (await caller(None)).get("http://wall.test/api/openapi.json")).json()["paths"]
    for path in ("position", "trail"):
        answer = paths[f"/api/v1/people/{{row_id}}/{path}"]["get"]["responses"]["200"]
        assert answer["content"]["application/json"]["example"]["person"]
