"""The probe of the embedded PostgreSQL: one that dies again while it starts is not ready, and that is all."""

import asyncio
import struct
from pathlib import Path

import pytest

from haechi.embedded.addresses import AddressBook
from haechi.embedded.postgres import Postgres
from haechi.embedded.process import NotReady, Recovering


def goodbye(code: str, words: str) -> bytes:
    """PostgreSQL's ErrorResponse (its manual, "Message Formats")."""
    fields = f"SFATAL\0VFATAL\0C{code}\0M{words}\0\0".encode()
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


@pytest.mark.parametrize(
    ("said", "so_it_is"),
    [
        (b"", NotReady),
        (goodbye("57P01", "terminating connection due to administrator command"), NotReady),
        (goodbye("57P02", "terminating connection because of crash of another server process"), NotReady),
        (goodbye("57P03", "the database system is starting up"), Recovering),
        (goodbye("53300", "sorry, too many clients already"), NotReady),
    ],
    ids=["hangs up", "is shut down", "crashed", "is starting", "is full"],
)
async def test_a_server_that_says_goodbye_to_the_probe_is_not_ready(
    said: bytes, so_it_is: type[NotReady], tmp_path: Path
) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(end, "127.0.0.1", 0) as server:
        postgres = Postgres(tmp_path, AddressBook(tmp_path / "embedded.json", print))
        postgres._port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotReady) as not_ready:
            await postgres._answers()
    assert not_ready.type is so_it_is
