"""What every door of ours for HTTP does alike: a taken port is said in words, and signals are the process's own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

import structlog
import uvicorn

from haechi.config import variable_of
from haechi.errors import ConfigError

log = structlog.get_logger(__name__)


class Proxies(TypedDict):
    """Arguments of `uvicorn.Config`."""

    proxy_headers: bool
    forwarded_allow_ips: list[str]


class Server(uvicorn.Server):
    """Uvicorn would end the process by the signal before its pools and spools are closed; here it leaves signals be."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's."""
        yield


def behind(proxies: tuple[str, ...]) -> Proxies:
    """What uvicorn is told of proxies: only the named ones may say who their client is."""
    return {"proxy_headers": bool(proxies), "forwarded_allow_ips": list(proxies)}


def listen(host: str, port: int, host_key: str, port_key: str, *, backlog: int | None = None) -> socket.socket:
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
