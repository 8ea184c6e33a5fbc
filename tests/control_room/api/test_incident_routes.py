from collections.abc import Callable
from datetime import timedelta

import httpx
import msgspec
import pytest
import pytest_asyncio

from haechi.domain.geo import Point
from haechi.domain.incidents import Acknowledge, Incident
from haechi.domain.people import Position
from haechi.domain.signatures import signature
from haechi.ids import new_id
from haechi.store.audit import Audit
from haechi.store.incidents import Incidents
from tests.control_room.api.build import CAMERA, PERSON, problem_of
from tests.haechi.store.conftest import AT, DISTRICT, GUARDIAN, raised

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def incident(incidents: Incidents) -> Incident:
    applied = await incidents.apply_alert(raised(), lambda _: [GUARDIAN], AT + timedelta(milliseconds=40))
    assert applied.incident is not None
    return applied.incident


async def test_an_incident_shows_its_trail_its_deliveries_and_its_latency(caller: Callable, incident: Incident) -> None:
    shown = (await (await caller("operator")).get(f"/incidents/{incident.id}")).json()
    assert shown["incident"]["id"] == incident.id
    assert [event["kind"] for event in shown["trail"]] == ["opened"]
    assert [(one["recipient"]["name"], one["state"]) for one in shown["deliveries"]] == [("Kim Minji", "pending")]
    assert shown["latency_ms"] == {
        "event_to_received": 0,
        "event_to_decided": 0,
        "event_to_incident": 40,
        "event_to_first_attempt": None,
        "event_to_acknowledged": None,
    }


async def test_no_answer_tells_the_credential_of_a_device(caller: Callable, incidents: Incidents) -> None:
    device = "k3v7p2xq9m4t8c6w5n2h7d3f9r"
    fix = Position(device, "p-1", AT, AT, Point(127.0, 37.5))
    alert = raised()
    alert = msgspec.structs.replace(alert, because=msgspec.structs.replace(alert.because, fixes=(fix,)))
    applied = await incidents.apply_alert(alert, lambda _: [], AT)
    assert applied.incident is not None
    other, operator = await caller("dispatcher"), await caller("operator")
    path = f"/incidents/{applied.incident.id}"
    answers = [await other.get("/incidents"), await other.get(path), await operator.post(f"{path}/acknowledge")]
    for answer in answers:
        assert device[:6] in answer.text
        assert device not in answer.text


@pytest.mark.parametrize("known", [True, False])
async def test_what_a_guardian_signed_is_shown_by_name_in_every_answer(
    caller: Callable, admin: httpx.AsyncClient, incidents: Incidents, incident: Incident, known: bool
) -> None:
    row = (await admin.post("/guardians", json={"name": "Lee Sora"})).json()
    sign = signature(row["id"] if known else new_id())
    await incidents.apply_command(incident.id, DISTRICT, Acknowledge(sign, AT))
    operator, path = await caller("operator"), f"/incidents/{incident.id}"
    (listed,) = (await operator.get("/incidents")).json()["items"]
    noted = (await operator.post(f"{path}/notes", json={"words": "called"})).json()
    for shown in (listed, noted):
        assert {shown["acknowledged_by"], shown["owner"]} == {"Lee Sora (guardian)" if known else "a guardian"}
    answers = [await operator.get("/incidents"), await operator.get(path), await operator.get(f"{path}/explanation")]
    assert not [answer.url for answer in answers if "guardian:" in answer.text]


async def test_nobody_takes_an_incident_as_if_a_guardian_had(caller: Callable, incident: Incident) -> None:
    path = f"/incidents/{incident.id}/own"
    problem = problem_of(await (await caller("operator")).post(path, json={"owner": signature(GUARDIAN.id)}), 422)
    assert "how a guardian signs" in str(problem)


async def test_an_operator_sees_no_place_of_what_is_over(
    caller: Callable, incidents: Incidents, incident: Incident
) -> None:
    operator, dispatcher = await caller("operator"), await caller("dispatcher")
    path = f"/incidents/{incident.id}"

    async def told(who: httpx.AsyncClient) -> set[bool]:
        return {"126.98" in (await who.get(one)).text for one in ("/incidents", path, f"{path}/explanation")}

    assert [await told(who) for who in (operator, dispatcher)] == [{True}, {True}]
    for command, body in (("acknowledge", {}), ("close", {"outcome": "found"})):
        after = await operator.post(f"{path}/{command}", json=body)
    assert after.json()["point"] is None
    assert [await told(who) for who in (operator, dispatcher)] == [{False}, {True}]


