"""A week of a thousand people: every day's ledger balances, the worker does not grow, and who is gone is forgotten."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from haechi import topics
from haechi.domain.time import micros_of
from haechi.ids import shard_of
from haechi.store.live import Live
from tests.days.city import POSITIONS, city
from tests.days.feed import feeding
from tests.days.fixes import MINUTE, Day
from tests.days.ledger import Ledger
from tests.days.lives import DAY, Someone, Span, retold, settle

DAYS = 7
PEOPLE, HANDED_ON = 1000, 100
MEGABYTE = 1 << 20


def next_day(people: Sequence[Someone], number: int) -> list[Someone]:
    """Every tenth watch is on another wrist, for ever, and what happens, happens to others."""
    new = settle(HANDED_ON, born=PEOPLE + number * HANDED_ON)
    gone = range((number - 1) * HANDED_ON, number * HANDED_ON)
    handed_on = [msgspec.structs.replace(one, device=people[n].device) for one, n in zip(new, gone, strict=True)]
    return retold([*people[: gone.start], *handed_on, *people[gone.stop :]], seed=number)


@pytest.mark.soak
async def test_in_a_week_the_worker_does_not_grow_and_forgets_who_is_gone(
    kafka_url: str, postgres_database: str, redis_url: str, tmp_path: Path
) -> None:
    people = settle(PEOPLE)
    memory: list[int] = []
    async with AsyncExitStack() as running:
        it = await running.enter_async_context(city(kafka_url, postgres_database, redis_url, tmp_path))
        feed = await running.enter_async_context(feeding(it.connection))
        await it.register(people)
        worker = await running.enter_async_context(it.started(POSITIONS))
        ledgers, heard_of = [], 0
        for number in range(DAYS):
            if number:
                before, people = people, next_day(people, number)
                heard_of += sum(_meets(*pair) for pair in zip(before, people, strict=True))
                await it.register(people)
                await asyncio.sleep(5)  # a slice follows within two
            day = Day(people, number=number)
            ledgers.append((day.begins, Ledger((_without_presses(one) for one in people), day.begins)))
            await feed.give(people, day, Span(0, DAY))
            await it.acknowledged([(POSITIONS, topics.POSITIONS)])
            memory.append(psutil.Process(worker.process.pid).memory_info().rss)
            print(f"day {number + 1}: {memory[-1] / MEGABYTE:.0f} MB")
        alerts = await it.alerts()
        for begins, ledger in ledgers:
            days = [a for a in alerts if 0 <= micros_of(a.starts_at) - begins < DAY * MINUTE]
            assert ledger.of_alerts(days) == []
        assert memory[-1] <= 1.05 * memory[1] + 16 * MEGABYTE
        assert await _forgotten(redis_url, "another person's now") == heard_of

        for number in range(DAYS, DAYS + 32):  # a day at a time: all of them would wait longer than patience lasts
            await feed.pass_time(ledgers[0][0], range(number * DAY, (number + 1) * DAY, 5))
            await it.acknowledged([(POSITIONS, topics.POSITIONS)])
        assert await _forgotten(redis_url, "silent for long") == PEOPLE + (DAYS - 1) * HANDED_ON - heard_of


def _meets(before: Someone, after: Someone) -> bool:
    """Whether the partition of who had the watch hears that another has it now; any other forgets it in a month."""
    here, there = (topics.partition_of(shard_of(one.person)) for one in (before, after))
    return before.person != after.person and here == there


def _without_presses(one: Someone) -> Someone:
    """As `analytics.positions` sees them."""
    return msgspec.structs.replace(one, life=msgspec.structs.replace(one.life, presses=()))


async def _forgotten(redis_url: str, why: str) -> float:
    """How many devices the worker has forgotten for this reason."""
    live = Live(redis_url)
    try:
        (beat,) = (await live.heartbeats())[POSITIONS]
    finally:
        await live.close()
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{beat['metrics']}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    samples = [sample for family in families for sample in family.samples]
    name = "haechi_devices_forgotten_total"
    return sum(sample.value for sample in samples if sample.name == name and sample.labels["why"] == why)
