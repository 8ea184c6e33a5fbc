"""Who is connected over HTTP: a request must arrive in time, and in a full house the longest idle visitor goes first.

uvicorn has no deadline for a request's first header, and its bound (`limit_concurrency`) turns the next visitor away
while silent ones keep their places: a few hundred silent sockets would shut everyone else out.
"""

import asyncio
import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_S = 20.0  # from the connection, or a request's first byte, to its last one
HEAD_BYTES = 65_536
_IPV6_SITE = 64  # bits; the rest of an address is the visitor's to choose


def source_of(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 network, or whatever else a door calls its sender."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip.ipv4_mapped or ip_network((ip, _IPV6_SITE), strict=False))


class Visitors:
    """The connections, and which of them owe us bytes: new ones, idle ones, those in the middle of a request."""

    def __init__(
        self, most: int, *, request_s: float = REQUEST_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """At most `most` connections at once."""
        self._most = most
        self._request_s = request_s
        self._monotonic = monotonic
        self._owing: dict[Visitor, float] = {}  # their deadline, the longest owing first; uvicorn ends idle ones
        self._here = 0

    def came(self, visitor: "Visitor") -> None:
        """A new connection; if it is one too many, the one that owes for longest goes."""
        self._here += 1
        self._owing[visitor] = self._monotonic() + self._request_s
        if self._here > self._most:
            self._close(next(iter(self._owing)))

    def began(self, visitor: "Visitor") -> None:
        """A part of a request is there; the time counts from its first part."""
        if self._owing.get(visitor, math.inf) == math.inf:
            self._owing.pop(visitor, None)
            self._owing[visitor] = self._monotonic() + self._request_s

    def asked(self, visitor: "Visitor") -> None:
        """The request is whole: now it is for us to answer."""
        self._owing.pop(visitor, None)

    def answered(self, visitor: "Visitor") -> None:
        """It may stay, idle, for its next request."""
        self._owing.pop(visitor, None)
        self._owing[visitor] = math.inf

    def went(self, visitor: "Visitor") -> None:
        """The connection has ended, or is none of HTTP any more."""
        self._here -= 1
        self._owing.pop(visitor, None)

    def close_late(self) -> None:
        """Call it often: closes the connections whose request did not arrive in time."""
        now = self._monotonic()
        for visitor in [visitor for visitor, until in self._owing.items() if until <= now]:
            self._close(visitor)

    def _close(self, visitor: "Visitor") -> None:
        del self._owing[visitor]
        visitor.transport.close()


class Visitor(HttpToolsProtocol):
    """uvicorn's protocol, telling `visitors` who owes."""

    def __init__(self, visitors: Visitors, **arguments: Any) -> None:
        """`arguments` are uvicorn's own."""
        super().__init__(**arguments)
        self._visitors = visitors
        self._head = 0  # bytes that came since the last whole header

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        super().connection_made(transport)
        self._visitors.came(self)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._visitors.asked(self)
            self._head = 0
        elif self in self.connections:  # not become a websocket meanwhile
            self._visitors.began(self)
            self._head = self._head + len(data) if cycle is None or cycle.response_complete else 0
            if self._head > HEAD_BYTES:
                self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self in self.connections:
            self._visitors.answered(self)

    def handle_websocket_upgrade(self) -> None:
        self._visitors.went(self)
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._visitors.went(self)
        super().connection_lost(exc)
