"""How the gateway answers: nearly nothing when it accepts, a problem in words (RFC 9457) when it does not."""

from collections.abc import Iterable
from http import HTTPStatus

import msgspec
from starlette.types import Send

from ingest.refusal import Refused


class _Problem(msgspec.Struct, omit_defaults=True):
    title: str
    status: int
    detail: str
    reason: str
    field: str | None = None


async def respond(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """A whole response in one go."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def problem(send: Send, refusal: Refused) -> None:
    """application/problem+json, with Retry-After where trying again may help."""
    body = msgspec.json.encode(
        _Problem(HTTPStatus(refusal.status).phrase, refusal.status, refusal.words, refusal.reason, refusal.field)
    )
    headers = [(b"content-type", b"application/problem+json")]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.status in (408, 413):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await respond(send, refusal.status, body, headers)
