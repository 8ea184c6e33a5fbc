"""A wire to a server that can be cut, hushed and mended: the server goes away without being stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Wire:
    """A TCP relay on a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._pairs: set[asyncio.Future[object]] = set()
        self._cut = False
        self._carries = asyncio.Event()
        self._carries.set()
        self.holds_ends = False  # what the far end closes stays open: the moment after its last word, made long
        self.port = 0

    def cut(self) -> None:
        """Every connection is reset, and new ones end at once."""
        self._cut = True
        for writer in tuple(self._writers):
            writer.transport.abort()

    def hush(self) -> None:
        """Connections stay and new ones are taken, and nothing is said any more."""
        self._carries.clear()

    async def end(self) -> None:
        """Cut for good."""
        self.cut()
        self._carries.set()
        await asyncio.gather(*self._pairs)

    def mend(self) -> None:
        """Connections go through again."""
        self._cut = False
        self._carries.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            await self._carries.wait()
            if self._cut:
                return
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            ends.append(far_writer)
            if self._cut:  # while the far end was being reached
                return
            self._writers.update(ends)
            pair = asyncio.gather(self._relay(reader, far_writer), self._relay(far_reader, writer))
            self._pairs.add(pair)
            try:
                await pair
            finally:
                self._pairs.discard(pair)
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._carries.wait()
                writer.write(data)
                await writer.drain()
        if not self.holds_ends:
            writer.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[str, Wire]]:
    """The URL through the wire, and the wire."""
    parts = urlsplit(url)
    wire = Wire(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    login = f"{parts.username}:{parts.password}@" if parts.username else ""
    try:
        yield parts._replace(netloc=f"{login}127.0.0.1:{wire.port}").geturl(), wire
    finally:
        server.close()
        await wire.end()
