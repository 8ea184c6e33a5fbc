from collections.abc import Callable

import httpx
import pytest

from haechi.domain.deliveries import Recipient
from haechi.store.audit import Audit, Look
from haechi.store.incidents import Incidents
from haechi.store.outbox import Outbox, Received
from haechi.store.postgres import Pool
from tests.control_room.api.build import GUARDIAN, PERSON, problem_of
from tests.haechi.store.conftest import DISTRICT, raised

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_looked_at_a_persons_place_can_be_read_by_those_who_watch_the_watchers(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    person = (await admin.post("/people", json=PERSON)).json()["id"]
    await audit.look(Look(person, DISTRICT, "Park Ha-neul", "operator", "trail of today", "the mother asked"))
    for role in ("administrator", "supervisor", "auditor"):
        looks = (await (await caller(role)).get(f"/people/{person}/looks")).json()["items"]
        assert [(one["who"], one["role"], one["shown"], one["reason"]) for one in looks] == [
            ("Park Ha-neul", "operator", "trail of today", "the mother asked")
        ]
    problem_of(await (await caller("operator")).get(f"/people/{person}/looks"), 403)
    problem_of(await (await caller("administrator", "other")).get(f"/people/{person}/looks"), 404)


async def test_a_guardian_is_barred_and_the_bar_lifted(
    admin: httpx.AsyncClient, caller: Callable, audit: Audit
) -> None:
    father = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]
    person = (await admin.post("/people", json=PERSON | {"guardian_ids": [father]})).json()["id"]
    path, body = f"/people/{person}/bars", {"guardian_id": father, "reason": "order of the family court"}
    problem_of(await (await caller("operator")).post(path, json=body), 403)
    problem_of(await (await caller("administrator", "other")).post(path, json=body), 404)
    problem_of(await admin.post(path, json=body | {"reason": " "}), 422)
    assert (await admin.post(path, json=body)).status_code == 201
    assert (await admin.get(f"/people/{person}")).json()["guardian_ids"] == []
    problem_of(await admin.patch(f"/people/{person}", json={"guardian_ids": [father]}), 409)
    shown = (await (await caller("operator")).get(path)).json()["items"]
    assert [(one["guardian"], one["reason"]) for one in shown] == [(father, "order of the family court")]
    lifted = await admin.post(f"{path}/{father}/lift", json={"reason": "the order has ended"})
    assert lifted.json()["items"][0]["lifted_words"] == "the order has ended"
    problem_of(await admin.post(f"{path}/{father}/lift", json={"reason": "again"}), 404)
    assert (await admin.patch(f"/people/{person}", json={"guardian_ids": [father]})).status_code == 200


async def test_a_person_says_whether_a_guardian_is_proven_reachable_and_the_list_can_be_of_those_who_are_not(
    admin: httpx.AsyncClient, pool: Pool, incidents: Incidents
) -> None:
    mother = (await admin.post("/guardians", json=GUARDIAN)).json()
    near = (await admin.post("/people", json=PERSON | {"guardian_ids": [mother["id"]]})).json()
    far = (await admin.post("/people", json=PERSON)).json()
    assert (near["reachable"], near["reached_at"]) == (False, None)
    to = Recipient("guardian", mother["id"], mother["name"], "webhook", GUARDIAN["webhook_url"])
    await incidents.apply_alert(raised(subject=near["id"]), lambda _: [to])
    (sent,) = await Outbox(pool).lease("w", 10, 60)
    await Outbox(pool).delivered(Received(sent.id))
    shown = (await admin.get(f"/people/{near['id']}")).json()
    assert shown["reachable"] is True
    assert shown["reached_at"] is not None
    everyone = (await admin.get("/people")).json()["items"]
    assert {one["id"]: one["reachable"] for one in everyone} == {near["id"]: True, far["id"]: False}
    unreachable = (await admin.get("/people", params={"unreachable": "true"})).json()["items"]
    assert [one["id"] for one in unreachable] == [far["id"]]
    problem_of(await admin.get("/people", params={"unreachable": "perhaps"}), 422)
