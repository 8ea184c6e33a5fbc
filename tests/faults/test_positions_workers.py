"""Workers of `analytics.positions` come, go and are killed in the middle of a day: nobody's leave is lost or doubled.

Several real processes of one name on one machine share the partitions. What each has told is compared with the truth of
the day, in order per person, and with the incidents.
"""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

from tests.days.city import POSITIONS, city
from tests.days.feed import feeding
from tests.days.fixes import Day
from tests.days.ledger import Ledger, rows_of
from tests.days.lives import AT, Span, settle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

MINUTES = 720
A_SECOND = 25  # minutes of the day in a second
PLACES = {
    "streaming.after_apply": "kill@3",  # a step takes all that waits of a partition: eight may be all of an hour
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
            await it.one_becomes_four_and_one_again(running, hours(0, 2), hours(2, 5), hours(5, 8))
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
