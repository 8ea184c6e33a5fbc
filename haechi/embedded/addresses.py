"""Ports and passwords of the embedded servers, chosen once and kept in `<data>/embedded.json`."""

import json
import os
import random
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from haechi.errors import ConfigError

_Value = TypeVar("_Value", int, str)

HOST = "127.0.0.1"

PORTS = range(20_000, 32_768)
"""Below the ephemeral ports of Linux: an outgoing connection never sits on a port that we keep."""


class AddressBook:
    """The kept ports and passwords of one data folder. The folder's lock is held around it."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        """`say` gets one sentence when a kept port had to change."""
        self._file = file
        self._say = say
        self._kept = _read(file)

    def port(self, name: str) -> int:
        """The kept port of `name`; another one, and said so, when somebody else has taken it meanwhile."""
        kept = self._kept.get(f"{name}.port")
        if isinstance(kept, int) and is_free(kept):
            return kept
        chosen = free_port(taken={value for value in self._kept.values() if isinstance(value, int)})
        if kept is not None:
            self._say(f"{name}: port {kept} is taken by another program; it moves to {chosen}.")
        self._keep(f"{name}.port", chosen)
        return chosen

    def secret(self, name: str) -> str:
        """The kept random word `name`: 128 bits in hex, so that no server's syntax takes offence."""
        kept = self._kept.get(name)
        return kept if isinstance(kept, str) else self._keep(name, secrets.token_hex(16))

    def _keep(self, key: str, value: _Value) -> _Value:
        self._kept[key] = value
        fresh = self._file.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._kept, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        return value


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a listener left in TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(taken: set[int]) -> int:
    """A free port at random, so that two data folders rarely meet."""
    for port in random.sample(PORTS, 200):
        if port not in taken and is_free(port):
            return port
    raise ConfigError(
        f"no free port on {HOST} between {PORTS.start} and {PORTS.stop}: stop some servers, then start again"
    )


def _read(file: Path) -> dict[str, int | str]:
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigError(
            f"{file} is not readable ({error}): it holds the servers' passwords; restore it from a backup"
        ) from error
    if not isinstance(kept, dict):
        raise ConfigError(f"{file} should hold one JSON object: restore it from a backup")
    return {str(key): value for key, value in kept.items() if isinstance(value, int | str)}