async def test_who_closes_while_somebody_presses_again_is_told_of_it_first(
    caller: Callable, incidents: Incidents, incident: Incident
) -> None:
    operator, path = await caller("operator"), f"/incidents/{incident.id}"
    seen = (await operator.post(f"{path}/acknowledge")).json()["presses"]
    await incidents.apply_alert(raised(at=AT + timedelta(seconds=20)), lambda _: ())
    refused = await operator.post(f"{path}/close", json={"outcome": "false alarm", "presses": seen})
    assert "called again meanwhile" in problem_of(refused, 409)["detail"]
    closed = await operator.post(f"{path}/close", json={"outcome": "found", "presses": seen + 1})
    assert closed.json()["state"] == "closed"


async def test_an_operator_acknowledges_notes_owns_and_closes(
    caller: Callable, incident: Incident, audit: Audit
) -> None:
    operator = await caller("operator")
    path = f"/incidents/{incident.id}"
    problem_of(await operator.post(f"{path}/close", json={"outcome": "too early"}), 409)
    acknowledged = (await operator.post(f"{path}/acknowledge")).json()
    assert (acknowledged["state"], acknowledged["acknowledged_by"]) == ("acknowledged", "token operator of haneul")
    assert (await operator.post(f"{path}/notes", json={"words": "called the school"})).status_code == 200
    assert (await operator.post(f"{path}/own")).json()["owner"] == "token operator of haneul"
    assert (await operator.post(f"{path}/own", json={"owner": None})).json()["owner"] is None
    closed = (await operator.post(f"{path}/close", json={"outcome": "found", "presses": 1})).json()
    assert closed["state"] == "closed"
    problem_of(await operator.post(f"{path}/acknowledge"), 409)
    trail = (await operator.get(path)).json()["trail"]
    assert [event["kind"] for event in trail] == ["opened", "acknowledged", "note", "owner", "owner", "closed"]
    subjects = [entry.what for entry in await audit.recent(DISTRICT) if entry.subject == f"incident:{incident.id}"]
    assert subjects[::-1] == ["acknowledged", "noted", "changed owner", "changed owner", "closed", "looked at"]


@pytest.mark.parametrize(
    ("role", "reads", "handles"),
    [("operator", 200, 200), ("dispatcher", 200, 200), ("supervisor", 200, 200), ("administrator", 200, 200), ("auditor", 200, 403), (None, 401, 401)],
)  # fmt: skip
async def test_who_may_read_and_handle_incidents(
    caller: Callable, incident: Incident, role: str, reads: int, handles: int
) -> None:
    client = await caller(role)
    assert (await client.get("/incidents")).status_code == reads
    assert (await client.get(f"/incidents/{incident.id}")).status_code == reads
    assert (await client.post(f"/incidents/{incident.id}/acknowledge")).status_code == handles


async def test_a_token_of_another_district_sees_no_incident(caller: Callable, incident: Incident) -> None:
    stranger = await caller("supervisor", "other")
    assert (await stranger.get("/incidents")).json() == {"items": [], "next": None}
    problem_of(await stranger.get(f"/incidents/{incident.id}"), 404)
    problem_of(await stranger.post(f"/incidents/{incident.id}/acknowledge"), 404)
    problem_of(await stranger.get("/incidents/not-an-id"), 404)


async def test_incidents_come_in_pages_and_can_be_the_open_ones(caller: Callable, incidents: Incidents) -> None:
    operator = await caller("operator")
    for n in range(5):
        await incidents.apply_alert(raised(subject=f"p{n}"), lambda _: [], AT + timedelta(minutes=n))
    first = (await operator.get("/incidents", params={"limit": 3})).json()
    second = (await operator.get("/incidents", params={"limit": 3, "before": first["next"]})).json()
    assert [one["subject"] for one in first["items"] + second["items"]] == ["p4", "p3", "p2", "p1", "p0"]
    assert second["next"] is None
    newest = first["items"][0]["id"]
    await operator.post(f"/incidents/{newest}/acknowledge")
    await operator.post(f"/incidents/{newest}/close", json={"outcome": "test"})
    opened = (await operator.get("/incidents", params={"open": "true"})).json()["items"]
    assert [one["subject"] for one in opened] == ["p3", "p2", "p1", "p0"]


