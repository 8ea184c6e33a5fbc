from collections.abc import Callable
from typing import Any

import httpx
import pytest

from haechi.store.audit import Audit
from tests.control_room.api.build import GUARDIAN, PERSON, problem_of
from tests.haechi.store.conftest import DISTRICT

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITTLE = PERSON | {"born": "2018-03-01"}  # under 14
MOTHER = {"decided_by": "Kim Minji"}


async def child(admin: httpx.AsyncClient, **changes: Any) -> tuple[str, str]:
    """The path of a new child's consents, and the mother's id."""
    mother = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]
    body = LITTLE | {"guardian_ids": [mother], "consent": None} | changes
    return f"/people/{(await admin.post('/people', json=body)).json()['id']}/consents", mother


async def test_a_consent_is_given_paused_resumed_withdrawn_and_given_again(admin: httpx.AsyncClient) -> None:
    path, mother = await child(admin)
    given = await admin.post(path, json={"guardian_id": mother, "scopes": ["position", "sos"]})
    assert given.status_code == 201, given.text
    assert given.json()["stands"]["given_by"] == "Kim Minji"
    assert given.json()["holds"] is True
    for action in ("pause", "resume", "withdraw"):
        assert (await admin.post(f"{path}/{action}", json=MOTHER)).status_code == 201
    assert (await admin.get(path.removesuffix("/consents"))).json()["consent"] is None
    problem_of(await admin.post(f"{path}/withdraw", json=MOTHER), 409)
    await admin.post(path, json={"given_by": "Kim Minji", "scopes": ["sos"], "expires_at": "2040-01-01T00:00:00Z"})
    ledger = (await admin.get(path)).json()
    kinds = [entry["kind"] for entry in ledger["items"]]
    assert kinds == ["given", "paused", "resumed", "withdrawn", "given"]
    assert ledger["stands"]["scopes"] == ["sos"]
    assert {entry["recorded_by"] for entry in ledger["items"]} == {f"token administrator of {DISTRICT}"}


async def test_the_consent_that_came_with_the_person_is_the_first_entry(admin: httpx.AsyncClient) -> None:
    person = (await admin.post("/people", json=PERSON)).json()
    ledger = (await admin.get(f"/people/{person['id']}/consents")).json()
    assert [(entry["kind"], entry["decided_by"]) for entry in ledger["items"]] == [("given", "Kim Minji")]
    assert ledger["holds"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"given_by": "Jihoon", "scopes": ["position"]}, 422),  # the child itself
        ({"given_by": "a teacher", "scopes": ["position"]}, 422),
        ({"guardian_id": "not-an-id", "scopes": ["position"]}, 422),
        ({"scopes": ["position"]}, 422),
        ({"given_by": "Kim Minji", "scopes": []}, 422),
        ({"given_by": "Kim Minji", "scopes": ["all"]}, 422),
        ({"given_by": "Kim Minji", "scopes": ["sos"], "given_at": "2026-01-01T00:00:00"}, 422),
        ({"given_by": "Kim Minji", "scopes": ["sos"], "expires_at": "2020-01-01T00:00:00Z"}, 409),
    ],
)
async def test_what_is_no_consent_is_refused_and_written_nowhere(
    admin: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    path, _ = await child(admin)
    problem_of(await admin.post(path, json=body), status)
    assert (await admin.get(path)).json()["items"] == []


async def test_for_a_child_under_14_a_guardian_is_registered_first_or_in_the_same_request(
    admin: httpx.AsyncClient,
) -> None:
    problem = problem_of(await admin.post("/people", json=LITTLE), 422)
    assert [one["field"] for one in problem["errors"]] == ["consent.given_by"]
    assert "Register the guardian first" in problem["detail"]
    alone = f"/people/{(await admin.post('/people', json=LITTLE | {'consent': None})).json()['id']}"
    problem = problem_of(await admin.patch(alone, json={"consent": LITTLE["consent"]}), 422)
    assert [one["field"] for one in problem["errors"]] == ["consent.given_by"]
    for body, field in (({"given_by": "Kim Minji"}, "given_by"), ({"guardian_id": "nobody"}, "guardian_id")):
        problem = problem_of(await admin.post(f"{alone}/consents", json=body | {"scopes": ["position"]}), 422)
        assert [one["field"] for one in problem["errors"]] == [field]
    mother = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]
    with_her = {"guardian_ids": [mother], "consent": LITTLE["consent"]}
    assert (await admin.patch(alone, json=with_her)).status_code == 200
    assert (await admin.post("/people", json=LITTLE | with_her)).status_code == 201


async def test_a_pause_may_end_by_itself(admin: httpx.AsyncClient) -> None:
    path, mother = await child(admin)
    await admin.post(path, json={"guardian_id": mother, "scopes": ["position"]})
    paused = await admin.post(f"{path}/pause", json=MOTHER | {"until": "2040-01-01T00:00:00Z"})
    assert paused.json()["stands"]["paused_until"] == "2040-01-01T00:00:00Z"
    problem_of(await admin.post(f"{path}/pause", json=MOTHER | {"until": "2020-01-01T00:00:00Z"}), 409)


async def test_reading_the_ledger_is_a_look_and_writing_needs_the_right(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    path, mother = await child(admin)
    body = {"guardian_id": mother, "scopes": ["position"]}
    operator, auditor, stranger = (
        await caller("operator"),
        await caller("auditor"),
        await caller("administrator", "other"),
    )
    problem_of(await operator.post(path, json=body), 403)
    problem_of(await auditor.get(path), 403)
    problem_of(await stranger.post(path, json=body), 404)
    problem_of(await stranger.get(path), 404)
    assert (await operator.get(path, params={"reason": "asked on the phone"})).status_code == 200
    newest = (await audit.recent(DISTRICT))[0]
    assert (newest.what, newest.subject, newest.reason) == (
        "looked at",
        path.replace("/people/", "people:").removesuffix("/consents"),
        "asked on the phone",
    )
