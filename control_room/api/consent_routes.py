"""A person's consent ledger: consents, withdrawals, pauses and resumptions, each an entry that stays."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from control_room.api.access import District, Reason, in_any, the_districts
from control_room.api.errors import guardian_of_field
from control_room.api.models import Instant, Name, RowId
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.consent import ConsentEntry, standing
from haechi.domain.people import Consent
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Decision, Given
from haechi.store.registry import PEOPLE, Registry

Remark = Annotated[str, Field(max_length=2000, description="A remark, such as where the signed form is kept.")]


class ConsentGivenBody(Body):
    """A consent. For a child under 14 its giver is one of the child's guardians."""

    given_by: Name | None = Field(None, description="By name; or give guardian_id.")
    guardian_id: RowId | None = Field(None, description="One of the person's guardians.")
    scopes: Annotated[list[Literal["position", "sos", "search"]], Field(min_length=1, max_length=3)]
    given_at: Instant | None = Field(None, description="From when on it counts; nothing means now.")
    expires_at: Instant | None = Field(None, description="The end; nothing means until it is withdrawn.")
    words: Remark = ""

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
    words: Remark = ""

    def value(self) -> Decision:
        return Decision(self.decided_by, None, self.words)


class PauseBody(DecisionBody):
    """A pause."""

    until: Instant | None = Field(None, description="When it ends by itself; nothing means when it is resumed.")

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

    async def list_consents(request: Request, row_id: str, district: District = None, reason: Reason = "") -> Ledger:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read registry", district)
        row = await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        await audit.looked(principal.name, [f"people:{row.value.id}"], row.value.district, reason)
        return await answered(row.value.id)

    async def give_consent(request: Request, row_id: str, body: ConsentGivenBody, district: District = None) -> Ledger:
        given, name = body.value(), principal_of(request.scope).name
        with guardian_of_field("given_by" if body.guardian_id is None else "guardian_id"):
            return await written(request, row_id, district, lambda place: consents.give(place, row_id, given, by=name))

    async def withdraw_consent(request: Request, row_id: str, body: DecisionBody, district: District = None) -> Ledger:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(
            request, row_id, district, lambda place: consents.withdraw(place, row_id, decision, by=name)
        )

    async def pause_consent(request: Request, row_id: str, body: PauseBody, district: District = None) -> Ledger:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(request, row_id, district, lambda place: consents.pause(place, row_id, decision, by=name))

    async def resume_consent(request: Request, row_id: str, body: DecisionBody, district: District = None) -> Ledger:
        decision, name = body.value(), principal_of(request.scope).name
        return await written(request, row_id, district, lambda place: consents.resume(place, row_id, decision, by=name))

    async def written(
        request: Request, row_id: str, district: str | None, write: Callable[[str], Awaitable[object]]
    ) -> Ledger:
        places = the_districts(principal_of(request.scope), "write registry", district)
        await in_any(places, write)
        return await answered(row_id)

    async def answered(person: str) -> Ledger:
        ledger = await consents.ledger(person)
        now = max([clock(), *(entry.at for entry in ledger[-1:])])  # its clock is the database's
        stands = standing(ledger)
        return Ledger(ledger, stands, stands is not None and stands.holds(now), now)

    every = "/people/{row_id}/consents"
    add_operation(router, "GET", every, list_consents, "The consent ledger of a person", tag="people")
    add_operation(router, "POST", every, give_consent, "Write down a consent", tag="people", status=201)
    for name, handler, words in (
        ("withdraw", withdraw_consent, "Withdraw the consent"),
        ("pause", pause_consent, "Pause the consent"),
        ("resume", resume_consent, "End the pause"),
    ):
        add_operation(router, "POST", f"{every}/{name}", handler, words, tag="people", status=201)
