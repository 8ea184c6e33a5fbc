"""An erasure that waits is told to the desk on the real PostgreSQL, once, and is over when it begins."""

import asyncio

import pytest

from alerts.erasure_waits import ErasureRounds
from haechi.domain.incidents import Acknowledge, Close, Incident
from haechi.store.erasures import Erasures
from tests.alerts.receivers import Receivers
from tests.alerts.test_sender import delivered, sending
from tests.alerts.town import DISTRICT, Town


@pytest.fixture
def rounds(town: Town) -> ErasureRounds:
    return ErasureRounds(Erasures(town.pool), town.intake.apply)


async def asked(town: Town, hours: float) -> None:
    """So long ago."""
    await Erasures(town.pool).ask(DISTRICT, town.child, "asked in writing", by="admin")
    await town.pool.execute(
        "UPDATE erasures SET body = jsonb_set(body, '{asked_at}', "
        "to_jsonb((body->>'asked_at')::timestamptz - make_interval(mins => $1)))",
        round(hours * 60),
    )


async def worked(town: Town) -> None:
    await town.pool.execute("UPDATE erasures SET due_at = clock_timestamp()")
    await Erasures(town.pool).work()


async def told(town: Town) -> list[Incident]:
    return [one for one in await town.incidents.recent(DISTRICT) if one.kind == "erasure-waits"]


async def test_the_desk_is_told_after_twelve_hours_what_to_close_and_nobody_else(
    town: Town, rounds: ErasureRounds, receivers: Receivers
) -> None:
    await town.intake.apply(town.alert())
    (sos,) = await town.open_incidents()
    await asked(town, hours=11.9)
    await worked(town)
    await rounds.once()
    assert await told(town) == []
    await town.pool.execute("DELETE FROM erasures")
    await asked(town, hours=12.1)
    await worked(town)
    await asyncio.gather(rounds.once(), rounds.once())
    await rounds.once()
    (one,) = await told(town)
    assert f"Close incident {sos.number}:" in one.because.words
    assert (one.open, one.subject == town.child) == (True, False), "it must not be one more to wait for"
    await town.pool.execute("DELETE FROM deliveries WHERE incident_id = $1", sos.id)
    async with sending(town):
        await delivered(town, "desk")
    assert set(receivers.posts) == {"desk"}

    for command in (Acknowledge("Park", one.opened_at), Close("Park", one.opened_at, "is home")):
        await town.incidents.apply_command(sos.id, DISTRICT, command)
    await worked(town)
    for _ in range(2):
        await rounds.once()
    (one,) = await told(town)
    assert one.ends_at is not None, "it has begun"
