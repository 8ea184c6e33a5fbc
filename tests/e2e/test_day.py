"""A day of a thousand people through the real Kafka and the real processes: its ledger balances, exactly."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.days.city import city
from tests.days.feed import feeding
from tests.days.fixes import Day
from tests.days.ledger import Ledger, rows_of
from tests.days.lives import AT, DAY, Span, settle

PROCESSES = ("analytics.positions", "analytics.urgent", "alerts.incidents")


@pytest.mark.timeout(600)
async def test_every_press_and_every_leave_of_a_day_is_in_exactly_one_incident_and_nothing_else_is(
    kafka_url: str, postgres_database: str, redis_url: str, tmp_path: Path
) -> None:
    people = settle(1000)
    day, ledger = Day(people), Ledger(people, AT)
    async with AsyncExitStack() as running:
        it = await running.enter_async_context(city(kafka_url, postgres_database, redis_url, tmp_path))
        feed = await running.enter_async_context(feeding(it.connection, spooling=Span(240, 260)))
        await it.register(people)
        for name in PROCESSES:
            await running.enter_async_context(it.started(name))
        await feed.give(people, day, Span(0, DAY))
        await it.acknowledged()
        alerts = await it.alerts()
        assert ledger.of_alerts(alerts) == []
        assert ledger.of_incidents(await rows_of(it.pool), alerts) == []
        assert await it.letters() == 0
