"""The gateway's routes as an ASGI application: one row per road in."""

import asyncio
from base64 import b64decode
from collections.abc import Callable

import msgspec
from prometheus_client import Counter
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from haechi.errors import HaechiError
from haechi.failpoints import failpoint
from haechi.ids import input_id
from ingest.devices import FORMATS, DeviceFormat
from ingest.devices.report import Posted
from ingest.gateway.answers import problem, respond
from ingest.intake import Intake
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused, overloaded
from ingest.sensors import sensorthings

BODY_S = 10.0


class Readiness(msgspec.Struct, frozen=True):
    """What `/readyz` answers with; `ready` decides between 200 and 503."""

    ready: bool
    registry: bool
    spool_bytes: int
    spool_full: bool


def make_app(intake: Intake, metrics: IngestMetrics, readiness: Callable[[], Readiness], body_bytes: int) -> ASGIApp:
    """All that the gateway answers to."""
    body = Body(body_bytes)
    return Router(
        [
            *(
                Route(path, DeviceDoor(form, intake, metrics, body), methods=form.methods)
                for form in FORMATS
                for path in form.paths
            ),
            Route(sensorthings.PATH, SensorDoor(intake, metrics, body), methods=["POST"]),
            Route("/healthz", Healthz(), methods=["GET"]),
            Route("/readyz", Readyz(readiness), methods=["GET"]),
        ],
        redirect_slashes=False,
    )


class Body:
    """Reads request bodies, bounded in size and time."""

    def __init__(self, limit: int, seconds: float = BODY_S) -> None:
        self._limit = limit
        self._seconds = seconds

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """All of it; Refused 413 when it is too large, 408 when it comes too slowly or breaks off."""
        length = _header(scope, b"content-length")
        if length is None and _header(scope, b"transfer-encoding") is None:
            return b""
        if length is not None and int(length) > self._limit:  # the HTTP parser has checked that it is a number
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                message = await receive()
                body: bytes = message.get("body", b"")
                while message.get("more_body", False):
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > self._limit:
                        raise self._too_large()
        except TimeoutError as error:
            raise Refused(
                408, "slow-body", f"The body did not come within {self._seconds:g} s; send it again."
            ) from error
        if message["type"] == "http.disconnect":
            raise Refused(408, "broken-off", "The connection ended before the body.")
        if len(body) > self._limit:
            raise self._too_large()
        return body

    def _too_large(self) -> Refused:
        return Refused(413, "too-large", f"The body is larger than {self._limit} bytes.")


class DeviceDoor:
    """One device format."""

    def __init__(self, form: DeviceFormat, intake: Intake, metrics: IngestMetrics, body: Body) -> None:
        self._form = form
        self._intake = intake
        self._refused = metrics.refused
        self._ignored = metrics.ignored.labels(form.name)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = self._intake.clock()
        try:
            body = await self._body.read(scope, receive)
            report = self._form.parse(Posted(scope["query_string"], body, received_at, _user(scope)))
            if report is None:
                self._ignored.inc()
            else:
                await self._intake.report(report, received_at, _source(scope))
        except HaechiError as error:
            await _refuse(send, error, self._refused)
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


async def _refuse(send: Send, error: HaechiError, refused: Counter) -> None:
    refusal = error if isinstance(error, Refused) else overloaded(str(error))
    refused.labels(refusal.reason).inc()
    await problem(send, refusal)


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def _user(scope: Scope) -> str | None:
    """The device's id as OwnTracks gives it: in the path, as the user of Basic authentication, or as X-Limit-U."""
    parameters = scope.get("path_params")
    if parameters:
        return str(parameters["user"])
    authorization = _header(scope, b"authorization")
    if authorization is not None and authorization[:6].lower() == b"basic ":
        try:
            return b64decode(authorization[6:]).decode().partition(":")[0]
        except ValueError:
            return None
    limit = _header(scope, b"x-limit-u")
    return None if limit is None else limit.decode("latin-1")


def _source(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"
