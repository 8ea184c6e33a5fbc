"""uvicorn as this process uses it: a taken port is said in words, and signals are the process's own."""

import asyncio
import signal
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from haechi.process import run_beside
from haechi.serving import Server, behind

_STOP_S = 2  # sockets of walls never end by themselves


async def serve(
    app: ASGIApp, listener: socket.socket, work: Sequence[Coroutine[Any, Any, None]], proxies: tuple[str, ...] = ()
) -> None:
    """Serve beside `work`, which never ends, until SIGTERM or SIGINT. If a piece of work fails, all of it does."""
    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            **behind(proxies),
            ws_per_message_deflate=False,  # pictures do not shrink, and the rest is small
            timeout_graceful_shutdown=_STOP_S,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    await run_beside(server.serve([listener]), *work)
