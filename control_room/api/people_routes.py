"""What concerns one person beyond their row: who looked at their place, and who must never be told about them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request

from control_room.api.access import District, Reason, in_any, the_districts
from control_room.api.models import RowId, Words
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.api.registry_routes import Beside
from control_room.api.resources import Answer
from control_room.guard import principal_of
from haechi.domain.people import Person
from haechi.store.audit import Audit, AuditEntry
from haechi.store.bars import Bar, Bars
from haechi.store.reach import Reaching
from haechi.store.registry import PEOPLE, Registry, Row


class BarBody(Body):
    """A guardian who must never be told about the person, such as by a court's order."""

    guardian_id: RowId
    reason: Words


class LiftBody(Body):
    """Why the guardian may be told again, once they are linked."""

    reason: Words


class BarsPage(msgspec.Struct, frozen=True):
    """In order; those with `lifted_at` are history."""

    items: list[Bar]


class LooksPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[AuditEntry]


def reach_beside(reaching: Reaching) -> Beside:
    """Beside a person's row: whether a guardian is proven reachable, and by when."""

    async def beside(rows: Sequence[Row[Person]]) -> dict[str, Answer]:
        found = await reaching.of([row.value.id for row in rows])
        return {
            person: {"reachable": one.reachable, "reached_at": one.reached_at.isoformat() if one.reached_at else None}
            for person, one in found.items()
        }

    return beside


def add_people(router: APIRouter, registry: Registry, bars: Bars, audit: Audit) -> None:
    """The requests about one person."""

    async def list_looks(
        request: Request,
        row_id: str,
        district: District = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Annotated[
            int | None, Query(ge=0, lt=2**63, description="Only those older than the one of this id.")
        ] = None,
    ) -> LooksPage:
        places = the_districts(principal_of(request.scope), "read audit", district)
        row = await in_any(places, lambda place: registry.get(PEOPLE, place, row_id, removed=True))
        return LooksPage(await audit.named(await audit.looks(row.value.id, limit, before)))

    async def list_bars(request: Request, row_id: str, district: District = None, reason: Reason = "") -> BarsPage:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read registry", district)
        row = await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        await audit.looked(principal.name, [f"people:{row.value.id}"], row.value.district, reason)
        return BarsPage(await bars.of(row.value.id))

    async def bar_guardian(request: Request, row_id: str, body: BarBody, district: District = None) -> BarsPage:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        who, why = body.guardian_id, body.reason
        await in_any(places, lambda place: bars.bar(place, row_id, who, why, by=principal.name))
        return BarsPage(await bars.of(row_id))

    async def lift_bar(
        request: Request, row_id: str, guardian_id: str, body: LiftBody, district: District = None
    ) -> BarsPage:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        await in_any(places, lambda place: bars.lift(place, row_id, guardian_id, body.reason, by=principal.name))
        return BarsPage(await bars.of(row_id))

    one = "/people/{row_id}"
    looked = "Who looked at where the person is or was, or was sent it, as what, and why; newest first"
    barred = "Bar a guardian from the person: unlinked, never told, every link they hold dead"
    lifted = "Lift a bar; the guardian is not linked by it"
    add_operation(router, "GET", f"{one}/looks", list_looks, looked, tag="people")
    add_operation(router, "GET", f"{one}/bars", list_bars, "Who is barred from the person", tag="people")
    add_operation(router, "POST", f"{one}/bars", bar_guardian, barred, tag="people", status=201)
    add_operation(router, "POST", f"{one}/bars/{{guardian_id}}/lift", lift_bar, lifted, tag="people", status=201)
