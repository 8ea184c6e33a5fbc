"""Tests of a person's button and of the guardians' telephones (`haechi.domain.drills` says what is a test)."""

from datetime import datetime
from typing import Literal

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field

from control_room.api.access import District, in_any, the_districts
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.domain.signatures import in_words
from haechi.store.audit import Audit
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


def add_drills(router: APIRouter, registry: Registry, drills: Drills, audit: Audit) -> None:
    """The requests about tests."""

    async def ask_test(
        request: Request, row_id: str, body: DrillBody | None = None, district: District = None
    ) -> Tested:
        principal = principal_of(request.scope)
        places = the_districts(principal, "handle incidents", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        if body is None or body.what == "button":
            return Tested(await drills.open_window(person.district, person.id, by=principal.name))
        due = await drills.ask_phones(person.district, person.id, by=principal.name)
        return Tested(await newest(person.id), due)

    async def get_test(request: Request, row_id: str, district: District = None) -> Tested:
        places = the_districts(principal_of(request.scope), "read registry", district)
        person = (await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))).value
        return Tested(await newest(person.id))

    async def newest(person: str) -> ButtonTest | None:
        """For people to read: a guardian who asked stands there by name."""
        test = await drills.newest(person)
        if test is None:
            return None
        names = await audit.names([test.asked_by])
        return msgspec.structs.replace(test, asked_by=names.get(test.asked_by, in_words(test.asked_by)))

    one, asked = "/people/{row_id}/test", "Test the button, or the guardians' telephones; told to guardians only"
    add_operation(router, "POST", one, ask_test, asked, tag="people", status=201)
    add_operation(router, "GET", one, get_test, "The newest test of the button", tag="people")
