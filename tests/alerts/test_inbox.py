"""The second road of an SOS: PostgreSQL alone carries it from the gateway to the incident."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from alerts.inbox import AWAY_S, InboxReader, Row
from alerts.metrics import SenderMetrics
from analytics.blindness import BlindRule, Sight, by_inbox, step
from haechi.clock import utc_now
from haechi.domain import wire
from haechi.domain.alerting import CALLS, Alert, urgent_alert
from haechi.errors import TransientError
from haechi.store.outbox import Inbox
from tests.alerts.receivers import until
from tests.alerts.town import DISTRICT, EVERYONE, Town


class Defect:
    """The intake of a version in which an SOS fails so many times more; `tries` are when it was tried."""

    def __init__(self, town: Town, fails: int) -> None:
        self._intake = town.intake
        self.left = fails
        self.tries: list[float] = []

    async def apply(self, alert: Alert) -> object:
        if alert.kind == "sos":
            self.tries.append(asyncio.get_running_loop().time())
            if self.left:
                self.left -= 1
                raise RuntimeError("a defect")
        return await self._intake.apply(alert)


@asynccontextmanager
async def reading(town: Town, apply: object = None) -> AsyncIterator[None]:
    apply = apply or town.intake.apply
    metrics = SenderMetrics(CollectorRegistry())
    reader = InboxReader(Inbox(town.pool), apply, metrics, DISTRICT, utc_now)
    task = asyncio.create_task(reader.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def done(town: Town) -> bool:
    return not await Inbox(town.pool).open(1)


async def test_a_press_becomes_an_incident_that_everyone_will_be_told_about(town: Town) -> None:
    async with reading(town):
        await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call()))
        await until(lambda: done(town))
    (incident,) = await town.open_incidents()
    assert (incident.kind, incident.subject) == ("sos", town.child)
    assert set(await town.states()) == set(EVERYONE)


async def test_both_roads_together_make_one_incident_and_tell_everyone_once(town: Town) -> None:
    call = town.call()
    other_road = urgent_alert(call, utc_now() + timedelta(seconds=1))
    assert other_road is not None
    await Inbox(town.pool).put("call-1", wire.URGENT.encode(call))
    intake = town.intake
    async with reading(town):
        await asyncio.gather(intake.apply(other_road), until(lambda: done(town)))
    (incident,) = await town.open_incidents()
    assert incident.presses == 1
    assert await town.pool.fetchval("SELECT count(*) FROM deliveries") == len(EVERYONE)


async def test_a_call_that_does_not_decode_tells_the_desk_and_stops_nobody(town: Town) -> None:
    await Inbox(town.pool).put("broken", b"\x93 nonsense")
    await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call()))
    async with reading(town):
        await until(lambda: done(town))
    assert {incident.kind for incident in await town.open_incidents()} == {"sos", "dead-letter"}
    assert "Not a message" in await town.pool.fetchval("SELECT error FROM alert_inbox WHERE id = 'broken'")
    told = await town.pool.fetch(
        "SELECT recipient::json->>'name' AS name FROM deliveries d JOIN incidents i ON i.id = d.incident_id "
        "WHERE i.kind = 'dead-letter'"
    )
    assert [row["name"] for row in told] == ["desk"]


async def test_an_unknown_devices_press_is_for_the_desk_only(town: Town) -> None:
    await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call(person=None, source="203.0.113.7")))
    async with reading(town):
        await until(lambda: done(town))
    assert set(await town.states()) == {"desk"}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_cancel_from_the_device_is_shown_and_ends_nothing(town: Town, kind: str) -> None:
    inbox = Inbox(town.pool)
    await inbox.put("call-1", wire.URGENT.encode(town.call(1, kind=kind)))
    await inbox.put("call-2", wire.URGENT.encode(town.call(2, kind="cancel")))
    async with reading(town):
        await until(lambda: done(town))
    (incident,) = await town.open_incidents()
    assert incident.open
    *_, shown = await town.incidents.trail(incident.id)
    assert "a person must decide" in shown.words


def test_what_one_device_says_is_taken_one_after_the_other_and_so_is_what_is_told_of_one_subject(town: Town) -> None:
    press, cancel, other = town.call(1), town.call(2, kind="cancel"), town.call(3, device="another")
    assert Row("1", press).key == Row("2", cancel).key != Row("3", other).key
    assert Row("4", town.alert()).key == Row("5", town.alert("zone-exit")).key


async def test_while_the_store_is_away_a_call_is_kept_and_tried_again(town: Town) -> None:
    times = 0
    intake = town.intake

    async def apply(alert: Alert) -> object:
        nonlocal times
        times += 1
        if times < 3:
            raise TransientError("away")
        return await intake.apply(alert)

    await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call()))
    async with reading(town, apply):
        await until(lambda: done(town))
    assert len(await town.open_incidents()) == 1


async def test_a_call_that_fails_for_no_known_reason_tells_the_desk_after_three_tries(town: Town) -> None:
    defect = Defect(town, 99)
    await Inbox(town.pool).put("call-1", wire.URGENT.encode(town.call()))
    async with reading(town, defect.apply):
        await until(lambda: done(town))
    (incident,) = await town.open_incidents()
    assert incident.kind == "dead-letter"
    assert "a defect" in incident.because.words
    assert len(defect.tries) == 3
    first, *_, last = defect.tries
    assert last - first > AWAY_S, "what hinders it may be over in a moment"


@pytest.mark.parametrize("fails", [2, 3], ids=["it went in", "it was put aside"])
async def test_a_call_that_comes_again_has_three_tries_again(town: Town, fails: int) -> None:
    inbox, call = Inbox(town.pool), wire.URGENT.encode(town.call())
    defect = Defect(town, fails)
    async with reading(town, defect.apply):
        await inbox.put("call-1", call)
        await until(lambda: done(town))
        defect.left = 2
        await inbox.put("call-1", call)
        await until(lambda: done(town))
    assert await town.pool.fetchval("SELECT error FROM alert_inbox WHERE id = 'call-1'") is None
    assert "sos" in {incident.kind for incident in await town.open_incidents()}


async def test_that_kafka_is_away_is_told_and_taken_back_by_this_road(town: Town) -> None:
    rule = BlindRule("positions", DISTRICT, 30)
    since = utc_now()
    sight, raised = step(Sight(since, unsure=False), rule, since + timedelta(seconds=31), ticked=False)
    _, cleared = step(sight, rule, since + timedelta(seconds=90), ticked=True)
    send = by_inbox(Inbox(town.pool))
    for alert in (raised, raised, cleared):  # the first once more: its sender did not learn that it had arrived
        assert alert is not None
        await send(alert)
    async with reading(town):
        await until(lambda: done(town))
    (incident,) = await town.open_incidents()
    assert (incident.kind, incident.state, incident.presses) == ("blind", "returned-unacknowledged", 1)
    assert set(await town.states()) == {"desk"}
