"""uvicorn as this process uses it: a taken port is said in words, and signals are the process's own."""

import asyncio
import signal
import socket
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from haechi.errors import ConfigError

_STOP_S = 2  # sockets of walls never end by themselves

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the process: uvicorn's own handling would end it before its pools are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigError in words when the address is taken or not ours."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(
            f"The wall cannot listen on {host}:{port}: {error.strerror}. "
            "Choose another by HAECHI_WALL__HOST and HAECHI_WALL__PORT."
        ) from error
    log.info("wall.listening", host=host, port=listener.getsockname()[1])
    return listener


async def serve(app: ASGIApp, listener: socket.socket, work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Serve beside `work`, which never ends, until SIGTERM or SIGINT. If a piece of work fails, all of it does."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws_per_message_deflate=False,  # pictures do not shrink, and the rest is small
            timeout_graceful_shutdown=_STOP_S,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(piece) for piece in work]
        await server.serve([listener])
        for task in running:
            task.cancel()
