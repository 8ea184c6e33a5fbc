"""What every door of ours for HTTP does alike: a taken port is said in words, silent visitors do not keep others out,
and signals are the process's own."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from haechi.config import variable_of
from haechi.errors import ConfigError
from haechi.process import on_stop, open_files
from haechi.visitors import REQUEST_S, Visitor, Visitors

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 10_000
_OTHER_FILES = 256  # what a process opens beside its visitors: logs, spools, brokers, databases
_BUSY = b"Too many requests at once; try again in a moment.\n"


class Server(uvicorn.Server):
    """Uvicorn would end the process by the signal before its pools and spools are closed; here it leaves signals be.

    Only the named `proxies` may say who their client is. A request must arrive within `request_s`; in a full house the
    longest idle connection makes room for the next. `how` is uvicorn's (`uvicorn.Config`).
    """

    def __init__(
        self,
        app: ASGIApp,
        proxies: tuple[str, ...] = (),
        *,
        most: int = MOST_CONNECTIONS,
        request_s: float = REQUEST_S,
        monotonic: Callable[[], float] = time.monotonic,
        **how: Any,
    ) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # the path of a guardian's page is the right to see it
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            **how,
        )
        super().__init__(config)
        most = max(1, min(most, open_files(most + _OTHER_FILES) - _OTHER_FILES))
        self._visitors = Visitors(most, request_s=request_s, monotonic=monotonic)
        config.http = partial(Visitor, self._visitors)  # type: ignore[assignment]  # uvicorn only calls it

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn's, ten times a second."""
        self._visitors.close_late()
        return await super().on_tick(counter)

    async def until_stopped(self, listener: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT."""
        on_stop(lambda: setattr(self, "should_exit", True))
        await self.serve([listener])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's."""
        yield


class AtMost:
    """So many requests are worked on at once; the next one is told to come again (503)."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._free = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._free <= 0:
            headers = [(b"retry-after", b"1"), (b"content-length", str(len(_BUSY)).encode()), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": _BUSY})
        else:
            self._free -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._free += 1


def listen(host: str, port: int, host_key: str, port_key: str, *, backlog: int = 1024) -> socket.socket:
    """A listening socket; raises ConfigError that names the settings when the address is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise ConfigError(
            f"Nothing can listen on {host}:{port}: {error.strerror}. "
            f"Choose another by {variable_of(host_key)} and {variable_of(port_key)}."
        ) from error
    log.info("process.listening", host=host, port=listener.getsockname()[1])
    return listener
