"""Kafka's password while its folder is prepared: in a file of ours, never in the process list."""

from pathlib import Path

import pytest

from haechi.embedded import kafka
from haechi.embedded.addresses import AddressBook
from haechi.embedded.kafka import Kafka, argument_file
from haechi.embedded.process import Command, ServerFailed


@pytest.mark.parametrize("fails", [False, True])
async def test_the_password_is_in_no_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    book = AddressBook(tmp_path / "embedded.json", lambda _: None)
    server = Kafka(tmp_path, book, tmp_path, lambda _: None)
    folder = tmp_path / "kafka"
    folder.mkdir()
    password = book.secret("kafka.password")
    seen = []

    async def run(command: Command) -> tuple[int, str]:
        file = Path(command.arguments[-1].removeprefix("@"))
        seen.append((command.arguments, file.stat().st_mode & 0o777, file.read_text()))
        return int(fails), "said"

    monkeypatch.setattr(kafka, "run", run)
    if fails:
        with pytest.raises(ServerFailed):
            await server._format(tmp_path, folder / "server.properties")
    else:
        await server._format(tmp_path, folder / "server.properties")
    ((arguments, mode, text),) = seen
    assert not any(password in word for word in arguments)
    assert mode == 0o600
    assert password in text
    assert not list(folder.iterdir())


def test_words_of_an_argument_file_are_quoted() -> None:
    assert argument_file(["-cp", 'a b/"c"\\d']) == '"-cp"\n"a b/\\"c\\"\\\\d"\n'
