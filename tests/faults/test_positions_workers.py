"""Workers of `analytics.positions` come, go and are killed in the middle of a day: nobody's leave is lost or doubled.

Several real processes of one name on one machine share the partitions. What each has told is compared with the truth of
the day, in order per person, and with the incidents.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import time
from pathlib import Path

import msgspec
import pytest

from haechi import topics
from haechi.domain.people import Device, Person, SafeZone
from haechi.domain.schedule import DAYS, Window
from tests.days.city import POSITIONS, city
from tests.days.feed import Feed, feeding
from tests.days.fixes import Day
from tests.days.ledger import Ledger, rows_of
from tests.days.lives import AT, Someone, Span, Truth, settle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

MINUTES = 720
A_SECOND = 25  # minutes of the day in a second
PLACES = {
    "streaming.after_apply": "kill@20",  # a step takes all that waits: a busy machine makes few of an hour
    "streaming.after_output": "kill@3",
    "streaming.after_changelog": "kill@2",
}


async def test_one_worker_becomes_four_and_one_again_while_some_are_killed(
    kafka_url: str, postgres_database: str, redis_url: str, tmp_path: Path
) -> None:
    people = settle(160, MINUTES, eventful=0.8)
    day, ledger = Day(people, MINUTES), Ledger(people, AT)
    async with (
        city(kafka_url, postgres_database, redis_url, tmp_path) as it,
        feeding(it.connection) as feed,
    ):
        await it.register(people)

        def hours(first: int, last: int) -> AbstractAsyncContextManager[None]:
            return feed.giving(people, day, Span(first * 60, last * 60), per_s=A_SECOND)

        async with AsyncExitStack() as running:
            start = running.enter_async_context
            for name in ("analytics.urgent", "alerts.incidents"):
                await start(it.started(name))
            async with hours(0, 2):
                first = await start(it.started(POSITIONS))
                await it.shared_by(1)
            async with hours(2, 5):
                second, third, fourth = [await start(it.started(POSITIONS)) for _ in range(3)]
                await it.shared_by(4)
            async with hours(5, 8):
                await first.kill()
                await second.kill()
                third.process.terminate()
                assert await third.process.wait() == 0
                await it.shared_by(1)
            await fourth.kill()
            for hour, (place, when) in enumerate(PLACES.items(), 8):
                async with hours(hour, hour + 1), it.started(POSITIONS, f"{place}={when}") as dying:
                    await dying.died_at(place, 120)
            async with hours(8 + len(PLACES), 12):
                await start(it.started(POSITIONS))
            await it.acknowledged()
        alerts = await it.alerts()
        assert ledger.of_alerts(alerts) == []
        assert ledger.of_incidents(await rows_of(it.pool), alerts) == []
        assert await it.letters() == 0


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
    settled = settle(160, MINUTES, eventful=0)
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
            async with passing(feed, 1, 90):
                first = await start(it.started(POSITIONS))
                await it.shared_by(1)
            async with passing(feed, 90, 150):
                second, third, fourth = [await start(it.started(POSITIONS)) for _ in range(3)]
                await it.shared_by(4)
            async with passing(feed, 150, 210):
                await first.kill()
                await second.kill()
                third.process.terminate()
                assert await third.process.wait() == 0
                await it.shared_by(1)
            await fourth.kill()
            async with passing(feed, 210, 270), it.started(POSITIONS, "streaming.after_output=kill@3") as dying:
                await dying.died_at("streaming.after_output", 120)
            async with passing(feed, 270, SCHOOL_ENDS + 5):
                await start(it.started(POSITIONS))
            await it.acknowledged(((POSITIONS, topics.POSITIONS), ("alerts.incidents", topics.ALERTS)))
        alerts = await it.alerts()
        assert ledger.of_alerts(alerts) == []
        assert ledger.of_incidents(await rows_of(it.pool), alerts) == []
        assert await it.letters() == 0
