"""Tests of buttons and telephones, as the wall asks for them."""

from collections.abc import Callable

import pytest

from haechi.store.drills import Drills
from haechi.store.postgres import Pool
from tests.control_room.api.build import PERSON, problem_of
from tests.haechi.store.conftest import DISTRICT

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
