"""The guard of outgoing HTTP: a webhook address is somebody else's input, and must not reach into our own network.

The check sits where the socket is made (`TCPConnector(socket_factory=...)`), so it sees the very address that is
connected to: literal ones, every answer of the resolver, and an answer that changed since the last look (DNS
rebinding). Checking the host name before the request sees none of these.
"""

import errno
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from aiohttp import AddrInfoType

from haechi.networks import Address, allowed

# Special-purpose IPv4 (IANA registry, RFC 6890 and its updates), with everything from multicast upwards.
REFUSED_V4: tuple[IPv4Network, ...] = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# IPv6 is the other way round: only global unicast is let through, so that v4-mapped ::ffff:0:0/96, NAT64 64:ff9b::/96,
# fc00::/7, fe80::/10 and what is not assigned yet are refused without being named; within it, the special ones.
GLOBAL_UNICAST = IPv6Network("2000::/3")
REFUSED_V6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)


class RefusedAddress(PermissionError):  # noqa: N818 - what happened, in the words of the log: "refused address"
    """The guard refused to connect; the message names the address and the setting that would allow it."""


def is_public(address: Address) -> bool:
    """Whether an address may be reached without being allowed by name."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    return address in GLOBAL_UNICAST and not any(address in network for network in REFUSED_V6)


class Guard:
    """Lets public addresses and the operator's own (`alerts.allow_networks`: CIDR or address:port) through."""

    def __init__(self, allow: Iterable[str]) -> None:
        """ValueError for an entry that is neither a network nor an address with a port; settings have none."""
        self._allowed = allowed(allow)

    def allows(self, address: Address, port: int) -> bool:
        """Whether a connection to this address and port may be made."""
        return (
            is_public(address)
            or (address, port) in self._allowed.sockets
            or any(address.version == network.version and address in network for network in self._allowed.networks)
        )

    def socket(self, info: AddrInfoType) -> socket.socket:
        """The socket factory of aiohttp's connector: raises RefusedAddress instead of making a forbidden socket."""
        family, kind, protocol, _, where = info
        if family not in (socket.AF_INET, socket.AF_INET6):
            raise RefusedAddress(errno.EACCES, "only IPv4 and IPv6 are spoken here")
        host, port = str(where[0]), int(where[1])
        if not self.allows(ip_address(host), port):
            raise RefusedAddress(
                errno.EACCES, f"{host}:{port} is not a public address; allow it by name in alerts.allow_networks"
            )
        return socket.socket(family, kind, protocol)
