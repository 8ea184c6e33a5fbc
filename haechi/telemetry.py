"""What the engineer on call reads: structured logs, Prometheus metrics on one port, a heartbeat per component."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, start_http_server

from haechi.clock import Clock, utc_now
from haechi.config import TelemetrySettings, variable_of
from haechi.errors import ConfigError, TransientError
from haechi.repeats import Repeats

log = structlog.get_logger(__name__)

HEARTBEAT_S = 1.0
HEARTBEAT_TTL_S = 5


def configure_logging(settings: TelemetrySettings, component: str) -> Repeats:
    """structlog and the standard library's loggers into one stream on stderr, each line with its component; what keeps it
    readable is returned, to tell the ends."""
    console = settings.log == "console" or (settings.log == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if not console else structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    repeats = Repeats()
    handler.addFilter(repeats)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for noisy in ("aiokafka", "faust", "mode", "uvicorn.access", "amqtt", "transitions", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(component=component)
    return repeats


def make_registry() -> CollectorRegistry:
    """A process's own metrics, with the process and garbage collector figures."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def serve_metrics(registry: CollectorRegistry, port: int) -> int | None:
    """Prometheus text on loopback; the port it listens on, or None when `port` is -1. ConfigError when it is taken."""
    if port < 0:
        return None
    try:
        server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise ConfigError(
            f"{variable_of('telemetry.metrics_port')}: metrics cannot be served at port {port} ({error.strerror}). Each "
            "process of a machine needs a port of its own; 0 takes any free one."
        ) from error
    return int(server.server_port)


class HeartbeatStore(Protocol):
    """Where heartbeats are kept (`haechi.store.live.Live`)."""

    async def beat(self, component: str, instance: str, fields: dict[str, str], ttl_s: int) -> None: ...


async def beat_forever(
    store: HeartbeatStore, component: str, metrics_port: int | None, notes: Mapping[str, str], clock: Clock = utc_now
) -> None:
    """Tell each second that this process of the component lives; several of one name do not hide each other.

    A store that is away is tried again, in silence, next second; any other failure is logged, and no reason to seem dead.
    """
    host, pid = socket.gethostname(), str(os.getpid())
    fields = {
        "host": host,
        "pid": pid,
        "metrics": str(metrics_port or ""),
        "since": clock().isoformat(),
    }
    while True:
        told = fields | dict(notes) | {"at": clock().isoformat()}
        try:
            await store.beat(component, f"{host}:{pid}", told, HEARTBEAT_TTL_S)
        except TransientError:
            pass
        except Exception as error:  # noqa: BLE001 - a heart that stops says that the process is dead
            log.warning("heartbeat.failed", reason=repr(error))
        await asyncio.sleep(HEARTBEAT_S)
