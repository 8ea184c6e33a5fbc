"""The public HTTP of the dispatch: a guardian's signed page, and what agencies answer."""

import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Literal, Protocol
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from standardwebhooks import Webhook as Judge
from standardwebhooks import WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from alerts.links import Link, Links
from alerts.minimap import MapSheet
from alerts.pages import (
    ALSO_ON_IT,
    FALSE_ALARM,
    NAME_CHARS,
    WAS_REAL,
    Looks,
    View,
    incident_page,
    looks_page,
    may_test,
    plain_page,
)
from alerts.words import words_of
from haechi.clock import Clock
from haechi.domain.alerting import KINDS, Alert
from haechi.domain.deliveries import DeliveryView, Recipient
from haechi.domain.drills import all_answered, as_real
from haechi.domain.habits import UsualPlace
from haechi.domain.incidents import Acknowledge, Command, EndTest, Incident, IncidentEvent, Note, for_people, placeless
from haechi.domain.people import Guardian, Person
from haechi.domain.signatures import signature
from haechi.errors import Conflict, NotFound, PermanentError, TransientError
from haechi.shown import one_line
from haechi.store.audit import AuditEntry, Look
from haechi.store.drills import A_DAY, ButtonTest

log = structlog.get_logger(__name__)

BODY_BYTES = 20_000
USUAL_PLACE = KINDS["usual-place"].name
LOOKS = 20  # of who looked at the place, on a page
_NUMBER = re.compile(r"[0-9]{1,18}")  # of a line of the audit
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
}


class Incidents(Protocol):
    """What is asked of `haechi.store.incidents.Incidents`."""

    async def get(self, incident_id: str, district: str) -> Incident: ...
    async def trail(self, incident_id: str) -> list[IncidentEvent]: ...
    async def deliveries(self, incident_id: str) -> list[DeliveryView]: ...
    async def apply_command(self, incident_id: str, district: str, command: Command) -> Incident: ...


class People(Protocol):
    """What is asked of `haechi.store.slices.RecipientsSlice`."""

    def guardians_of(self, person: str) -> Sequence[Guardian]: ...
    def name_of(self, person: str) -> str: ...
    def get(self, row_id: str) -> Person | None: ...


class Audit(Protocol):
    """What is asked of `haechi.store.audit.Audit`."""

    async def follow(self, *looks: Look) -> None: ...
    async def looks(self, person: str, limit: int, before: int | None) -> list[AuditEntry]: ...


class Drills(Protocol):
    """What is asked of `haechi.store.drills.Drills`."""

    async def newest(self, person: str) -> ButtonTest | None: ...
    async def open_window(self, district: str, person: str, *, by: str, at_most: int | None = None) -> ButtonTest: ...
    async def end_window(self, person: str) -> None: ...


