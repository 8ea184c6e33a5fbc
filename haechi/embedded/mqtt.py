"""An MQTT 3.1.1 broker (amqtt) in a process of its own.

Weaker than a broker for production: what it queues for an absent client is in memory only and is gone after a kill.
"""

import asyncio
import os
import sys
from pathlib import Path

import argon2

from haechi.embedded import mqtt_broker
from haechi.embedded.addresses import HOST, AddressBook
from haechi.embedded.process import PLAIN_ENVIRONMENT, ChildProcess, Command, NotReady, ServerFailed, end_leftovers

READY_S = 30.0
STOP_S = 4.0
USER = "haechi"
CONNACK_ACCEPTED = b"\x20\x02\x00\x00"


class Mqtt:
    """The broker of the one-command start."""

    name = "mqtt"

    def __init__(self, data: Path, addresses: AddressBook) -> None:
        self._folder = data / "mqtt"
        self._addresses = addresses
        self._password = addresses.secret("mqtt.password")
        self._port = 0
        self.child = ChildProcess(self.name, data)

    @property
    def url(self) -> str:
        """`mqtt://user:password@host:port`."""
        return f"mqtt://{USER}:{self._password}@{HOST}:{self._port}"

    async def start(self) -> None:
        """Run it; ready when it accepts a session of our user."""
        marker = str(self._folder)
        end = Command([sys.executable], cwd=self._folder, marker=marker)
        await asyncio.to_thread(end_leftovers, end)
        self._port = self._addresses.port(self.name)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_password(self._folder / "passwords", USER, self._password)
        except OSError as error:
            raise ServerFailed(f"mqtt: its folder could not be made: {error}") from error
        command = Command(
            [sys.executable, "-P", mqtt_broker.__file__, HOST, str(self._port), str(self._folder / "passwords")],
            cwd=self._folder,
            marker=marker,
            environment=PLAIN_ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        await self.child.start(command, self._answers, seconds=READY_S)

    async def stop(self) -> None:
        """End it."""
        await self.child.stop(seconds=STOP_S)

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.child.alive()

    async def _answers(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(connect_packet("haechi-probe", USER, self._password))
            answer = await reader.readexactly(4)
            writer.write(b"\xe0\x00")  # DISCONNECT
            await writer.drain()
        except EOFError as error:
            raise NotReady from error
        finally:
            writer.close()
        if answer != CONNACK_ACCEPTED:
            raise self.child.failure("refuses the password in embedded.json")


def connect_packet(client: str, user: str, password: str) -> bytes:
    """An MQTT 3.1.1 CONNECT with a clean session (OASIS MQTT 3.1.1, 3.1); at most 127 bytes in all."""
    body = b"\x00\x04MQTT\x04\xc2\x00\x05" + b"".join(
        len(text.encode()).to_bytes(2, "big") + text.encode() for text in (client, user, password)
    )
    return b"\x10" + bytes([len(body)]) + body


def write_password(file: Path, user: str, password: str) -> None:
    """Set one user's line (Argon2id); what an operator added below stays."""
    kept = file.read_text().splitlines() if file.exists() else []
    lines = [f"{user}:{argon2.PasswordHasher().hash(password)}"]
    lines += [line for line in kept if not line.startswith(f"{user}:")]
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")
