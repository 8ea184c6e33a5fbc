"""The wall's own requests: its base map, an opened incident, a picture. All behind the guard."""

import re
from collections.abc import Callable
from typing import Protocol

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from control_room.details import IncidentReader, Looks, details
from control_room.live.sources import Registry
from control_room.live.view import audience_of
from control_room.live.world import World
from control_room.pages.sign_in import sign_in_page
from control_room.wall_map import WallMap
from control_room.words import word
from haechi.clock import Clock
from haechi.domain.access import Principal, sees_place_of, sees_places
from haechi.domain.incidents import Incident, for_people
from haechi.errors import NotFound

_SECONDS = re.compile("[0-9]{1,5}")
Who = Callable[[Scope], Principal]


class EvidenceReader(Protocol):
    """`haechi.store.evidence.Evidence`, as far as the wall reads it."""

    async def get(self, sha256: str) -> bytes: ...


class WallRoutes:
    """Constructed with what the answers are made from."""

    def __init__(
        self,
        who: Who,
        world: World,
        registry: Registry,
        incidents: IncidentReader,
        evidence: EvidenceReader,
        looks: Looks,
        wall_map: WallMap,
        clock: Clock,
    ) -> None:
        self._who = who
        self._world = world
        self._registry = registry
        self._incidents = incidents
        self._evidence = evidence
        self._looks = looks
        self._wall_map = wall_map
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/sign-in", self.sign_in)
        router.add_api_route("/wall/map", self.wall_map)
        router.add_api_route("/wall/incidents/{incident_id}", self.incident)
        router.add_api_route("/evidence/{sha256}", self.picture)
        return router

    async def sign_in(self, failed: str = "", wait: str = "", next: str = "/") -> Response:  # noqa: A002 - the query's name
        """The page; the guard lets everyone see it. POST is `control_room.sign_in`'s."""
        waits = _SECONDS.fullmatch(wait)
        wrong = word("sign-in.wait", seconds=int(wait)) if waits else word("sign-in.wrong") if failed else None
        page = sign_in_page(wrong=wrong, next_path=next)
        return Response(page, media_type="text/html", headers={"cache-control": "no-store"})

    async def wall_map(self, request: Request) -> Response:
        headers = {"etag": self._wall_map.etag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == self._wall_map.etag:
            return Response(status_code=304, headers=headers)
        return Response(
            self._wall_map.body, media_type="application/geo+json", headers=headers | {"content-encoding": "gzip"}
        )

    async def incident(self, request: Request, incident_id: str) -> Response:
        """Opened: a look, written down."""
        principal, incident = await self._find(request, incident_id)
        await self._looks.record(
            principal.name, "opened", f"incident:{incident.id}", incident.district, f"incident {incident.number}"
        )
        answer = details(
            incident,
            await self._incidents.trail(incident.id),
            await self._incidents.deliveries(incident.id),
            self._world.view(audience_of(principal, (incident.district,)), self._clock()),
            self._registry.people.get(incident.subject),
            principal,
        )
        if answer.point is not None and answer.about == "person" and self._registry.people.get(incident.subject):
            await self._looks.opened(principal, incident)
        return Response(
            msgspec.json.encode(answer), media_type="application/json", headers={"cache-control": "no-store"}
        )

    async def picture(self, request: Request, sha256: str, incident: str) -> Response:
        """Evidence of `incident` and no other: a hash from elsewhere is not found. Whoever may not see where people are is
        shown none either: there are people in it."""
        principal, found = await self._find(request, incident)
        if not sees_places(principal, found.district):
            raise HTTPException(403, f"{principal.name} has not the right to see pictures of people.")
        if found.evidence != sha256:
            raise NotFound("This picture is no evidence of this incident.")
        data = await self._evidence.get(sha256)
        await self._looks.record(
            principal.name, "saw picture", f"evidence:{sha256}", found.district, f"incident {found.number}"
        )
        # Kept by no browser: a look out of its cache would be nobody's right, and leave no trace.
        return Response(data, media_type="image/jpeg", headers={"cache-control": "no-store"})

    async def _find(self, request: Request, incident_id: str) -> tuple[Principal, Incident]:
        principal = self._who(request.scope)
        for district in principal.districts("read incidents"):
            try:
                incident = await self._incidents.get(incident_id, district)
                return principal, for_people(incident, places=sees_place_of(principal, incident))
            except NotFound:
                continue
        raise NotFound("There is no such incident in your districts.")
