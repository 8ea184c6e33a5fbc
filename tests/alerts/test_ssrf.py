"""No address of a private network is reached unless the operator has named it."""

import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.webhook import open_session
from alerts.ssrf import Guard, RefusedAddress, is_public

PATIENT_S = 60.0
ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.31.255.255",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%lo",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:1234::1",
        "2001:db8::1",
    ],
)
def test_a_private_or_wrapped_address_is_refused(text: str) -> None:
    assert not Guard(()).allows(ip_address(text), 443)


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_passes(text: str) -> None:
    assert Guard(()).allows(ip_address(text), 443)


@given(ADDRESSES)
def test_what_python_calls_special_is_never_public(address: IPv4Address | IPv6Address) -> None:
    special = address.is_private or address.is_loopback or address.is_link_local
    special = special or address.is_multicast or address.is_reserved or address.is_unspecified
    assert not (special and is_public(address))


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_passes_inside_an_ipv6_one(inner: IPv4Address) -> None:
    wrapped = (
        IPv6Address(0xFFFF << 32 | int(inner)),
        IPv6Address(int(IPv6Address("64:ff9b::")) | int(inner)),
        IPv6Address(0x2002 << 112 | int(inner) << 80),
        IPv6Address(int(inner)),
    )
    assert not any(is_public(address) for address in wrapped)


@given(ADDRESSES, st.integers(1, 65535), st.integers(1, 65535))
def test_an_allowed_socket_allows_its_own_port_only(address: IPv4Address | IPv6Address, port: int, other: int) -> None:
    name = f"[{address}]" if address.version == 6 else str(address)
    guard = Guard([f"{name}:{port}"])
    assert guard.allows(address, port)
    assert guard.allows(address, other) == (is_public(address) or other == port)


@given(st.ip_addresses(v=4))
def test_an_allowed_network_allows_what_lies_in_it_and_nothing_else(address: IPv4Address) -> None:
    inside = int(address) >> 16 == (10 << 8 | 20)
    assert Guard(["10.20.0.0/16"]).allows(address, 80) == (is_public(address) or inside)


def test_the_socket_factory_refuses_in_words() -> None:
    with pytest.raises(RefusedAddress, match=r"10\.0\.0\.1:443 is not a public address"):
        Guard(()).socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)))


class Rebinding(AbstractResolver):
    """A name server that answers as an attacker likes."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=6, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[str]]]:
    """A server of our own network, and what reached it."""
    reached: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], reached
    await runner.cleanup()


async def test_a_public_name_that_resolves_to_a_private_address_is_not_reached(inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    async with open_session(Guard(()), PATIENT_S) as session:
        assert isinstance(session.connector, aiohttp.TCPConnector)
        session.connector._resolver = Rebinding(port)
        with pytest.raises(aiohttp.ClientConnectorError, match="not a public address"):
            await session.post(f"http://hooks.example:{port}/")
    assert reached == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "0"])
async def test_a_literal_address_in_any_spelling_is_not_reached(host: str, inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    async with open_session(Guard(()), PATIENT_S) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"http://{host}:{port}/")
    assert reached == []


async def test_an_allowed_socket_is_reached(inside: tuple[int, list[str]]) -> None:
    port, reached = inside
    async with (
        open_session(Guard([f"127.0.0.1:{port}"]), PATIENT_S) as session,
        session.post(f"http://127.0.0.1:{port}/hook") as response,
    ):
        assert response.status == 200
    assert reached == ["/hook"]
