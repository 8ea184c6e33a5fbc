"""Networks and sockets as an operator writes them down."""

from ipaddress import ip_address

import pytest

from haechi.networks import Socket, allowed


def test_an_entry_is_a_network_an_address_or_an_address_with_its_port() -> None:
    found = allowed(["10.20.0.0/16", "10.30.0.1", "fd00::/8", "fd00::7", " 10.20.0.7:8443 ", "[fd00::7]:8443"])
    assert [str(network) for network in found.networks] == ["10.20.0.0/16", "10.30.0.1/32", "fd00::/8", "fd00::7/128"]
    assert found.sockets == {Socket(ip_address("10.20.0.7"), 8443), Socket(ip_address("fd00::7"), 8443)}


@pytest.mark.parametrize(
    "entry",
    [
        "intranet",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.1:http",
        "10.0.0.1:0",
        "10.0.0.1:70000",
        "",
        "[::1",
        "intranet:80",
    ],
)
def test_any_other_is_refused_in_words(entry: str) -> None:
    with pytest.raises(ValueError, match="is neither a network such as"):
        allowed(["10.20.0.0/16", entry])
