"""Every error of the API as problem+json (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse


class WrongField(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["schedule.0.tz"])
    detail: str


class Problem(BaseModel):
    """Why it was refused (RFC 9457, `application/problem+json`)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The name of the status.")
    status: int
    detail: str = Field(description="What is wrong, and what to do, in words.")
    errors: list[WrongField] | None = None


class ProblemResponse(JSONResponse):
    """`application/problem+json`. It quotes what was sent, which need not be text at all (a lone surrogate)."""

    media_type = "application/problem+json"

    def render(self, content: object) -> bytes:
        """ASCII holds whatever there is."""
        return json.dumps(content, separators=(",", ":")).encode()


def problem(
    status: int,
    detail: str,
    *,
    errors: list[WrongField] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The answer; `errors` names fields."""
    body = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or None
    )
    return ProblemResponse(body.model_dump(exclude_none=True), status_code=status, headers=dict(headers or {}))
