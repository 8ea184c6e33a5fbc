"""Every error of the API in words, as problem+json, whoever raised it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from control_room.problems import WrongField, problem
from haechi.domain.consent import NoGuardian
from haechi.errors import Conflict, HaechiError, NotFound, PermanentError, TransientError

_STATUS: tuple[tuple[type[HaechiError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (PermanentError, 422),
    (TransientError, 503),
)
_SAID = {"extra_forbidden": "There is no such field", "missing": "It is missing"}  # plainer than pydantic's words
log = structlog.get_logger()


def add_error_handlers(app: FastAPI) -> None:
    """Our errors, wrong bodies, wrong addresses and our own defects."""
    app.add_exception_handler(HaechiError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


async def _ours(_: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return problem(status, str(error), headers={"Retry-After": "1"} if status == 503 else {})


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        WrongField(field=_field(one["loc"]), detail=_SAID.get(one["type"]) or one["msg"].removeprefix("Value error, "))
        for one in error.errors()
    ]
    return problem(422, "; ".join(f"{one.field}: {one.detail}" for one in fields[:5]), errors=fields[:100])


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), headers=error.headers)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("a request failed by a defect of ours", path=request.url.path, exc_info=error)
    return problem(500, "This is a defect of ours; the log of the wall has it.")


@contextmanager
def guardian_of_field(*field: str) -> Iterator[None]:
    """That somebody is no guardian of the person is said of the field of the body that names them."""
    try:
        yield
    except NoGuardian as error:
        loc = ("body", *field)
        raise RequestValidationError([{"loc": loc, "msg": str(error), "type": "no_guardian"}]) from error


def _field(location: Sequence[Any]) -> str:
    """`("body", "schedule", 0, "tz")` as `schedule.0.tz`; the parts that pydantic adds for unions stay out."""
    parts = [
        str(part)
        for part in location
        if part not in {"body", "query", "path", "header", "Polygon", "Point", "LineString"}
    ]
    return ".".join(parts) or "body"
