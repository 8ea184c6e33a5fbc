"""What a person at the wall decides: acknowledge, take, write a note, close. Each is a command to the incident table."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.types import Scope

from haechi.clock import Clock
from haechi.domain.access import Principal
from haechi.domain.alerting import Acknowledge, Close, Command, Incident, Note, Own
from haechi.errors import NotFound, PermanentError

WORDS_AT_MOST = 2000

Who = Callable[[Scope], Principal]
B = TypeVar("B", bound=msgspec.Struct)


class OwnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None gives it back."""

    owner: str | None


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen or done."""

    words: str


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it ended."""

    outcome: str


class Commands(Protocol):
    """`haechi.store.incidents.Incidents`, as far as the actions need it."""

    async def apply_command(self, incident_id: str, district: str, command: Command) -> Incident: ...


class Actions:
    """The routes under /wall/incidents/{id}. Whoever may not handle an incident does not find it."""

    def __init__(self, who: Who, incidents: Commands, clock: Clock) -> None:
        self._who = who
        self._incidents = incidents
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/wall/incidents/{incident_id}", include_in_schema=False)
        for path, handler in (
            ("/acknowledge", self.acknowledge),
            ("/own", self.own),
            ("/note", self.note),
            ("/close", self.close),
        ):
            router.add_api_route(path, handler, methods=["POST"], status_code=204)
        return router

    async def acknowledge(self, request: Request, incident_id: str) -> Response:
        me = self._who(request.scope)
        return await self._apply(me, incident_id, Acknowledge(me.name, self._clock()))

    async def own(self, request: Request, incident_id: str) -> Response:
        me, body = self._who(request.scope), await _read(request, OwnBody)
        return await self._apply(me, incident_id, Own(me.name, self._clock(), body.owner))

    async def note(self, request: Request, incident_id: str) -> Response:
        me, body = self._who(request.scope), await _read(request, NoteBody)
        return await self._apply(me, incident_id, Note(me.name, self._clock(), _words(body.words)))

    async def close(self, request: Request, incident_id: str) -> Response:
        me, body = self._who(request.scope), await _read(request, CloseBody)
        return await self._apply(me, incident_id, Close(me.name, self._clock(), _words(body.outcome)))

    async def _apply(self, me: Principal, incident_id: str, command: Command) -> Response:
        for district in me.districts("handle incidents"):
            try:
                await self._incidents.apply_command(incident_id, district, command)
            except NotFound:
                continue
            return Response(status_code=204)
        raise NotFound("There is no such incident in the districts whose incidents you may handle.")


async def _read(request: Request, kind: type[B]) -> B:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise PermanentError(f"The request cannot be read: {error}.") from error


def _words(text: str) -> str:
    words = text.strip()
    if not 0 < len(words) <= WORDS_AT_MOST:
        raise PermanentError(f"Write between 1 and {WORDS_AT_MOST} characters.")
    return words
