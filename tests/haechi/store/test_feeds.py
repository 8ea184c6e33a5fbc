import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from haechi.domain.incidents import Acknowledge, Incident
from haechi.store.feeds import ChangeFeed
from haechi.store.incidents import Incidents
from haechi.store.outbox import Outbox
from haechi.store.postgres import Pool, snapshot_of
from tests.haechi.store.conftest import AT, DISTRICT, GUARDIAN, raised


async def begun(pool: Pool, table: Literal["incidents", "deliveries"] = "incidents") -> ChangeFeed:
    """A feed that starts where everything before has ended: a transaction of another test, in a database of its own on the
    same server, would have it show once more what came after that had begun."""
    now = await pool.fetchval("SELECT pg_current_xact_id()::text::bigint")
    async with asyncio.timeout(60):
        while (await snapshot_of(pool))[0] <= now:
            await asyncio.sleep(0.02)
    feed = ChangeFeed(pool, table)
    assert feed.age == float("inf")
    await feed.start()
    return feed


async def next_of(changes: AsyncIterator[list[Incident]], seconds: float = 60) -> list[Incident]:
    async with asyncio.timeout(seconds):
        return await anext(changes)


async def test_the_feed_tells_what_changed_since_it_started(pool: Pool) -> None:
    incidents = Incidents(pool)
    await incidents.apply_alert(raised(subject="before"), lambda _: [])
    feed = await begun(pool)
    changes = feed.changes()
    incident = (await incidents.apply_alert(raised(), lambda _: [])).incident
    assert incident is not None
    assert await next_of(changes) == [incident]
    acknowledged = await incidents.apply_command(incident.id, DISTRICT, Acknowledge("op", AT))
    assert await next_of(changes) == [acknowledged]
    assert feed.age < 60


async def test_a_transaction_that_commits_late_is_not_skipped(pool: Pool) -> None:
    """Its row is older than one that the feed has shown; a feed that remembers the newest row would never show it."""
    incidents = Incidents(pool)
    late = (await incidents.apply_alert(raised(subject="late"), lambda _: [])).incident
    assert late is not None
    feed = await begun(pool)
    changes = feed.changes()
    async with pool.acquire() as connection:
        slow = connection.transaction()
        await slow.start()
        await connection.execute("UPDATE incidents SET changed = pg_current_xact_id() WHERE id = $1", late.id)
        quick = (await incidents.apply_alert(raised(subject="quick"), lambda _: [])).incident
        with pytest.raises(TimeoutError):
            await next_of(changes, 1.2)
        await slow.commit()
    changes = feed.changes()
    seen: list[Incident] = []
    while len(seen) < 2:
        seen += await next_of(changes)
    assert {incident.id for incident in seen} == {late.id, quick.id if quick else ""}


async def test_the_feed_of_deliveries_tells_whose_deliveries_moved(pool: Pool) -> None:
    incidents, outbox = Incidents(pool), Outbox(pool)
    incident = (await incidents.apply_alert(raised(), lambda _: [GUARDIAN])).incident
    assert incident is not None
    changes = (await begun(pool, "deliveries")).changes()
    await outbox.lease("w", 10, 30)
    assert [changed.id for changed in await next_of(changes)] == [incident.id]


async def test_the_feed_goes_on_after_its_connections_were_killed(pool: Pool) -> None:
    incidents = Incidents(pool)
    changes = (await begun(pool)).changes()
    waiting = asyncio.create_task(next_of(changes))
    await asyncio.sleep(0.2)
    async with pool.acquire() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    incident = (await incidents.apply_alert(raised(), lambda _: [])).incident
    assert await waiting == [incident]