async def test_the_audit_is_for_those_who_may_read_it(caller: Callable, incident: Incident) -> None:
    operator, auditor = await caller("operator"), await caller("auditor")
    await operator.get(f"/incidents/{incident.id}")
    problem_of(await operator.get("/audit"), 403)
    (entry,) = (await auditor.get("/audit")).json()["items"]
    assert (entry["what"], entry["subject"]) == ("looked at", f"incident:{incident.id}")


@pytest.mark.parametrize(("path", "body"), [("notes", {}), ("notes", {"words": " "}), ("close", {"outcome": ""})])
async def test_words_are_needed_where_words_are_the_point(
    admin: httpx.AsyncClient, incident: Incident, path: str, body: dict[str, str]
) -> None:
    problem_of(await admin.post(f"/incidents/{incident.id}/{path}", json=body), 422)


async def test_why_it_was_raised_is_told_in_words_and_asking_is_a_look(
    caller: Callable, incident: Incident, audit: Audit
) -> None:
    operator = await caller("operator")
    answer = (await operator.get(f"/incidents/{incident.id}/explanation")).json()
    assert answer["number"] == incident.number
    assert {"What", "Why", "When", "Who was not told"} <= {section["title"] for section in answer["sections"]}
    looks = await audit.looks(incident.subject)
    assert [(look.role, look.shown) for look in looks] == [
        ("operator", f"the explanation of incident {incident.number}")
    ]
    problem_of(await (await caller("operator", "other")).get(f"/incidents/{incident.id}/explanation"), 404)


async def test_whoever_reads_an_incident_that_says_where_a_person_is_is_on_the_persons_list(
    caller: Callable, admin: httpx.AsyncClient, incidents: Incidents, audit: Audit
) -> None:
    person = (await admin.post("/people", json=PERSON)).json()["id"]
    camera = (await admin.post("/cameras", json=CAMERA)).json()["id"]
    opened = (await incidents.apply_alert(raised(subject=person), lambda _: [])).incident
    await incidents.apply_alert(raised(kind="trespass", subject=camera), lambda _: [])
    assert opened is not None
    dispatcher, auditor, operator = await caller("dispatcher"), await caller("auditor"), await caller("operator")
    for _ in range(3):
        await dispatcher.get("/incidents")
    listed = {one["subject"]: one["point"] for one in (await auditor.get("/incidents")).json()["items"]}
    assert listed[person] is None
    assert listed[camera] is not None
    for path in (f"/incidents/{opened.id}", f"/incidents/{opened.id}/explanation"):
        assert "126.98" not in (await auditor.get(path)).text, "an auditor sees no place"
    assert "126.98" in (await operator.get(f"/incidents/{opened.id}")).text
    looks = await audit.looks(person)
    assert [(one.role, one.shown, one.reason) for one in looks] == [
        ("operator", f"incident {opened.number}", "opened it"),
        ("dispatcher", f"incident {opened.number}", "a list of incidents"),
    ]
    assert await audit.looks(camera) == []


async def test_a_delivery_tells_no_address_that_one_could_post_to(
    caller: Callable, incidents: Incidents, incident: Incident
) -> None:
    to = msgspec.structs.replace(GUARDIAN, address="https://chat.example/hook/s3cret")
    await incidents.apply_alert(raised(kind="man-down", subject=incident.subject), lambda _: [to], AT)
    supervisor = await caller("supervisor")
    found = [one for one in (await supervisor.get("/incidents")).json()["items"] if one["kind"] == "man-down"]
    shown = (await supervisor.get(f"/incidents/{found[0]['id']}")).json()
    assert [one["recipient"]["address"] for one in shown["deliveries"]] == ["https://chat.example/***"]
