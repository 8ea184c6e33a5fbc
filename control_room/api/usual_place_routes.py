"""Where a person usually is: proposed, and made a safe zone only by a guardian's yes."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.exceptions import HTTPException

from control_room.api.access import District, NeededReason, in_any, the_districts
from control_room.api.errors import guardian_of_field
from control_room.api.models import Name, RowId
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.habits import UsualPlace
from haechi.store.audit import Look
from haechi.store.registry import PEOPLE, Registry
from haechi.store.usual_places import UsualPlaces

Number = Annotated[int, Field(ge=1)]


class AcceptBody(Body):
    """Whose yes it is, told to the desk, and what the safe zone is to be called."""

    guardian_id: RowId = Field(description="One of the person's guardians, who said yes.")
    name: Name


class UsualPlacesPage(msgspec.Struct, frozen=True):
    """By number."""

    items: list[UsualPlace]


def add_usual_places(router: APIRouter, registry: Registry, usual: UsualPlaces, clock: Clock) -> None:
    """The three requests."""

    async def list_usual_places(
        request: Request, row_id: str, reason: NeededReason, district: District = None
    ) -> UsualPlacesPage:
        principal = principal_of(request.scope)
        places = the_districts(principal, "see positions", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        if person.consent is None or not person.consent.allows("position", clock()):
            raise HTTPException(403, "No valid consent covers where this person is; nothing is shown.")
        role = principal.role_in(person.district)
        seen = Look(person.id, person.district, principal.name, role, "usual places", reason)
        return UsualPlacesPage(await usual.of(seen))

    async def accept_usual_place(
        request: Request, row_id: str, n: Number, body: AcceptBody, district: District = None
    ) -> UsualPlace:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        who, by = body.guardian_id, principal.name
        with guardian_of_field("guardian_id"):
            return await in_any(places, lambda place: usual.accept(place, row_id, n, body.name, guardian=who, by=by))

    async def decline_usual_place(request: Request, row_id: str, n: Number, district: District = None) -> UsualPlace:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        return await in_any(places, lambda place: usual.decline(place, row_id, n, by=principal.name))

    every = "/people/{row_id}/usual-places"
    listed = "Where the person usually is, as learned from the trail; nothing is decided by it without a yes"
    add_operation(router, "GET", every, list_usual_places, listed, tag="people")
    for name, handler, words in (
        ("accept", accept_usual_place, "Make it a safe zone, by a guardian's word"),
        ("decline", decline_usual_place, "Say that it is none; it is not proposed again"),
    ):
        add_operation(router, "POST", f"{every}/{{n}}/{name}", handler, words, tag="people", status=201)
