"""What is said of the disk, and how often."""

from pathlib import Path

import pytest

from haechi.supervisor.disk import FULL_BYTES, LOW_BYTES, Disk, words_of

FOLDER = Path("data")


def said(*free: int) -> list[str]:
    """What a disk with so many free bytes, one look after the other, makes the supervisor say."""
    words: list[str] = []
    rest = iter(free)
    disk = Disk(FOLDER, words.append, lambda _: next(rest))
    for _ in free:
        disk.look()
    return words


def test_enough_room_is_not_worth_a_word() -> None:
    assert said(LOW_BYTES, 10 * LOW_BYTES) == []


def test_each_change_is_said_once_and_tells_what_to_do() -> None:
    words = said(3 * LOW_BYTES, LOW_BYTES - 1, LOW_BYTES - 2, FULL_BYTES - 1, 0, 3 * LOW_BYTES)
    assert len(words) == 3
    assert "free some, or name another folder" in words[0]
    assert "the disk is full" in words[1]
    assert "again" in words[2]


def test_room_that_wavers_at_the_limit_is_said_once() -> None:
    assert len(said(*[LOW_BYTES - 1, LOW_BYTES + 1] * 20)) == 1


@pytest.mark.parametrize(("free", "quiet"), [(LOW_BYTES, True), (LOW_BYTES - 1, False), (0, False)])
def test_the_doctor_says_it_by_the_same_words(free: int, quiet: bool) -> None:
    assert (words_of(free, FOLDER) == "") is quiet
