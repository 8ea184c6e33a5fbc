"""Workers of `analytics.positions` come, go and are killed while people are missed whom nobody has ever heard: each once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import time
from pathlib import Path

import msgspec
import pytest

from haechi import topics
from haechi.domain.people import Device, Person, SafeZone
from haechi.domain.schedule import DAYS, Window
from tests.days.city import POSITIONS, city
from tests.days.feed import Feed, feeding
from tests.days.ledger import Ledger, rows_of
from tests.days.lives import AT, Someone, Span, Truth, settle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

PEOPLE = 160
A_SECOND = 25  # minutes of the day in a second
MISSED_FROM, MISSED_TO, SCHOOL_ENDS = 60, 300, 330


class Unheard(Someone, frozen=True):
    """Somebody whose device has never said anything, and who is expected at home in the minute `due` of the day."""

    due: int

    def rows(self) -> tuple[Person, Device, SafeZone]:
        """As the registry has them."""
        person, device, home = super().rows()
        window = Window("UTC", DAYS, time(0, 30), time(*divmod(SCHOOL_ENDS, 60)))
        return (
            person,
            device,
            msgspec.structs.replace(home, schedule=(window,), expected_by=time(*divmod(self.due, 60))),
        )

    @property
    def truth(self) -> Truth:
        """They are missed then, and nobody asks any more when the window ends."""
        return Truth("not-arrived", self.person, Span(self.due, self.due), Span(SCHOOL_ENDS, SCHOOL_ENDS))


@asynccontextmanager
async def passing(feed: Feed, first: int, last: int) -> AsyncIterator[None]:
    """Minutes go by beside what happens inside, with nothing but ticks in them; at its end all have."""

    async def go_by() -> None:
        for minute in range(first, last):
            await feed.pass_time(AT, range(minute, minute + 1))
            await asyncio.sleep(1 / A_SECOND)

    async with asyncio.TaskGroup() as group:
        group.create_task(go_by())
        yield


async def test_who_was_never_heard_is_missed_once_whatever_becomes_of_the_workers(
    kafka_url: str, postgres_database: str, redis_url: str, tmp_path: Path
) -> None:
    """Every few minutes somebody else is missed, so that some are while one worker becomes four, and while they die."""
    settled = settle(PEOPLE, eventful=0)
    dues = [MISSED_FROM + n * (MISSED_TO - MISSED_FROM) // len(settled) for n in range(len(settled))]
    people = [Unheard(one.person, one.device, one.home, one.life, due) for one, due in zip(settled, dues, strict=True)]
    ledger = Ledger((), AT)
    ledger.truth = [one.truth for one in people]
    async with (
        city(kafka_url, postgres_database, redis_url, tmp_path) as it,
        feeding(it.connection) as feed,
    ):
        await it.register(people)
        async with AsyncExitStack() as running:
            start = running.enter_async_context
            await start(it.started("alerts.incidents"))
            stretches = (passing(feed, first, last) for first, last in ((1, 90), (90, 150), (150, 210)))
            await it.one_becomes_four_and_one_again(running, *stretches)
            async with passing(feed, 210, 270), it.started(POSITIONS, "streaming.after_output=kill@3") as dying:
                await dying.died_at("streaming.after_output", 120)
            async with passing(feed, 270, SCHOOL_ENDS + 5):
                await start(it.started(POSITIONS))
            await it.acknowledged(((POSITIONS, topics.POSITIONS), ("alerts.incidents", topics.ALERTS)))
        alerts = await it.alerts()
        assert ledger.of_alerts(alerts) == []
        assert ledger.of_incidents(await rows_of(it.pool), alerts) == []
        assert await it.letters() == 0
