"""The servers of the one-command start: real ones, on loopback, with their data under one folder."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from haechi.embedded.addresses import AddressBook
from haechi.embedded.kafka import Kafka
from haechi.embedded.kafka_jars import cache_folder
from haechi.embedded.mqtt import Mqtt
from haechi.embedded.postgres import Postgres
from haechi.embedded.process import ChildProcess, ServerFailed, fix_for
from haechi.embedded.valkey import Valkey
from haechi.errors import ConfigError, first_of

__all__ = ["NAMES", "EmbeddedServer", "EmbeddedServers", "ServerFailed"]

LOG_CHECK_S = 30.0


class EmbeddedServer(Protocol):
    """One server. `start` returns when it really answers; `stop` leaves nothing running."""

    name: str
    child: ChildProcess

    @property
    def url(self) -> str:
        """Where clients connect, credentials included; after `start`."""

    async def start(self) -> None:
        """Raises ServerFailed in the user's words."""

    async def stop(self) -> None:
        """End it within seconds."""

    def alive(self) -> bool:
        """Whether its process runs."""


NAMES = ("kafka", "postgres", "valkey", "mqtt")
"""The embedded servers."""


class EmbeddedServers:
    """All of them, or the ones named in `only`, over one data folder that is locked meanwhile.

    They end with the *thread* that called `start`, even when it is killed with -9: call it from one that lasts. One that
    died by itself (`alive()` is false) is started again by its own `start()`, on the same address.
    """

    def __init__(
        self,
        data: Path,
        *,
        only: Iterable[str] = NAMES,
        cache: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`say` gets a sentence now and then: jars being fetched, a port that moved, a database that recovers."""
        self._data = data.absolute()
        self._only = frozenset(only)
        self._cache = cache or cache_folder()
        self._say = say
        self._lock: FileIO | None = None
        self._servers: dict[str, EmbeddedServer] = {}
        self._logs: asyncio.Task[None] | None = None

    @property
    def urls(self) -> dict[str, str]:
        """Each server's name and URL, credentials included."""
        return {name: server.url for name, server in self._servers.items()}

    @property
    def servers(self) -> dict[str, EmbeddedServer]:
        """The started servers by name."""
        return dict(self._servers)

    async def start(self) -> None:
        """Start all at once; when one fails, the others are stopped again.

        Raises:
            ServerFailed: one of them did not start, or the folder can't be written.
            ConfigError: the data folder is in use by another Haechi, or can't be made.
        """
        self._lock = lock_folder(self._data)
        try:
            book = AddressBook(self._data / "embedded.json", self._say)
            everyone: list[EmbeddedServer] = [
                Kafka(self._data, book, self._cache, self._say),
                Postgres(self._data, book, self._say),
                Valkey(self._data, book),
                Mqtt(self._data, book),
            ]
            self._servers = {server.name: server for server in everyone if server.name in self._only}
            async with asyncio.TaskGroup() as group:
                for server in self._servers.values():
                    group.create_task(server.start())
            self._logs = asyncio.create_task(self._keep_logs_small())
        except BaseException as error:  # noqa: BLE001 - whatever it was, a Ctrl-C too, nothing is left running
            await self.stop()
            first = first_of(error)
            if isinstance(first, OSError):
                raise ServerFailed(
                    f"{self._data} cannot be written: {first}. {fix_for(str(first))}".rstrip()
                ) from first
            raise first from None

    async def stop(self) -> None:
        """Stop all at once, since none needs another: within the slowest one's deadline, 8 s. Safe to call twice."""
        if self._logs is not None:
            self._logs.cancel()
            self._logs = None
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _keep_logs_small(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for server in self._servers.values():
                server.child.bound_log()


def lock_folder(data: Path) -> FileIO:
    """Make the data folder (0700) and take its lock, which ends with the process.

    Raises:
        ConfigError: somebody else has it, or it can't be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        lock = (data / "embedded.lock").open("a+b", buffering=0)
    except OSError as error:
        raise ConfigError(
            f"the data folder {data} cannot be written ({error.strerror}): name another with --data, or give it to "
            "the user who runs Haechi"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        pid = lock.read().decode().strip() or "unknown"
        lock.close()
        raise ConfigError(
            f"another Haechi (process {pid}) uses the data folder {data}: stop it, or name another folder with --data"
        ) from None
    with contextlib.suppress(OSError):  # a full disk; the pid is for the message above, the lock is taken
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n".encode())
    return lock
