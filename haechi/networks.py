"""Networks and sockets as an operator writes them down."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Socket(NamedTuple):
    """An address and one of its ports."""

    address: Address
    port: int


class Allowed(msgspec.Struct, frozen=True):
    """What may be reached: whole networks, and single sockets."""

    networks: tuple[Network, ...]
    sockets: frozenset[Socket]


def allowed(entries: Iterable[str]) -> Allowed:
    """Networks (a bare address is one) and addresses with a port. Raises ValueError in words for anything else."""
    networks: list[Network] = []
    sockets: set[Socket] = set()
    for entry in entries:
        try:
            found = _read(entry.strip())
        except ValueError as error:
            raise ValueError(
                f"'{entry}' is neither a network such as 10.20.0.0/16 nor an address with its port such as "
                "10.20.0.7:8443 or [fd00::7]:8443"
            ) from error
        if isinstance(found, Socket):
            sockets.add(found)
        else:
            networks.append(found)
    return Allowed(tuple(networks), frozenset(sockets))


def _read(entry: str) -> Network | Socket:
    host, colon, port = entry.rpartition(":")
    if "/" in entry or not colon or (":" in host and not host.startswith("[")):
        return ip_network(entry)
    number = int(port)
    if not 1 <= number <= 65535:
        raise ValueError(port)
    return Socket(ip_address(host.removeprefix("[").removesuffix("]")), number)


def is_loopback(host: str) -> bool:
    """Whether a host is the address of this machine itself; a name is none, because it may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