class Places(Protocol):
    """What is asked of `haechi.store.usual_places.UsualPlaces`."""

    async def proposed(self, person: str) -> Sequence[UsualPlace]: ...
    async def accept(self, district: str, person: str, n: int, name: str, *, guardian: str, by: str) -> UsualPlace: ...
    async def decline(self, district: str, person: str, n: int, *, by: str) -> UsualPlace: ...


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agency answers (the states of APCO/CSAA 2.101): its own number of the call, and words."""

    status: Literal["accepted", "rejected", "en route", "on scene"]
    reference: str = ""
    words: str = ""


class Callbacks:
    """The handlers. A guardian's right is the link, while it still guards that person; an agency's its signature."""

    def __init__(
        self,
        incidents: Incidents,
        people: People,
        audit: Audit,
        drills: Drills,
        places: Places,
        raise_alert: Callable[[Alert], Awaitable[object]],
        secrets: Callable[[Recipient], Awaitable[Sequence[str]]],
        links: Links,
        sheet: MapSheet,
        zone: ZoneInfo,
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        self._incidents = incidents
        self._people = people
        self._audit = audit
        self._drills = drills
        self._places = places
        self._raise_alert = raise_alert
        self._secrets = secrets
        self._links = links
        self._sheet = sheet
        self._zone = zone
        self._clock = clock
        self._count = Counter("haechi_callbacks", "Callbacks by what came of them", ("what",), registry=registry)

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/g/{token}", self.show, methods=["GET"]),
                Route("/g/{token}/looks", self.looks, methods=["GET"]),
                Route("/g/{token}/on-it", self.on_it, methods=["POST"]),
                Route("/g/{token}/statement", self.statement, methods=["POST"]),
                Route("/g/{token}/test", self.test, methods=["POST"]),
                Route("/g/{token}/real", self.real, methods=["POST"]),
                Route("/g/{token}/places/{n:int}/{answer}", self.place, methods=["POST"]),
                Route("/agency/{token}", self.agency, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ],
            exception_handlers={PermanentError: self._expired, NotFound: self._expired, TransientError: self._away},
        )

    async def health(self, _: Request) -> Response:
        """Whether the process answers."""
        return PlainTextResponse("ok")

    async def show(self, request: Request) -> Response:
        """The page. Looking changes nothing but leaves a trace: a place was disclosed to somebody."""
        link, whole, guardian = await self._guarded(request)
        covered = whole.open or self._may_know(whole.subject)  # whoever must still act is told where
        incident, name = for_people(whole if covered else placeless(whole)), signature(guardian.id)
        trail = await self._incidents.trail(incident.id)
        if incident.point is not None and request.method == "GET":
            shown = f"incident {incident.number}"
            await self._audit.follow(Look(incident.subject, link.district, name, "guardian", shown, "a message's link"))
        said = frozenset(event.words for event in trail if event.by == name)
        looks = await self._looks(incident.subject)
        test = await self._drills.newest(incident.subject)
        names = {signature(one.id): one.name for one in self._people.guardians_of(incident.subject)}
        person = self._people.name_of(incident.subject)
        token, places = request.path_params["token"], await self._offered(link, incident, name)
        view = View(incident, token, name, said, self._clock(), looks, test, names, person, covered, places)
        self._count.labels("page").inc()
        page = incident_page(view, words_of(guardian.language), self._sheet, self._zone)
        return HTMLResponse(page, headers=_HEADERS)

    async def looks(self, request: Request) -> Response:
        """Who looked at the place, beyond what the page of the incident shows."""
        _, incident, guardian = await self._guarded(request)
        before = request.query_params.get("before", "")
        looks = await self._looks(incident.subject, int(before) if _NUMBER.fullmatch(before) else None)
        self._count.labels("looks").inc()
        page = looks_page(looks, signature(guardian.id), words_of(guardian.language), self._zone)
        return HTMLResponse(page, headers=_HEADERS)

    async def _looks(self, person: str, before: int | None = None) -> Looks:
        found = await self._audit.looks(person, LOOKS + 1, before)
        return Looks(tuple(found[:LOOKS]), found[LOOKS - 1].id if len(found) > LOOKS else None)

    async def _offered(self, link: Link, incident: Incident, name: str) -> tuple[UsualPlace, ...] | None:
        """What the page asks about; seeing it is a look. Without a consent nothing of it is shown."""
        if incident.kind != USUAL_PLACE:
            return None
        if not self._may_know(incident.subject):
            return ()
        look = Look(incident.subject, link.district, name, "guardian", "usual places", "a message's link")
        await self._audit.follow(look)
        return tuple(await self._places.proposed(incident.subject))

    def _may_know(self, person: str) -> bool:
        known = self._people.get(person)
        return known is not None and known.consent is not None and known.consent.allows("position", self._clock())

    async def place(self, request: Request) -> Response:
        """Yes or no to a usual place: a guardian's word, and nobody else's, makes it a safe zone."""
        link, incident, guardian = await self._guarded(request)
        n, answer, by = request.path_params["n"], request.path_params["answer"], signature(guardian.id)
        if incident.kind != USUAL_PLACE or answer not in {"accept", "decline"} or not self._may_know(incident.subject):
            raise NotFound("This link does not ask about places.")
        try:
            if answer == "accept":
                name = await _form_field(request, "name")
                if not name:
                    return _back(request, up=3)
                await self._places.accept(
                    link.district, incident.subject, n, name[:NAME_CHARS], guardian=guardian.id, by=by
                )
            else:
                await self._places.decline(link.district, incident.subject, n, by=by)
        except (Conflict, NotFound) as error:
            # Another guardian was first, or it is usual no more: the page says what is left.
            log.info("callbacks.place_decided", incident=incident.id, reason=str(error))
        else:
            self._count.labels(f"place {answer}").inc()
        return _back(request, up=3)

    async def on_it(self, request: Request) -> Response:
        """ "I am on it": the acknowledgement. Somebody else's stands; then it is a line in the trail."""
        link, incident, guardian = await self._guarded(request)
        name, now = signature(guardian.id), self._clock()
        if incident.acknowledged_at is None:
            command: Command = Acknowledge(name, now)
        elif incident.acknowledged_by == name or await self._said(incident, name, ALSO_ON_IT):
            return _back(request)
        else:
            command = Note(name, now, ALSO_ON_IT)
        await self._apply(link, command)
        self._count.labels("on it").inc()
        if incident.status == "Test" and all_answered(
            await self._incidents.deliveries(incident.id), await self._incidents.trail(incident.id)
        ):
            await self._apply(link, EndTest(name, self._clock(), "every guardian who was told has answered"))
        return _back(request)

    async def test(self, request: Request) -> Response:
        """Opens the window in which the next press of the button is a test; never beside something real."""
        link, incident, guardian = await self._guarded(request)
        if may_test(incident):
            try:
                await self._drills.open_window(
                    link.district, incident.subject, by=signature(guardian.id), at_most=A_DAY
                )
            except Conflict as error:
                # Said in words: whoever took silence for a yes would press next, and call the police.
                log.info("callbacks.no_test", incident=incident.id, reason=str(error))
                words = words_of(guardian.language)
                return HTMLResponse(plain_page(words, words.no_try), HTTPStatus.CONFLICT, _HEADERS)
            self._count.labels("test").inc()
        return _back(request)

    async def real(self, request: Request) -> Response:
        """What was taken for a test was none: the alarm is raised, first, and then said to have been."""
        link, incident, guardian = await self._guarded(request)
        name, now = signature(guardian.id), self._clock()
        if incident.status == "Test" and incident.kind == "sos" and not await self._said(incident, name, WAS_REAL):
            await self._drills.end_window(incident.subject)  # or this would be the press that it waits for
            await self._raise_alert(as_real(incident, name, now))
            await self._apply(link, Note(name, now, WAS_REAL))
            self._count.labels("was real").inc()
        return _back(request)

    async def statement(self, request: Request) -> Response:
        """ "False alarm": a note for the operator, and never the end of anything."""
        link, incident, guardian = await self._guarded(request)
        name = signature(guardian.id)
        if not await self._said(incident, name, FALSE_ALARM):
            await self._apply(link, Note(name, self._clock(), FALSE_ALARM))
            self._count.labels("false alarm").inc()
        return _back(request)

    async def agency(self, request: Request) -> Response:
        """An agency's answer to a delivery of its own, signed with its webhook secret (Standard Webhooks)."""
        link = self._links.open_agency(request.path_params["token"], self._clock())
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too long\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        deliveries = await self._incidents.deliveries(link.incident)
        recipient = next((delivery.recipient for delivery in deliveries if delivery.id == link.holder), None)
        if recipient is None:
            raise NotFound("There is no such delivery.")
        if not _signed(body, dict(request.headers), await self._secrets(recipient)):
            self._count.labels("forged").inc()
            return PlainTextResponse("the signature does not fit\n", HTTPStatus.UNAUTHORIZED)
        try:
            answer = msgspec.json.decode(body, type=Answer)
        except msgspec.DecodeError as error:
            return PlainTextResponse(f"{error}\n", HTTPStatus.UNPROCESSABLE_ENTITY)
        parts = (answer.status, answer.reference[:100], answer.words[:500])
        said = " · ".join(part for part in map(one_line, parts) if part)
        incident = await self._incidents.get(link.incident, link.district)
        if not await self._said(incident, recipient.name, said):  # their retry of the same answer
            await self._apply(link, Note(recipient.name, self._clock(), said))
            self._count.labels(answer.status).inc()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _guarded(self, request: Request) -> tuple[Link, Incident, Guardian]:
        link = self._links.open_guardian(request.path_params["token"], self._clock())
        incident = await self._incidents.get(link.incident, link.district)
        for guardian in self._people.guardians_of(incident.subject):
            if guardian.id == link.holder:
                return link, incident, guardian
        raise NotFound("Whoever this link was made for does not guard this person any more.")

    async def _said(self, incident: Incident, by: str, words: str) -> bool:
        return any((event.by, event.words) == (by, words) for event in await self._incidents.trail(incident.id))

    async def _apply(self, link: Link, command: Command) -> None:
        try:
            await self._incidents.apply_command(link.incident, link.district, command)
        except Conflict as error:  # closed in between: the page says so
            log.info("callbacks.too_late", incident=link.incident, reason=str(error))

    async def _expired(self, request: Request, error: Exception) -> Response:
        self._count.labels("refused").inc()
        log.info("callbacks.refused", reason=str(error))
        if request.url.path.startswith("/agency/"):
            return PlainTextResponse(f"{error}\n", HTTPStatus.NOT_FOUND)
        words = words_of(request.headers.get("accept-language", "ko"))
        return HTMLResponse(plain_page(words, words.expired), HTTPStatus.NOT_FOUND, _HEADERS)

    async def _away(self, request: Request, error: Exception) -> Response:
        self._count.labels("away").inc()
        log.warning("callbacks.away", reason=str(error))
        words = words_of(request.headers.get("accept-language", "ko"))
        return HTMLResponse(
            plain_page(words, words.away), HTTPStatus.SERVICE_UNAVAILABLE, _HEADERS | {"retry-after": "2"}
        )


def _back(request: Request, up: int = 1) -> Response:
    """To the page again, so many steps up; a reload then repeats nothing. Relative, so that a proxy's prefix stays."""
    token = request.path_params["token"]
    return RedirectResponse(f"{'../' * up}{token}", HTTPStatus.SEE_OTHER, _HEADERS)


async def _form_field(request: Request, name: str) -> str:
    """A field of a form without files; empty where it is missing or the form is no form."""
    body = await _body(request)
    try:
        fields = parse_qs((body or b"").decode(), max_num_fields=10)
    except (UnicodeDecodeError, ValueError):
        return ""
    return fields.get(name, [""])[0].strip()


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is too long; never more than that in memory."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > BODY_BYTES:
            return None
    return bytes(parts)


def _signed(body: bytes, headers: dict[str, str], secrets: Sequence[str]) -> bool:
    for secret in secrets:
        try:
            Judge(secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: signatures that are not even base 64
            continue
        return True
    return False
