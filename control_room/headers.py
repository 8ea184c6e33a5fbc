"""What every answer of the wall carries, and how its files are sent: nothing from elsewhere, compressed once."""

import gzip
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SQUEEZED = ("/assets/", "/_dash-component-suites/")
_LEAST = 512


def policy(script_hashes: Sequence[str]) -> str:
    """Content-Security-Policy: this host only. Dash puts style attributes on elements, so styles need the exception."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {' '.join(script_hashes)}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class Headers:
    """Security headers on every answer; paths that start with one of `skip` bring their own policy."""

    def __init__(self, app: ASGIApp, content_policy: str, skip: Sequence[str] = ()) -> None:
        self._app = app
        self._policy = content_policy
        self._skip = tuple(skip)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if not scope["path"].startswith(self._skip):
                    headers["content-security-policy"] = self._policy
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "same-origin"
                headers["x-frame-options"] = "DENY"
                if scope["path"].startswith("/assets/"):
                    headers["cache-control"] = "no-cache"  # asked again each time, answered 304
            await send(message)

        await self._app(scope, receive, with_headers)


class Squeeze:
    """Gzips each script and style once and keeps it: the browser of every operator asks for the same few files."""

    def __init__(self, app: ASGIApp, at_most: int = 256) -> None:
        self._app = app
        self._at_most = at_most
        self._kept: dict[tuple[str, str], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        wanted = (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["path"].startswith(_SQUEEZED)
            and b"gzip" in headers.get(b"accept-encoding", b"")
        )
        if not wanted:
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await self._send(scope["path"], start, bytes(body), send)

        await self._app(scope, receive, collect)

    async def _send(self, path: str, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(scope=start)
        text = headers.get("content-type", "").startswith(("text/", "application/javascript", "image/svg"))
        if start["status"] == 200 and text and len(body) >= _LEAST:
            key = (path, headers.get("etag", ""))
            if key not in self._kept:
                if len(self._kept) >= self._at_most:
                    self._kept.clear()
                self._kept[key] = gzip.compress(body, 6)
            body = self._kept[key]
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
            headers.add_vary_header("accept-encoding")
        await send(start)
        await send({"type": "http.response.body", "body": body})
