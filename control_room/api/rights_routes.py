"""What a person may ask of us (GDPR art. 15 and 17, and their like): everything that is kept about them, and its erasure."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from control_room.api.access import District, NeededReason, in_any, the_districts
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.domain.erasure import Erasure
from haechi.errors import NotFound
from haechi.store.audit import Audit, Look
from haechi.store.erasures import Erasures
from haechi.store.export import SECTIONS, Export
from haechi.store.registry import PEOPLE, Registry

_RECEIPT: dict[str, Any] = {
    "id": "9b2f…",
    "person": "0bedfe1f-…",
    "district": "haneul",
    "asked_by": "Park Ha-neul",
    "asked_at": "2026-11-22T08:30:00Z",
    "state": "erased",
    "due_at": "2026-11-29T08:31:10Z",
    "incidents": [],
    "locked": [],
    "counts": {"positions of the trail": 43201, "devices": 2, "zones": 3, "the person": 1},
    "streams": {"positions": "2026-11-23T08:31:10Z", "urgent": "2026-11-29T08:31:10Z"},
    "begun_at": "2026-11-22T08:30:05Z",
    "erased_at": "2026-11-22T08:31:10Z",
    "final_at": None,
    "stores_by": "2026-11-23T08:30:00Z",
    "words": "The stores are empty of the person. …",
}


_EVERYTHING: dict[str, Any] = {
    "type": "object",
    "title": "Everything",
    "description": "A list of rows for each kind of what is kept.",
    "properties": {one.name: {"type": "array", "items": {"type": "object"}} for one in SECTIONS},
    "required": [one.name for one in SECTIONS],
}


class ErasureBody(Body):
    """Why, in words that name nobody: they stay in the audit."""

    reason: Annotated[str, Field(min_length=3, max_length=2000, pattern=r"\S", examples=["the mother asked for it"])]


def add_rights(router: APIRouter, registry: Registry, everything: Export, erasures: Erasures, audit: Audit) -> None:
    """The three requests."""

    async def export_person(request: Request, row_id: str, reason: NeededReason, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id, removed=True))).value
        if not person.name:
            raise NotFound(f"people/{person.id} was erased: nothing is left to export.")
        role = principal.role_in(person.district)
        await audit.look(Look(person.id, person.district, principal.name, role, "the export of everything", reason))
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="person-{person.id}.json"',
        }
        return StreamingResponse(everything.stream(person.id), media_type="application/json", headers=headers)

    async def erase_person(request: Request, row_id: str, body: ErasureBody, district: District = None) -> Erasure:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        return await in_any(places, lambda place: erasures.ask(place, row_id, body.reason, by=principal.name))

    async def get_erasure(request: Request, row_id: str, district: District = None) -> Erasure:
        places = the_districts(principal_of(request.scope), "read audit", district)
        return await in_any(places, lambda place: erasures.of(place, row_id))

    one = "/people/{row_id}"
    waits = (
        "Begins at once, or when the last open incident of the person is closed. The receipt says what went, and until "
        "when something is left: streams that nobody reads any more end by themselves, evidence under a lock stays."
    )
    whole = "Everything that is kept about a person, also about one who was removed"
    add_operation(router, "GET", f"{one}/export", export_person, whole, tag="people", schema=_EVERYTHING)
    add_operation(
        router,
        "POST",
        f"{one}/erasure",
        erase_person,
        "Erase a person",
        tag="people",
        status=202,
        description=waits,
        example=_RECEIPT,
    )
    add_operation(
        router,
        "GET",
        f"{one}/erasure",
        get_erasure,
        "The receipt of an erasure",
        tag="people",
        description=waits,
        example=_RECEIPT,
    )
