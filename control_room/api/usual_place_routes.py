"""Where a person usually is: proposed, and made a safe zone only by a person's yes."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from control_room.api.access import District, in_any, the_districts
from control_room.api.models import Name
from control_room.api.places import Body
from control_room.api.whereabouts_routes import Reason
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.habits import UsualPlace
from haechi.store.audit import Look
from haechi.store.registry import PEOPLE, Registry
from haechi.store.usual_places import UsualPlaces

Number = Annotated[int, Field(ge=1)]


class AcceptBody(Body):
    """What the safe zone is to be called."""

    name: Name


class UsualPlacesPage(msgspec.Struct, frozen=True):
    """By number."""

    items: list[UsualPlace]


def add_usual_places(router: APIRouter, registry: Registry, usual: UsualPlaces, clock: Clock) -> None:
    """The three requests."""

    async def show(request: Request, row_id: str, reason: Reason, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "see positions", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        if person.consent is None or not person.consent.allows("position", clock()):
            raise HTTPException(403, "No valid consent covers where this person is; nothing is shown.")
        role = principal.role_in(person.district)
        seen = Look(person.id, person.district, principal.name, role, "usual places", reason)
        return _json(UsualPlacesPage(await usual.of(seen)))

    async def accept(request: Request, row_id: str, n: Number, body: AcceptBody, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        return _json(
            await in_any(places, lambda place: usual.accept(place, row_id, n, body.name, by=principal.name)), 201
        )

    async def decline(request: Request, row_id: str, n: Number, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        return _json(await in_any(places, lambda place: usual.decline(place, row_id, n, by=principal.name)), 201)

    every = "/people/{row_id}/usual-places"
    route = router.add_api_route
    listed = "Where the person usually is, as learned from the trail; nothing is decided by it without a yes"
    route(every, show, methods=["GET"], summary=listed, tags=["people"])
    for name, handler, words in (
        ("accept", accept, "Make it a safe zone"),
        ("decline", decline, "Say that it is none; it is not proposed again"),
    ):
        path = f"{every}/{{n}}/{name}"
        route(path, handler, methods=["POST"], status_code=201, summary=words, tags=["people"])


def _json(value: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(value), status, media_type="application/json", headers=headers)
