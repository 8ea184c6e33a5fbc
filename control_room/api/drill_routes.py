"""Tests of a person's button and of the guardians' telephones (`haechi.domain.drills` says what is a test)."""

from datetime import datetime
from typing import Literal

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from control_room.api.access import District, in_any, the_districts
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.store.drills import ButtonTest, Drills
from haechi.store.registry import PEOPLE, Registry


class DrillBody(Body):
    """What is tested."""

    what: Literal["button", "phones"] = Field(
        "button", description="button: the next press is a test. phones: each guardian gets a message to be answered."
    )


class Tested(msgspec.Struct, frozen=True):
    """The newest test of the button; and, when telephones were asked for, since when that is due."""

    button: ButtonTest | None
    phones_due_at: datetime | None = None


def add_drills(router: APIRouter, registry: Registry, drills: Drills) -> None:
    """The requests about tests."""

    async def test(request: Request, row_id: str, body: DrillBody | None = None, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "handle incidents", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        if body is None or body.what == "button":
            return _json(Tested(await drills.open_window(person.district, person.id, by=principal.name)), 201)
        due = await drills.ask_phones(person.district, person.id, by=principal.name)
        return _json(Tested(await drills.newest(person.id), due), 201)

    async def show(request: Request, row_id: str, district: District = None) -> Response:
        places = the_districts(principal_of(request.scope), "read registry", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        return _json(Tested(await drills.newest(person.id)))

    one, asked = "/people/{row_id}/test", "Test the button, or the guardians' telephones; told to guardians only"
    router.add_api_route(one, test, methods=["POST"], status_code=201, summary=asked, tags=["people"])
    router.add_api_route(one, show, methods=["GET"], summary="The newest test of the button", tags=["people"])


def _json(value: object, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value), status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
