"""Who may come in: an ASGI guard over http *and* websocket. Sessions by a signed cookie, the API also by bearer token.

    app = Guard(app, users, data_key=settings.data_key..., public_paths=("/sign-in", "/assets/"))

It puts the `Principal` into the scope (`principal_of(scope)`). Anonymous: a page goes to /sign-in (303), everything
else gets 401 as problem+json, a websocket is closed with 4401. What changes state with a cookie must come from our own
pages (Origin or Sec-Fetch-Site); a bearer token is no cookie and needs neither.
"""

import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.datastructures import Headers
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_room.problems import problem
from haechi.clock import Clock, utc_now
from haechi.domain.access import Principal
from haechi.errors import HaechiError, TransientError
from haechi.patience import within
from haechi.store.users import Users

SESSION_S = 12 * 3600
BODY_BYTES = 1 << 20
PUBLIC = ("/sign-in", "/api/docs", "/api/openapi.json")
UNAUTHENTICATED = 4401
_FRESH_S = 2.0  # a disabled user is out after at most this long ...
_AWAY_S = 60.0  # ... unless PostgreSQL is away, then after this
_RECHECK_S = 30.0  # ... and a websocket after this
_ASK_S = 2.0  # so long the next message of a websocket waits for the answer
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def principal_of(scope: Scope) -> Principal:
    """Who asks, as the guard found out; an error of ours where the guard does not stand in front."""
    principal = scope.get("principal")
    if not isinstance(principal, Principal):
        raise HaechiError("Nobody is signed in; `Guard` must wrap the application.")
    return principal


def session_key(data_key: str) -> str:
    """The cookie's signing key, derived (HKDF) from HAECHI_DATA_KEY, so that it survives a restart."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"haechi session cookie").derive(urlsafe_b64decode(data_key))
    return derived.hex()


def key_of(session: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Session, user and stamp, as a cookie of ours says them; None where it says nobody's."""
    match session.get("id"), session.get("user"), session.get("stamp"):
        case str(session_id), str(name), str(stamp):
            return session_id, name, stamp
    return None


