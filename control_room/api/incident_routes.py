"""Incidents as other systems see them: list, one with its trail, deliveries and latency, and what people do."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import Field, field_validator

from control_room.api.access import District, in_any, the_district, the_districts
from control_room.api.models import Instant, Words, masked_webhook
from control_room.api.operations import add_operation
from control_room.api.places import Body
from control_room.details import look_at
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.access import Principal, sees_place_of
from haechi.domain.deliveries import DeliveryView
from haechi.domain.explaining import Explanation, explain
from haechi.domain.incidents import (
    Acknowledge,
    Close,
    Command,
    Incident,
    IncidentEvent,
    Note,
    Own,
    for_people,
    trail_for_people,
)
from haechi.domain.signatures import forges, named, signed
from haechi.ids import front_of
from haechi.store.audit import Audit, AuditEntry, Look, OwnReason
from haechi.store.incidents import Incidents
from haechi.store.registry import Registry, zone_of


class NoteBody(Body):
    """Words for the trail."""

    words: Words


class OwnBody(Body):
    """Who takes it; null gives it back, nothing means the caller."""

    owner: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @field_validator("owner")
    @classmethod
    def _as_nobody_else(cls, owner: str | None) -> str | None:
        if owner is not None and forges(owner):
            raise ValueError("this is how a guardian signs; a guardian takes an incident on the page of their message")
        return owner


class CloseBody(Body):
    """How it ended."""

    outcome: Words
    presses: int | None = Field(
        None,
        ge=1,
        description="The incident's `presses` that the caller has seen: 409 when somebody called for help again since.",
    )


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from the event on; None is not there yet."""

    event_to_received: float
    event_to_decided: float
    event_to_incident: float
    event_to_first_attempt: float | None
    event_to_acknowledged: float | None


class Opened(msgspec.Struct, frozen=True):
    """An incident, whole."""

    incident: Incident
    trail: list[IncidentEvent]
    deliveries: list[DeliveryView]
    latency_ms: Latency


class IncidentsPage(msgspec.Struct, frozen=True):
    """`next` is the `before` of the page that follows."""

    items: list[Incident]
    next: datetime | None


class AuditPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[AuditEntry]


def latency_of(incident: Incident) -> Latency:
    """Every alert carries its own latency."""

    def since(at: datetime) -> float:
        return round((at - incident.starts_at).total_seconds() * 1000, 3)

    return Latency(
        event_to_received=since(incident.received_at),
        event_to_decided=since(incident.decided_at),
        event_to_incident=since(incident.opened_at),
        event_to_first_attempt=None if incident.first_attempt_at is None else since(incident.first_attempt_at),
        event_to_acknowledged=None if incident.acknowledged_at is None else since(incident.acknowledged_at),
    )


