"""Ports and passwords that stay the same."""

import socket
import stat

import pytest

from haechi.embedded.addresses import HOST, PORTS, AddressBook
from haechi.errors import ConfigError


def test_ports_and_passwords_are_the_same_at_the_next_start(tmp_path):
    said = []
    file = tmp_path / "embedded.json"
    first = AddressBook(file, said.append)
    chosen = first.port("kafka"), first.port("postgres"), first.secret("postgres.password")
    second = AddressBook(file, said.append)
    assert (second.port("kafka"), second.port("postgres"), second.secret("postgres.password")) == chosen
    assert chosen[0] != chosen[1]
    assert chosen[0] in PORTS
    assert said == []


def test_the_file_of_passwords_is_readable_by_its_owner_alone(tmp_path):
    AddressBook(tmp_path / "embedded.json", print).secret("valkey.password")
    assert stat.S_IMODE((tmp_path / "embedded.json").stat().st_mode) == 0o600


def test_a_port_taken_by_another_program_is_replaced_and_said(tmp_path):
    said = []
    file = tmp_path / "embedded.json"
    kept = AddressBook(file, said.append).port("valkey")
    with socket.socket() as stranger:
        stranger.bind((HOST, kept))
        stranger.listen()
        moved = AddressBook(file, said.append).port("valkey")
    assert moved != kept
    assert said == [f"valkey: port {kept} is taken by another program; it moves to {moved}."]
    assert AddressBook(file, said.append).port("valkey") == moved


def test_a_damaged_file_is_named_not_overwritten(tmp_path):
    file = tmp_path / "embedded.json"
    file.write_text("{")
    with pytest.raises(ConfigError, match=r"embedded\.json is not readable.*passwords"):
        AddressBook(file, print)
    assert file.read_text() == "{"