class Guard:
    """The middleware. `secure` marks the cookie for https only."""

    def __init__(
        self,
        app: ASGIApp,
        users: Users,
        data_key: str,
        *,
        public_paths: Sequence[str] = PUBLIC,
        secure: bool = False,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """A public path that ends with a slash opens everything below it."""
        self._app = app
        self._public = frozenset(path for path in public_paths if not path.endswith("/"))
        self._public_below = tuple(path for path in public_paths if path.endswith("/"))
        self._clock = clock
        self._monotonic = monotonic
        self._sessions = Sessions(users, clock, monotonic)
        self._users = users
        self._with_session = SessionMiddleware(
            self._guarded,
            secret_key=session_key(data_key),
            session_cookie="haechi",
            max_age=SESSION_S,
            same_site="lax",
            https_only=secure,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lifespan passes; the rest is looked at."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await self._with_session(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = await self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(refusal, scope, headers, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, self._rechecked(scope, headers, send))
        else:
            await self._capped(scope, headers, receive, send)

    def _is_public(self, path: str) -> bool:
        return path in self._public or path.startswith(self._public_below)

    async def _refusal(self, scope: Scope, headers: Headers) -> "_Refusal | None":
        """Why this must not pass, if so; else the principal is in the scope (not on public paths)."""
        if not self._is_public(scope["path"]):
            try:
                principal = await self._principal(scope, headers)
            except TransientError as error:
                return _Refusal(503, str(error))
            if principal is None:
                return _Refusal(401, "Sign in, or send a bearer token.")
            scope["principal"] = principal
        if _bearer(headers) is None and not _from_our_pages(scope, headers):
            return _Refusal(403, "This came from another site's page; only our own pages may do that.")
        return None

    async def _principal(self, scope: Scope, headers: Headers) -> Principal | None:
        token = _bearer(headers)
        return await (self._users.principal_of(token) if token is not None else self._sessions.of(scope["session"]))

    def _rechecked(self, scope: Scope, headers: Headers, send: Send) -> Send:
        """A websocket lives long: whoever is signed out or disabled meanwhile is let go."""
        checked = self._monotonic()

        async def sending(message: Message) -> None:
            nonlocal checked
            if message["type"] == "websocket.send" and self._monotonic() - checked > _RECHECK_S:
                checked = self._monotonic()
                if not self._is_public(scope["path"]) and not await self._still_in(scope, headers):
                    await send({"type": "websocket.close", "code": UNAUTHENTICATED, "reason": "signed out"})
                    raise OSError("signed out")  # what a server raises for a connection that is gone
            await send(message)

        return sending

    async def _still_in(self, scope: Scope, headers: Headers) -> bool:
        try:
            return await within(_ASK_S, self._principal(scope, headers)) is not None
        except (TransientError, TimeoutError):
            return True  # nobody can be asked; the wall says itself that it is stale

    async def _capped(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Bodies up to BODY_BYTES, whether their length is announced or not."""
        too_large = _Refusal(413, f"A request body has at most {BODY_BYTES} bytes.")
        announced = headers.get("content-length")
        if announced is None and "transfer-encoding" in headers:
            body = await _read(receive)
            if body is None:
                await _refuse(too_large, scope, headers, receive, send)
            else:
                await self._app(scope, _replay(body, receive), send)
        elif announced is not None and not announced.isdecimal():
            await _refuse(_Refusal(400, "The Content-Length is no number."), scope, headers, receive, send)
        elif announced is not None and int(announced[:20]) > BODY_BYTES:
            await _refuse(too_large, scope, headers, receive, send)
        else:
            await self._app(scope, receive, send)


async def _read(receive: Receive) -> bytes | None:
    """A body of unknown length, whole; None when it is too large."""
    body = bytearray()
    while len(body) <= BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body) if len(body) <= BODY_BYTES else None
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then what the server says further."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return messages.pop() if messages else await receive()

    return receiving


class Sessions:
    """Signed-in users by their cookie, asked anew every 2 s; a PostgreSQL that is away signs nobody out for 60 s."""

    def __init__(
        self, users: Users, clock: Clock, monotonic: Callable[[], float], *, least_s: float = _FRESH_S, most: int = 1000
    ) -> None:
        self._users = users
        self._clock = clock
        self._monotonic = monotonic
        self._least_s = least_s
        self._most = most
        self._known: OrderedDict[tuple[str, str, str], tuple[float, Principal | None]] = OrderedDict()

    async def of(self, session: dict[str, Any]) -> Principal | None:
        """The user of a session's content, None when it has none or is over."""
        since, key = session.get("at"), key_of(session)
        if key is None or not isinstance(since, int | float):
            return None
        if not 0 <= self._clock().timestamp() - since < SESSION_S:
            return None
        now = self._monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < self._least_s:
            return known[1]
        try:
            principal = await self._users.principal_of_session(*key)
        except TransientError:
            if known is not None and now - known[0] < _AWAY_S:
                return known[1]
            raise
        self._known[key] = (now, principal)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return principal


class _Refusal(msgspec.Struct, frozen=True):
    status: int
    words: str


async def _refuse(refusal: _Refusal, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the handshake; a close code reaches the page only after it was accepted
        await send({"type": "websocket.accept"})
        code = UNAUTHENTICATED if refusal.status == 401 else 4000 + refusal.status
        await send({"type": "websocket.close", "code": code, "reason": refusal.words})
        return
    page = scope["method"] in {"GET", "HEAD"} and "text/html" in headers.get("accept", "")
    if refusal.status == 401 and page and not scope["path"].startswith("/api/"):
        query = scope["query_string"].decode("latin-1")
        target = quote(scope["path"] + (f"?{query}" if query else ""), safe="")
        await RedirectResponse(f"/sign-in?next={target}", status_code=303)(scope, receive, send)
        return
    more = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    await problem(refusal.status, refusal.words, headers=more)(scope, receive, send)


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _from_our_pages(scope: Scope, headers: Headers) -> bool:
    """What a browser tells of the page that asks. Compared by host and port: TLS may end in front of us."""
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None:
        return bool(scope["type"] == "websocket")  # no browser opens one without telling its origin
    return urlsplit(origin).netloc == headers.get("host")
