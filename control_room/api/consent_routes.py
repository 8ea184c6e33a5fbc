"""A person's consent ledger: consents, withdrawals, pauses and resumptions, each an entry that stays."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, Field, model_validator
from starlette.responses import Response

from control_room.api.access import District, in_any, the_districts
from control_room.api.models import Name, RowId
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.consent import ConsentEntry, standing
from haechi.domain.people import Consent
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Decision, Given
from haechi.store.registry import PEOPLE, Registry

Reason = Annotated[str, Query(max_length=200, description="Why a person's data is looked at; goes into the audit.")]
Words = Annotated[str, Field(max_length=2000, description="A remark, such as where the signed form is kept.")]


class ConsentGivenBody(Body):
    """A consent. For a child under 14 its giver is one of the child's guardians."""

    given_by: Name | None = Field(None, description="By name; or give guardian_id.")
    guardian_id: RowId | None = Field(None, description="One of the person's guardians.")
    scopes: Annotated[list[Literal["position", "sos", "search"]], Field(min_length=1, max_length=3)]
    given_at: AwareDatetime | None = Field(None, description="From when on it counts; nothing means now.")
    expires_at: AwareDatetime | None = Field(None, description="The end; nothing means until it is withdrawn.")
    words: Words = ""

    @model_validator(mode="after")
    def _by_somebody(self) -> Self:
        if (self.given_by is None) == (self.guardian_id is None):
            raise ValueError("give either given_by or guardian_id")
        return self

    def value(self) -> Given:
        scopes = tuple(dict.fromkeys(self.scopes))
        return Given(scopes, self.given_by, self.guardian_id, self.given_at, self.expires_at, self.words)


class DecisionBody(Body):
    """Whose word it is: the person's or a guardian's, who may do it at any time and for no reason."""

    decided_by: Name
    words: Words = ""

    def value(self) -> Decision:
        return Decision(self.decided_by, None, self.words)


class PauseBody(DecisionBody):
    """A pause."""

    until: AwareDatetime | None = Field(None, description="When it ends by itself; nothing means when it is resumed.")

    def value(self) -> Decision:
        return Decision(self.decided_by, self.until, self.words)


class Ledger(msgspec.Struct, frozen=True):
    """`items` in order; `stands` is what follows from them, `holds` whether it covers anything at this moment."""

    items: list[ConsentEntry]
    stands: Consent | None
    holds: bool
    at: datetime


def add_consents(router: APIRouter, registry: Registry, consents: Consents, audit: Audit, clock: Clock) -> None:
    """The requests about consent. A withdrawal stops the processing within 2 s, everywhere."""

    async def show(request: Request, row_id: str, district: District = None, reason: Reason = "") -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read registry", district)
        row = await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        await audit.looked(principal.name, [f"people:{row.value.id}"], row.value.district, reason)
        return await answered(row.value.id)

    async def give(request: Request, row_id: str, body: ConsentGivenBody, district: District = None) -> Response:
        given, name = body.value(), principal_of(request.scope).name
        return await written(request, row_id, district, lambda place: consents.give(place, row_id, given, by=name))

    async def withdraw(request: Request, row_id: str, body: DecisionBody, district: District = None) -> Response:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(
            request, row_id, district, lambda place: consents.withdraw(place, row_id, decision, by=name)
        )

    async def pause(request: Request, row_id: str, body: PauseBody, district: District = None) -> Response:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(request, row_id, district, lambda place: consents.pause(place, row_id, decision, by=name))

    async def resume(request: Request, row_id: str, body: DecisionBody, district: District = None) -> Response:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(request, row_id, district, lambda place: consents.resume(place, row_id, decision, by=name))

    async def written(
        request: Request, row_id: str, district: str | None, write: Callable[[str], Awaitable[object]]
    ) -> Response:
        places = the_districts(principal_of(request.scope), "write registry", district)
        await in_any(places, write)
        return await answered(row_id, 201)

    async def answered(person: str, status: int = 200) -> Response:
        ledger = await consents.ledger(person)
        now = max([clock(), *(entry.at for entry in ledger[-1:])])  # its clock is the database's
        stands = standing(ledger)
        body = Ledger(ledger, stands, stands is not None and stands.holds(now), now)
        headers = {"Cache-Control": "no-store"}
        return Response(msgspec.json.encode(body), status, media_type="application/json", headers=headers)

    every = "/people/{row_id}/consents"
    route = router.add_api_route
    route(every, show, methods=["GET"], summary="The consent ledger of a person", tags=["people"])
    route(every, give, methods=["POST"], status_code=201, summary="Write down a consent", tags=["people"])
    for name, handler, words in (
        ("withdraw", withdraw, "Withdraw the consent"),
        ("pause", pause, "Pause the consent"),
        ("resume", resume, "End the pause"),
    ):
        route(f"{every}/{name}", handler, methods=["POST"], status_code=201, summary=words, tags=["people"])
