from datetime import UTC, datetime, timedelta

import pytest

from control_room.details import LOOK_AGAIN, Looks
from tests.control_room.stand_ins import Audit


class Turned:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_the_same_eyes_on_the_same_thing_are_one_look_for_ten_minutes() -> None:
    audit, clock = Audit(), Turned()
    looks = Looks(audit, clock)
    await looks.record("a", "opened", "incident:1", "d")
    await looks.record("a", "opened", "incident:1", "d")
    await looks.record("b", "opened", "incident:1", "d")
    await looks.record("a", "opened", "incident:2", "d")
    assert len(audit.lines) == 3
    clock.now += LOOK_AGAIN + timedelta(seconds=1)
    await looks.record("a", "opened", "incident:1", "d")
    assert len(audit.lines) == 4


async def test_a_look_that_could_not_be_written_down_is_refused_and_not_forgotten() -> None:
    class Away(Audit):
        async def write(self, *_: object, **__: object) -> None:
            raise OSError("no PostgreSQL")

    looks = Looks(Away(), Turned())
    for _ in range(2):
        with pytest.raises(OSError, match="no PostgreSQL"):
            await looks.record("a", "opened", "incident:1", "d")
