"""Speaks to the gateway's application without a socket."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from haechi.domain.people import Reader, Reporter
from ingest.devices import FORMATS, DeviceFormat
from ingest.gateway.app import Readiness, make_app
from ingest.metrics import IngestMetrics
from tests.ingest.test_intake import HERE, Known, Room

Headers = list[tuple[bytes, bytes]]
TOKEN, FOREIGN = "token-of-a-reporter", "token-of-another-district"


class Client:
    """Speaks ASGI."""

    def __init__(self, room: Room, formats: Sequence[DeviceFormat] = FORMATS) -> None:
        self.room = room
        self.registry = CollectorRegistry()
        self.ready = Readiness(True, True, 0, False)
        self.reporters = Known(
            {TOKEN: Reporter(TOKEN, "haneul", "Traccar"), FOREIGN: Reporter(FOREIGN, "other", "Elsewhere")}
        )
        self.readers = Known({"r1": Reader("r1", "haneul", "School gate", "gate", HERE, 8.0)})
        self.app = make_app(
            room.intake,
            self.reporters,
            self.readers,
            IngestMetrics(self.registry),
            lambda: self.ready,
            2000,
            formats,
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
        chunks: list[bytes] | None = None,
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        path, _, query = path.partition("?")
        sent: list[Any] = []
        pieces = chunks or [body]
        given = [
            {"type": "http.request", "body": piece, "more_body": n + 1 < len(pieces)} for n, piece in enumerate(pieces)
        ]
        length = [(b"transfer-encoding", b"chunked")] if chunks else [(b"content-length", str(len(body)).encode())]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": (length if body or chunks else []) + (headers or []),
            "client": ("192.0.2.7", 5),
        }

        async def receive() -> Any:
            return given.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]
