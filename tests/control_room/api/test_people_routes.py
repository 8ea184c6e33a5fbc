from collections.abc import Callable

import httpx
import pytest

from haechi.store.audit import Audit, Look
from tests.control_room.api.test_registry_routes import PERSON, problem_of
from tests.haechi.store.conftest import DISTRICT

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
