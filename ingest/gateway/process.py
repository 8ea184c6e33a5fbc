"""The process `ingest.gateway`: it serves before Kafka, PostgreSQL and Redis are there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from haechi.config import Settings
from haechi.errors import ConfigError
from haechi.process import component
from haechi.store.postgres import open_pool
from ingest.door import Door
from ingest.gateway.app import Readiness, make_app
from ingest.limits import RateLimit
from ingest.running import run_until_stopped

log = structlog.get_logger(__name__)

NAME = "ingest.gateway"
_GRACE_S = 2
_BACKLOG = 4096


class _Server(uvicorn.Server):
    """Leaves signals to the process: uvicorn's own handling would end it before the spool is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with component(NAME, settings) as it:
        listener = _listen(settings.gateway.host, settings.gateway.port)
        pool = await open_pool(settings.postgres)
        door = Door(it, pool, batch_s=settings.gateway.batch_ms / 1000, limit=RateLimit())
        app = make_app(door.intake, door.metrics, lambda: _readiness(door), settings.gateway.body_bytes)
        server = _Server(_config(app))
        try:
            await run_until_stopped(
                server.serve([listener]), door.work(), stop=lambda: setattr(server, "should_exit", True)
            )
        finally:
            await door.close()
            pool.terminate()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError in words when the address is taken or not ours."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(
            f"The gateway cannot listen on {host}:{port}: {error.strerror}. "
            "Choose another by HAECHI_GATEWAY__HOST and HAECHI_GATEWAY__PORT."
        ) from error
    listener.listen(_BACKLOG)
    log.info("gateway.listening", host=host, port=listener.getsockname()[1])
    return listener


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _readiness(door: Door) -> Readiness:
    loaded, full = door.loaded.is_set(), door.spool.full
    return Readiness(loaded and not full, loaded, door.spool.size, full)