def add_incidents(
    router: APIRouter, registry: Registry, incidents: Incidents, audit: Audit, clock: Clock, tz: tzinfo
) -> None:
    """The requests about incidents, and the audit. `tz` is that of times in words."""

    async def list_incidents(
        request: Request,
        district: District = None,
        open: Annotated[bool, Query(description="Only open ones.")] = False,  # noqa: A002 - the parameter's name in the API
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before: Annotated[Instant | None, Query(description="Opened before; `next` of the page before.")] = None,
    ) -> IncidentsPage:
        principal = principal_of(request.scope)
        place = the_district(principal, "read incidents", district)
        rows = await incidents.recent(place, open_only=open, limit=limit, before=before)
        found = [for_people(one, places=sees_place_of(principal, one)) for one in rows]
        await audit.write(principal.name, f"listed {len(found)} incidents", f"district:{place}", place)
        await audit.follow(*await places_seen(principal, found, "a list of incidents"))
        return IncidentsPage(await shown(found), found[-1].opened_at if len(found) == limit else None)

    async def get_incident(request: Request, incident_id: str, district: District = None) -> Opened:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read incidents", district)
        incident, trail, deliveries = await looked_up(principal, incident_id, places)
        await audit.looked(principal.name, [f"incident:{incident.id}"], incident.district)
        await audit.look(*await places_seen(principal, [incident], "opened it"))
        incident, trail = named(incident, trail, deliveries)
        return Opened(_without_credentials(incident), trail, deliveries, latency_of(incident))

    async def explain_incident(request: Request, incident_id: str, district: District = None) -> Explanation:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read incidents", district)
        incident, trail, deliveries = await looked_up(principal, incident_id, places)
        zone = await zone_of(registry, incident) if sees_place_of(principal, incident) else None
        shown = f"the explanation of incident {incident.number}"
        district = incident.district
        look = Look(incident.subject, district, principal.name, principal.role_in(district), shown, "asked why")
        if sees_place_of(principal, incident):
            await audit.look(look)
        return explain(incident, trail, deliveries, zone, clock(), tz)

    async def looked_up(
        principal: Principal, incident_id: str, places: tuple[str, ...]
    ) -> tuple[Incident, list[IncidentEvent], list[DeliveryView]]:
        """As the principal may see them."""
        incident = await in_any(places, lambda place: incidents.get(incident_id, place))
        sees = sees_place_of(principal, incident)
        trail = trail_for_people(incident, await incidents.trail(incident.id), places=sees)
        deliveries = [_without_address(one) for one in await incidents.deliveries(incident.id)]
        return for_people(incident, places=sees), trail, deliveries

    async def shown(found: Sequence[Incident]) -> list[Incident]:
        """Guardians by the name that they have now, as in the audit."""
        names = await audit.names(by for one in found for by in (one.acknowledged_by, one.owner, one.closed_by) if by)
        return [_without_credentials(signed(one, names)) for one in found]

    async def places_seen(principal: Principal, found: Sequence[Incident], why: OwnReason) -> list[Look]:
        placed = [one for one in found if one.point is not None or one.because.fixes]
        people = await audit.of_people(one.subject for one in placed)
        return [look_at(principal, one, why) for one in placed if one.subject in people]

    async def acknowledge_incident(request: Request, incident_id: str, district: District = None) -> Incident:
        command = Acknowledge(principal_of(request.scope).name, clock())
        return await handled(request, incident_id, district, command, "acknowledged")

    async def note_on_incident(
        request: Request, incident_id: str, body: NoteBody, district: District = None
    ) -> Incident:
        command = Note(principal_of(request.scope).name, clock(), body.words)
        return await handled(request, incident_id, district, command, "noted")

    async def own_incident(
        request: Request, incident_id: str, body: OwnBody | None = None, district: District = None
    ) -> Incident:
        name = principal_of(request.scope).name
        owner = body.owner if body is not None and "owner" in body.model_fields_set else name
        return await handled(request, incident_id, district, Own(name, clock(), owner), "changed owner")

    async def close_incident(
        request: Request, incident_id: str, body: CloseBody, district: District = None
    ) -> Incident:
        command = Close(principal_of(request.scope).name, clock(), body.outcome, body.presses)
        return await handled(request, incident_id, district, command, "closed")

    async def handled(
        request: Request, incident_id: str, district: str | None, command: Command, what: OwnReason
    ) -> Incident:
        principal = principal_of(request.scope)
        places = the_districts(principal, "handle incidents", district)
        incident = await in_any(places, lambda place: incidents.apply_command(incident_id, place, command))
        incident = for_people(incident, places=sees_place_of(principal, incident))
        await audit.write(principal.name, what, f"incident:{incident.id}", incident.district)
        await audit.follow(*await places_seen(principal, [incident], what))
        return (await shown([incident]))[0]

    async def list_audit(
        request: Request, district: District = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> AuditPage:
        place = the_district(principal_of(request.scope), "read audit", district)
        return AuditPage(await audit.named(await audit.recent(place, limit)))

    one = "/incidents/{incident_id}"
    for method, path, handler, words in (
        ("GET", "/incidents", list_incidents, "List incidents, newest first"),
        ("GET", one, get_incident, "An incident with trail, deliveries and latency"),
        ("GET", f"{one}/explanation", explain_incident, "Why it was raised, in words"),
        ("POST", f"{one}/acknowledge", acknowledge_incident, "Acknowledge an incident"),
        ("POST", f"{one}/notes", note_on_incident, "Add words to the trail"),
        ("POST", f"{one}/own", own_incident, "Take an incident, or give it back"),
        ("POST", f"{one}/close", close_incident, "Close an acknowledged incident"),
    ):
        add_operation(router, method, path, handler, words, tag="incidents")
    add_operation(router, "GET", "/audit", list_audit, "Who saw and did what, newest first", tag="audit")


def _without_address(delivery: DeliveryView) -> DeliveryView:
    """Whoever knows a webhook's address can often post to it. In words why somebody cannot be told, it stays."""
    to = delivery.recipient
    if to.channel != "webhook" or not to.address:
        return delivery
    return msgspec.structs.replace(delivery, recipient=msgspec.structs.replace(to, address=masked_webhook(to.address)))


def _without_credentials(incident: Incident) -> Incident:
    """A device's id is what it reports under: whoever has it can press SOS for the person. Only its front is told."""
    fixes = tuple(msgspec.structs.replace(fix, device=front_of(fix.device)) for fix in incident.because.fixes)
    return msgspec.structs.replace(incident, because=msgspec.structs.replace(incident.because, fixes=fixes))
