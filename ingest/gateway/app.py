"""The gateway's routes as an ASGI application: one row per road in."""

from collections.abc import Callable, Sequence

import msgspec
from prometheus_client import Counter
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from haechi.domain.people import Reader, Reporter
from haechi.errors import HaechiError
from haechi.failpoints import failpoint
from haechi.ids import input_id
from ingest.devices import FORMATS, DeviceFormat
from ingest.devices.report import Goodbye, NoFix, Posted, Report
from ingest.gateway.answers import problem, respond
from ingest.gateway.batches import PositionsDoor, TagsDoor
from ingest.gateway.requests import Body, Register, Rows, address_of, reporter_of, user_of
from ingest.intake import Intake
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused, overloaded
from ingest.sensors import sensorthings

_NO_PLACE = b"It tells no place; nothing was kept.\n"


class Readiness(msgspec.Struct, frozen=True):
    """What `/readyz` answers with; `ready` decides between 200 and 503."""

    ready: bool
    registry: bool
    spool_bytes: int
    spool_full: bool


def make_app(
    intake: Intake,
    reporters: Rows[Reporter],
    readers: Rows[Reader],
    metrics: IngestMetrics,
    readiness: Callable[[], Readiness],
    body_bytes: int,
    formats: Sequence[DeviceFormat] = FORMATS,
) -> ASGIApp:
    """All that the gateway answers to."""
    body, by_token = Body(body_bytes), Register(reporters)

    def door(form: DeviceFormat) -> ASGIApp:
        if form.by_reporter:
            return ForwardingDoor(form, intake, by_token, metrics, body)
        return DeviceDoor(form, intake, metrics, body)

    return Router(
        [
            *(Route(path, door(form), methods=form.methods) for form in formats for path in form.paths),
            Route("/v1/positions", PositionsDoor(intake, by_token, metrics.refused, body), methods=["POST"]),
            Route("/v1/tags", TagsDoor(intake, Register(readers), metrics.refused, body), methods=["POST"]),
            Route(sensorthings.PATH, SensorDoor(intake, metrics, body), methods=["POST"]),
            Route("/healthz", Healthz(), methods=["GET"]),
            Route("/readyz", Readyz(readiness), methods=["GET"]),
        ],
        redirect_slashes=False,
    )


class DeviceDoor:
    """One device format. What is understood and not kept is answered with 200, and why in words where the format leaves
    room for them."""

    def __init__(self, form: DeviceFormat, intake: Intake, metrics: IngestMetrics, body: Body) -> None:
        self._form = form
        self._intake = intake
        self._refused = metrics.refused
        self._ignored = metrics.ignored.labels(form.name)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at, left = self._intake.clock(), b""
        try:
            body = await self._body.read(scope, receive)
            report = self._form.parse(
                Posted(scope["query_string"], body, received_at, user_of(scope), self._intake.key_of)
            )
            match report:
                case Report():
                    await self._intake.report(report, received_at, address_of(scope))
                case Goodbye():
                    await self._intake.goodbye(report, received_at)
                case NoFix():
                    await self._intake.no_fix(report, received_at)
                    self._ignored.inc()
                    left = _NO_PLACE
                case None:
                    self._ignored.inc()
        except HaechiError as error:
            await _refuse_report(send, error, self._refused, self._form)
        else:
            failpoint("gateway.before_answer")
            await respond(send, 200, self._form.answer or left)


class ForwardingDoor:
    """A format in which a server reports for its devices. Without its token only a call for help passes, as a
    stranger's, and the server hears that its token is wrong."""

    def __init__(
        self, form: DeviceFormat, intake: Intake, reporters: Register[Reporter], metrics: IngestMetrics, body: Body
    ) -> None:
        self._form = form
        self._intake = intake
        self._reporters = reporters
        self._refused = metrics.refused
        self._ignored = metrics.ignored.labels(form.name)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = self._intake.clock()
        try:
            by = await reporter_of(scope, self._reporters)
            stranger = Refused(401, "no-token", "It must be sent with a reporter's token.", field="Authorization")
        except Refused as refusal:
            by, stranger = None, refusal
        try:
            body = await self._body.read(scope, receive)
            report = self._form.parse(Posted(scope["query_string"], body, received_at))
            if by is None and not (isinstance(report, Report) and report.urgent):
                raise stranger
            if isinstance(report, Report):
                await self._intake.report(report, received_at, address_of(scope), by)
            else:
                self._ignored.inc()
            if by is None:
                raise stranger
        except HaechiError as error:
            await _refuse_report(send, error, self._refused, self._form)
        else:
            failpoint("gateway.before_answer")
            await respond(send, 200, self._form.answer)


class SensorDoor:
    """SensorThings observations."""

    def __init__(self, intake: Intake, metrics: IngestMetrics, body: Body) -> None:
        self._intake = intake
        self._refused = metrics.refused
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = self._intake.clock()
        try:
            body = await self._body.read(scope, receive)
            reading = await self._intake.observation(sensorthings.parse(body, received_at), received_at)
        except HaechiError as error:
            await _refuse(send, error, self._refused)
        else:
            failpoint("gateway.before_answer")
            place = f"{sensorthings.PATH}({input_id(reading.sensor, reading.at, 'reading')})"
            await respond(send, 201, b"", ((b"location", place.encode()),))


class Healthz:
    """The process lives."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, 200, b"ok\n")


class Readyz:
    """Whether it could accept a position now."""

    def __init__(self, readiness: Callable[[], Readiness]) -> None:
        self._readiness = readiness

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        now = self._readiness()
        await respond(send, 200 if now.ready else 503, msgspec.json.encode(now))


async def _refuse_report(send: Send, error: HaechiError, refused: Counter, form: DeviceFormat) -> None:
    """Phones and Traccar servers send again whatever was refused, phones the oldest first and for ever: what no consent
    covers would hold up all that comes after it, a call for help too, and reach us as soon as there is one again."""
    if isinstance(error, Refused) and error.forget:
        refused.labels(error.reason).inc()
        await respond(send, 200, form.answer or f"{error.words}\n".encode())
    else:
        await _refuse(send, error, refused)


async def _refuse(send: Send, error: HaechiError, refused: Counter) -> None:
    refusal = error if isinstance(error, Refused) else overloaded(str(error))
    refused.labels(refusal.reason).inc()
    await problem(send, refusal)
