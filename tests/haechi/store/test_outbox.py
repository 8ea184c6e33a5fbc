import asyncio
from datetime import timedelta

import pytest

from haechi.domain.alerting import Severity
from haechi.store.incidents import Incidents
from haechi.store.outbox import Inbox, Outbox, Received
from haechi.store.postgres import Pool
from tests.haechi.store.conftest import DISTRICT, GUARDIAN, POLICE, raised


async def fill(pool: Pool, count: int = 1) -> list[str]:
    incidents = Incidents(pool)
    applied = [await incidents.apply_alert(raised(subject=f"p{n}"), lambda _: [GUARDIAN, POLICE]) for n in range(count)]
    return [one.incident.id for one in applied if one.incident]


async def test_workers_at_once_share_the_outbox_without_overlap(pool: Pool) -> None:
    await fill(pool, 5)
    outboxes = [Outbox(pool) for _ in range(5)]
    leases = await asyncio.gather(*(outbox.lease(f"w{n}", 2, 30) for n, outbox in enumerate(outboxes)))
    ids = [delivery.id for lease in leases for delivery in lease]
    assert len(ids) == 10
    assert len(set(ids)) == 10
    assert await outboxes[0].lease("w0", 10, 30) == []


async def test_an_expired_lease_gives_the_same_delivery_with_the_same_id_to_the_next(pool: Pool) -> None:
    await fill(pool)
    outbox = Outbox(pool)
    first = await outbox.lease("dies", 10, 0.05)
    await asyncio.sleep(0.1)
    second = await outbox.lease("lives", 10, 30)
    assert {delivery.id for delivery in first} == {delivery.id for delivery in second}
    assert {delivery.attempts for delivery in second} == {2}


async def test_life_safety_is_leased_first_whatever_waits_longer(pool: Pool) -> None:
    incidents = Incidents(pool)
    await incidents.apply_alert(raised(kind="air", severity=Severity.ADVISORY), lambda _: [POLICE])
    await incidents.apply_alert(raised(kind="trespass", severity=Severity.URGENT), lambda _: [POLICE])
    await incidents.apply_alert(raised(), lambda _: [POLICE])
    outbox = Outbox(pool)
    assert [d.incident.kind for d in await outbox.lease("w", 2, 30)] == ["sos", "trespass"]


async def test_the_first_attempt_stamps_its_delivery_and_the_incident_once(pool: Pool) -> None:
    (incident,) = await fill(pool)
    outbox, incidents = Outbox(pool), Incidents(pool)
    one, other = await outbox.lease("w", 10, 30)
    await outbox.first_attempt(one.id)
    stamped = await incidents.get(incident, DISTRICT)
    assert stamped.first_attempt_at is not None
    assert stamped.version == 2
    await outbox.first_attempt(other.id)
    await outbox.first_attempt(one.id)
    assert await incidents.get(incident, DISTRICT) == stamped
    views = await incidents.deliveries(incident)
    assert all(view.first_attempt_at is not None for view in views)


async def test_a_delivery_to_be_retried_is_due_again_after_its_wait(pool: Pool) -> None:
    (incident,) = await fill(pool)
    outbox = Outbox(pool)
    one, other = await outbox.lease("w", 10, 30)
    await outbox.retry(one.id, "502 Bad Gateway", 0)
    await outbox.retry(other.id, "refused", 60)
    assert [delivery.id for delivery in await outbox.lease("w", 10, 30)] == [one.id]
    errors = {view.id: view.last_error for view in await Incidents(pool).deliveries(incident)}
    assert errors == {one.id: "502 Bad Gateway", other.id: "refused"}


@pytest.mark.parametrize("state", ["delivered", "failed"])
async def test_what_is_finished_stays_finished(pool: Pool, state: str) -> None:
    (incident,) = await fill(pool)
    outbox = Outbox(pool)
    for delivery in await outbox.lease("w", 10, 0):
        await (
            outbox.delivered(Received(delivery.id)) if state == "delivered" else outbox.failed(delivery.id, "410 Gone")
        )
        await outbox.retry(delivery.id, "a late answer of another worker", 0)
    assert await outbox.lease("w", 10, 30) == []
    assert {view.state for view in await Incidents(pool).deliveries(incident)} == {state}


async def test_a_new_delivery_wakes_the_sender(pool: Pool) -> None:
    outbox = Outbox(pool)
    await outbox.wait(0.5)
    waiting = asyncio.create_task(outbox.wait(30))
    await fill(pool)
    assert await waiting


async def test_a_call_put_twice_is_offered_once_until_it_is_done(pool: Pool) -> None:
    inbox = Inbox(pool)
    await inbox.put("a", b"one")
    await inbox.put("a", b"one")
    await inbox.put("b", b"two")
    assert await inbox.open(10) == [("a", b"one"), ("b", b"two")]
    assert await inbox.open(1) == [("a", b"one")]
    await inbox.done("a")
    await inbox.done("b", "does not decode")
    assert await inbox.open(10) == []
    await inbox.put("a", b"again")
    assert await inbox.open(10) == [("a", b"again")], (
        "after it was done: whether it is another press, its incident says"
    )


async def test_a_call_wakes_its_reader(pool: Pool) -> None:
    inbox = Inbox(pool)
    await inbox.wait(0.5)
    waiting = asyncio.create_task(inbox.wait(30))
    await inbox.put("a", b"one")
    assert await waiting


async def test_hosts_that_have_enough_to_do_are_left_out_of_a_lease(pool: Pool) -> None:
    await fill(pool)
    outbox = Outbox(pool)
    assert [one.recipient for one in await outbox.lease("w", 10, 30, but=["police.example"])] == [GUARDIAN]
    assert [one.recipient for one in await outbox.lease("w", 10, 30)] == [POLICE]


async def test_a_renewed_lease_is_nobody_elses_and_a_postponed_delivery_was_no_attempt(pool: Pool) -> None:
    await fill(pool)
    outbox = Outbox(pool)
    kept, put_back = await outbox.lease("w", 10, 0.2)
    await outbox.renew([kept.id], 60)
    await outbox.postpone(put_back.id, 0)
    await asyncio.sleep(0.3)
    assert [(one.id, one.attempts) for one in await outbox.lease("other", 10, 30)] == [(put_back.id, 1)]


async def test_the_depth_counts_what_waits_and_what_is_on_the_way(pool: Pool) -> None:
    outbox = Outbox(pool)
    assert await outbox.depth() == (0, 0)
    await fill(pool)
    (first,) = await outbox.lease("w", 1, 30)
    depth, age = await outbox.depth()
    assert depth == 2
    assert age > 0
    await outbox.delivered(Received(first.id))
    assert (await outbox.depth())[0] == 1


async def test_calls_that_were_done_long_ago_are_forgotten_and_open_ones_never(pool: Pool) -> None:
    inbox = Inbox(pool)
    for name in ("old", "new", "open"):
        await inbox.put(name, b"call")
    await inbox.done("old")
    await inbox.done("new")
    await pool.execute(
        "UPDATE alert_inbox SET done_at = done_at - interval '31 days', received_at = received_at - interval '31 days' "
        "WHERE id IN ('old', 'open')"
    )
    assert await inbox.forget(timedelta(days=30)) == 1
    assert [row["id"] for row in await pool.fetch("SELECT id FROM alert_inbox ORDER BY id")] == ["new", "open"]
