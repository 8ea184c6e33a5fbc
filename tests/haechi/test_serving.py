"""Silent and slow visitors of a real server never keep the next one out."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from haechi.serving import AtMost, Server, listen
from haechi.visitors import HEAD_BYTES, Visitors, source_of

HELLO = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def count(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


APP = Starlette(routes=[Route("/", hello), Route("/count", count, methods=["POST"]), WebSocketRoute("/echo", echo)])


class Street:
    """Connects to the server, and leaves no connection behind."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, said: bytes = b"") -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        writer.write(said)
        return reader, writer

    async def leave(self) -> None:
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@asynccontextmanager
async def serving(
    app: ASGIApp = APP, *, most: int = 10_000, request_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[Street]:
    """The way to a real server."""
    listener = listen("127.0.0.1", 0, "wall.host", "wall.port")
    how = {"lifespan": "off", "timeout_graceful_shutdown": 1}
    server = Server(app, most=most, request_s=request_s, monotonic=monotonic, **how)
    running = asyncio.create_task(server.serve([listener]))
    street = Street(listener.getsockname()[1])
    try:
        yield street
    finally:
        await street.leave()
        server.should_exit = True
        await running


async def answer(connection: Connection) -> bytes:
    """The first line."""
    async with asyncio.timeout(30):
        line = await connection[0].readline()
        length = 0
        while (header := await connection[0].readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        await connection[0].readexactly(length)
        return line


async def ended(connection: Connection) -> bool:
    """Whether the server has closed it, within a generous time."""
    async with asyncio.timeout(30):
        try:
            return await connection[0].read() == b""
        except ConnectionError:
            return True


async def test_a_request_passes_while_more_silent_sockets_than_there_is_room_for_are_open() -> None:
    async with serving(most=100) as street:
        silent = [await street.connect() for _ in range(600)]
        assert b"200" in await answer(await street.connect(HELLO))
        assert await ended(silent[0])


async def test_the_longest_idle_connection_makes_room_and_the_one_that_asks_again_stays() -> None:
    async with serving(most=3) as street:
        idle, busy = await street.connect(HELLO), await street.connect(HELLO)
        await answer(idle)
        await answer(busy)
        busy[1].write(HELLO)
        await answer(busy)
        later = [await street.connect(HELLO), await street.connect(HELLO)]
        assert [b"200" in await answer(one) for one in later] == [True, True]
        assert await ended(idle)
        busy[1].write(HELLO)
        assert b"200" in await answer(busy)


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\nHost: he", b"POST /count HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n12345"],
    ids=["silent", "half a header", "half a body"],
)
async def test_a_request_that_does_not_arrive_in_time_ends_its_connection(said: bytes) -> None:
    async with serving(request_s=0.3) as street:
        assert await ended(await street.connect(said))


async def test_a_header_that_drips_in_does_not_gain_time_by_it() -> None:
    async with serving(request_s=0.5) as street:
        connection = await street.connect(HELLO)
        await answer(connection)
        drip = asyncio.create_task(dripping(connection, b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000))
        assert await ended(connection)
        drip.cancel()


async def dripping(connection: Connection, data: bytes) -> None:
    for byte in data:
        connection[1].write(bytes([byte]))
        await asyncio.sleep(0.05)


async def test_a_header_without_an_end_is_not_kept() -> None:
    async with serving() as street:
        connection = await street.connect(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (HEAD_BYTES // 3))
        assert await ended(connection)


async def test_an_idle_connection_and_a_websocket_outlive_the_deadline_of_requests() -> None:
    now = 0.0
    async with serving(monotonic=lambda: now) as street:
        idle = await street.connect(HELLO)
        await answer(idle)
        upgrade = (
            b"GET /echo HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        socket = await street.connect(upgrade)
        assert b"101" in await answer(socket)
        silent = await street.connect()
        await answer(await street.connect(HELLO))  # by now the one before has come in
        now = 1000.0
        assert await ended(silent)
        idle[1].write(HELLO)
        assert b"200" in await answer(idle)
        socket[1].write(b"\x81\x82\x00\x00\x00\x00hi")
        async with asyncio.timeout(30):
            assert await socket[0].readexactly(4) == b"\x81\x02hi"


async def test_one_request_too_many_at_once_is_told_to_come_again() -> None:
    gate = asyncio.Event()

    async def slow(_: Request) -> Response:
        await gate.wait()
        return PlainTextResponse("at last")

    async with serving(AtMost(Starlette(routes=[Route("/", slow)]), 2)) as street:
        two = [await street.connect(HELLO) for _ in range(2)]
        while b"503" not in await answer(await street.connect(HELLO)):
            await asyncio.sleep(0.01)  # the two are not in yet
        gate.set()
        assert [b"200" in await answer(one) for one in two] == [True, True]
        assert b"200" in await answer(await street.connect(HELLO))


@pytest.mark.parametrize(("soft", "hard", "opens"), [(100, 300, 300), (400, 5_000, 1_000), (2_000, 5_000, 2_000)])
def test_a_server_opens_as_many_files_as_it_needs_and_may(soft: int, hard: int, opens: int) -> None:
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "from haechi.process import open_files; print(open_files(1_000))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert int(said) == opens


class Guest:
    """What `Visitors` uses of a connection."""

    def __init__(self) -> None:
        self.transport = self
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_time_for_a_request_counts_from_its_first_part() -> None:
    clock = [0.0]
    now: Callable[[], float] = lambda: clock[0]
    visitors, guest = Visitors(10, request_s=20, monotonic=now), Guest()
    visitors.came(guest)
    visitors.asked(guest)
    visitors.answered(guest)
    clock[0] = 1000.0
    visitors.close_late()
    visitors.began(guest)
    clock[0] = 1019.0
    visitors.began(guest)
    visitors.close_late()
    assert not guest.closed
    clock[0] = 1020.0
    visitors.close_late()
    assert guest.closed


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # of a socket that listens for both
        ("mqtt:phone", "mqtt:phone"),
    ],
)
def test_the_addresses_of_one_ipv6_network_are_one_place(address: str, source: str) -> None:
    assert source_of(address) == source
