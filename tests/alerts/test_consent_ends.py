"""The end of a consent on the real PostgreSQL: told in time, once each, and then over."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from alerts.consent_ends import ConsentRounds
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Given
from haechi.store.registry import PEOPLE
from tests.alerts.receivers import Receivers, until
from tests.alerts.test_sender import none_left, sending
from tests.alerts.town import DISTRICT, Town


@pytest.fixture
def rounds(town: Town) -> ConsentRounds:
    return ConsentRounds(Consents(town.pool), town.incidents, town.intake.apply)


async def ends_in(town: Town, **left: float) -> None:
    """The child's consent was given a year ago and ends after that."""
    now = datetime.now(UTC)
    consents = Consents(town.pool)
    given = Given(("position", "sos"), "mother", None, now - timedelta(days=365), now + timedelta(**left))
    await consents.give(DISTRICT, town.child, given, by="clerk")


async def let_it_be_over(town: Town) -> None:
    over = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    await town.pool.execute("UPDATE people SET consent = jsonb_set(consent, '{expires_at}', to_jsonb($1::text))", over)


async def told(town: Town) -> list[str]:
    rows = await town.incidents.recent(DISTRICT)
    return [row.title for row in reversed(rows) if row.kind == "consent-ends"]


async def test_guardians_and_the_desk_are_told_30_7_and_1_days_before_once_each(
    town: Town, rounds: ConsentRounds, receivers: Receivers
) -> None:
    await ends_in(town, days=30.5)
    await rounds.warn()
    assert await told(town) == []
    for days in (29.9, 8, 6.9, 2, 0.9):
        await ends_in(town, days=days)
        for _ in range(3):
            await rounds.warn()
    assert await told(town) == [
        "Consent ends in 30 days",
        "Consent ends in 30 days",  # another end is another warning: this table moves it, a city does not
        "Consent ends in 7 days",
        "Consent ends in 7 days",
        "Consent ends tomorrow",
    ]
    async with sending(town):
        await until(lambda: none_left(town))
    assert set(receivers.posts) == {"mother", "father", "desk"}
    assert len(receivers.ids("mother")) == len(set(receivers.ids("mother"))) == 5


async def test_two_processes_at_once_and_one_after_a_crash_tell_it_once(town: Town, rounds: ConsentRounds) -> None:
    await ends_in(town, days=6)
    other = ConsentRounds(Consents(town.pool), town.incidents, town.intake.apply)
    await asyncio.gather(rounds.warn(), other.warn(), rounds.warn())
    assert await told(town) == ["Consent ends in 7 days"]
    (incident,) = await town.incidents.recent(DISTRICT)
    assert "mother" in incident.because.words
    assert not incident.open, "it is nobody's work"
    assert await town.pool.fetchval("SELECT count(*) FROM deliveries") == 3


async def test_one_that_is_withdrawn_or_endless_or_over_warns_nobody(town: Town, rounds: ConsentRounds) -> None:
    await rounds.warn()
    await ends_in(town, days=6)
    await let_it_be_over(town)
    await rounds.warn()
    await Consents(town.pool).give(DISTRICT, town.child, Given(("sos",), "mother"), by="clerk")
    await rounds.warn()
    assert await told(town) == []


async def test_what_is_over_stands_no_longer_and_the_ledger_stays(town: Town, rounds: ConsentRounds) -> None:
    consents = Consents(town.pool)
    await ends_in(town, days=400)
    assert await consents.end_over() == []
    await let_it_be_over(town)
    await rounds.once()
    assert (await town.registry.get(PEOPLE, DISTRICT, town.child)).value.consent is None
    assert [entry.kind for entry in await consents.ledger(town.child)] == ["given", "given"]
    newest = (await Audit(town.pool).recent(DISTRICT))[0]
    assert (newest.who, newest.what, newest.subject) == ("system", "consent is over", f"people:{town.child}")
    assert await consents.end_over() == []
