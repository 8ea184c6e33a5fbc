"""What the doors of the gateway read of a request beside its format: the body, bounded; the sender; the token."""

import asyncio
import re
from base64 import b64decode
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

from starlette.types import Receive, Scope

from haechi.domain.people import Reporter
from haechi.errors import TransientError
from haechi.patience import one_of, within
from ingest.intake import OnBehalf
from ingest.refusal import Refused, overloaded

BODY_S = 10.0
_LOOK_UP_S = 2.0
_LOOK_UPS = 2  # at once, so that claimed credentials do not take the connections that others need
Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)
_USER = re.compile(rb"(?:^|&)u=([^&]+)")


class Body:
    """Reads request bodies, bounded in size and time."""

    def __init__(self, limit: int, seconds: float = BODY_S) -> None:
        self._limit = limit
        self._seconds = seconds

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """All of it; Refused 413 when it is too large, 408 when it comes too slowly or breaks off."""
        length = header(scope, b"content-length")
        if length is None and header(scope, b"transfer-encoding") is None:
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


class Rows(Protocol[Row_co]):
    """The part of a slice of the registry that is used here."""

    def get(self, row_id: str) -> Row_co | None: ...
    async def read_through(self, row_id: str) -> Row_co | None: ...


class Register(Generic[Row]):
    """Rows by the credential that somebody claims; what the slice does not hold is looked up, a few at a time."""

    def __init__(self, rows: Rows[Row]) -> None:
        self._rows = rows
        self._looking = asyncio.Semaphore(_LOOK_UPS)

    async def find(self, credential: str) -> Row | None:
        """The row; Refused 503 while that cannot be told."""
        if (row := self._rows.get(credential)) is not None:
            return row
        try:
            return await within(_LOOK_UP_S, one_of(self._looking, lambda: self._rows.read_through(credential)))
        except (TransientError, TimeoutError) as error:
            raise overloaded("The registry is away, and this credential is not in our copy of it.") from error


async def reporter_of(scope: Scope, reporters: Register[Reporter]) -> OnBehalf | None:
    """Whom the request's bearer token belongs to; None without a token. Refused 401 when nobody has it."""
    authorization = header(scope, b"authorization")
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    reporter = await reporters.find(authorization[7:].strip().decode("latin-1"))
    if reporter is None:
        raise Refused(401, "unknown-token", "No reporter is registered under this token.", field="Authorization")
    return OnBehalf(reporter.district)


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name (in lower case)."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def user_of(scope: Scope) -> str | None:
    """The device's id as OwnTracks gives it: in the path, as the user of Basic authentication, as X-Limit-U or `?u=`."""
    parameters = scope.get("path_params")
    if parameters:
        return str(parameters["user"])
    authorization = header(scope, b"authorization")
    if authorization is not None and authorization[:6].lower() == b"basic ":
        try:
            return b64decode(authorization[6:]).decode().partition(":")[0]
        except ValueError:
            return None
    limit = header(scope, b"x-limit-u")
    if limit is not None:
        return limit.decode("latin-1")
    found = _USER.search(scope["query_string"])
    return None if found is None else unquote(found[1].decode("latin-1"))


def address_of(scope: Scope) -> str:
    """The sender's address."""
    client = scope.get("client")
    return client[0] if client else "unknown"
