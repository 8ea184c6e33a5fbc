import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import asyncpg
import msgspec
import pytest

from haechi.clock import utc_now
from haechi.domain.consent import NoGuardian, standing
from haechi.domain.people import Person
from haechi.errors import Conflict, NotFound
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Decision, Given
from haechi.store.incidents import Incidents
from haechi.store.postgres import Pool, migrate, open_pool, shipped
from haechi.store.registry import GUARDIANS, PEOPLE, Registry
from tests.haechi.store.conftest import AT, DISTRICT, GUARDIAN, POLICE, consent, guardian, person, raised

LITTLE = date(2018, 3, 1)  # under 14
MOTHER = Decision("Kim Minji")
FOR_POSITION = Given(("position", "sos"), "Kim Minji")


@pytest.fixture
def consents(pool: Pool) -> Consents:
    return Consents(pool)


@pytest.fixture
def incidents(pool: Pool) -> Incidents:
    return Incidents(pool)


@pytest.fixture
async def child(registry: Registry) -> Person:
    mother = (await registry.add(GUARDIANS, DISTRICT, guardian())).value
    return (await registry.add(PEOPLE, DISTRICT, person(mother.id, born=LITTLE))).value


async def row_of(registry: Registry, child: Person) -> Person:
    return (await registry.get(PEOPLE, DISTRICT, child.id)).value


async def test_each_step_is_an_entry_and_the_row_says_what_stands(
    registry: Registry, consents: Consents, child: Person
) -> None:
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    await consents.pause(DISTRICT, child.id, MOTHER, by="clerk")
    await consents.resume(DISTRICT, child.id, MOTHER, by="clerk")
    ledger = await consents.ledger(child.id)
    assert [entry.kind for entry in ledger] == ["given", "paused", "resumed"]
    assert (await row_of(registry, child)).consent == standing(ledger)
    await consents.withdraw(DISTRICT, child.id, msgspec.structs.replace(MOTHER, words="moved away"), by="clerk")
    assert (await row_of(registry, child)).consent is None
    ledger = await consents.ledger(child.id)
    assert (ledger[-1].decided_by, ledger[-1].recorded_by, ledger[-1].words) == ("Kim Minji", "clerk", "moved away")
    before = standing(ledger[:-1])
    assert before is not None
    assert before.holds(ledger[-2].at), "what held once is still known"


async def withdrawn(consents: Consents, registry: Registry, child: Person) -> None:
    await consents.withdraw(DISTRICT, child.id, MOTHER, by="clerk")


async def paused(consents: Consents, registry: Registry, child: Person) -> None:
    await consents.pause(DISTRICT, child.id, MOTHER, by="clerk")


async def left_out(consents: Consents, registry: Registry, child: Person) -> None:
    row = await registry.get(PEOPLE, DISTRICT, child.id)
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(row.value, consent=None))


async def over(consents: Consents, registry: Registry, child: Person) -> None:
    await consents._pool.execute("UPDATE people SET consent_ends_at = clock_timestamp() WHERE id = $1", child.id)
    assert await consents.end_over() == [child.id]


@pytest.mark.parametrize("end", [withdrawn, paused, left_out, over])
async def test_what_still_waits_to_tell_a_guardian_where_somebody_is_ends_with_the_consent(
    pool: Pool, registry: Registry, consents: Consents, child: Person, end: Callable[..., Awaitable[None]]
) -> None:
    """An address that was away for hours would be told the place afterwards. A call for help is told all the same."""
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    incidents, mother = Incidents(pool), msgspec.structs.replace(GUARDIAN, id=child.guardian_ids[0])
    told = {}
    for kind in ("zone-exit", "sos"):
        applied = await incidents.apply_alert(raised(kind=kind, subject=child.id), lambda _: [mother, POLICE])
        assert applied.incident is not None
        told[kind] = applied.incident.id
    await end(consents, registry, child)
    states = {
        kind: {one.recipient.kind: one.state for one in await incidents.deliveries(incident)}
        for kind, incident in told.items()
    }
    assert states == {
        "zone-exit": {"guardian": "cancelled", "police": "pending"},
        "sos": {"guardian": "pending", "police": "pending"},
    }


@pytest.mark.parametrize("end", [withdrawn, paused, left_out, over])
async def test_what_was_decided_before_the_end_and_comes_after_it_tells_no_guardian_where_somebody_is(
    registry: Registry, consents: Consents, incidents: Incidents, child: Person, end: Callable[..., Awaitable[None]]
) -> None:
    """It may have waited in Kafka. The desk sees it, and that no guardian was told, and why."""
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    await end(consents, registry, child)
    mother = msgspec.structs.replace(GUARDIAN, id=child.guardian_ids[0])
    for kind, guardian_hears in (("zone-exit", "cancelled"), ("sos", "pending"), ("consent-ends", "pending")):
        applied = await incidents.apply_alert(raised(kind=kind, subject=child.id), lambda _: [mother, POLICE])
        assert applied.incident is not None
        deliveries = await incidents.deliveries(applied.incident.id)
        assert {one.recipient.kind: one.state for one in deliveries} == {
            "guardian": guardian_hears,
            "police": "pending",
        }
        if guardian_hears == "cancelled":
            assert {one.last_error for one in deliveries} == {"no consent", None}


async def test_a_birthday_put_right_asks_for_a_guardians_consent(
    registry: Registry, consents: Consents, child: Person
) -> None:
    grown = msgspec.structs.replace(child, born=date(2000, 3, 1), consent=consent())
    grown = msgspec.structs.replace(grown, consent=msgspec.structs.replace(consent(), given_by="Jihoon"))
    await registry.change(PEOPLE, DISTRICT, child.id, grown)
    stands = (await row_of(registry, child)).consent
    younger = msgspec.structs.replace(grown, born=LITTLE, consent=stands)
    with pytest.raises(NoGuardian, match="under 14"):
        await registry.change(PEOPLE, DISTRICT, child.id, younger)
    assert (await row_of(registry, child)).born == grown.born
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(younger, consent=consent()))
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(younger, consent=consent(), name="Jiho"))
    assert [entry.decided_by for entry in await consents.ledger(child.id)] == ["Jihoon", "Kim Minji"]


async def test_an_entry_is_an_audit_line_too(pool: Pool, consents: Consents, child: Person) -> None:
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    newest = (await Audit(pool).recent(DISTRICT))[0]
    assert (newest.who, newest.what) == ("clerk", "consent given, by the word of Kim Minji")
    assert newest.subject == f"people:{child.id}"


async def test_a_guardian_gives_it_by_id_and_is_named(registry: Registry, consents: Consents, child: Person) -> None:
    given = Given(("position",), guardian=child.guardian_ids[0], ends_at=utc_now() + timedelta(days=400))
    stands = await consents.give(DISTRICT, child.id, given, by="clerk")
    assert (stands.given_by, stands.scopes) == ("Kim Minji", ("position",))
    assert (await consents.ledger(child.id))[0].guardian == child.guardian_ids[0]


async def test_a_child_under_14_cannot_consent_itself(pool: Pool, consents: Consents, child: Person) -> None:
    with pytest.raises(NoGuardian, match="under 14: a guardian must"):
        await consents.give(DISTRICT, child.id, Given(("position",), "Jihoon"), by="clerk")
    assert await consents.ledger(child.id) == []


async def test_what_cannot_follow_leaves_no_entry(consents: Consents, child: Person) -> None:
    for refused in (consents.withdraw, consents.pause, consents.resume):
        with pytest.raises(Conflict):
            await refused(DISTRICT, child.id, MOTHER, by="clerk")
    assert await consents.ledger(child.id) == []
    with pytest.raises(NotFound):
        await consents.give("other", child.id, FOR_POSITION, by="clerk")


async def test_two_at_once_are_one_after_the_other(consents: Consents, child: Person) -> None:
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    ended = await asyncio.gather(
        *(consents.withdraw(DISTRICT, child.id, MOTHER, by=f"clerk {n}") for n in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "Conflict", "Conflict", "NoneType"]
    assert [entry.kind for entry in await consents.ledger(child.id)] == ["given", "withdrawn"]


async def test_the_ledger_is_only_ever_added_to(pool: Pool, consents: Consents, child: Person) -> None:
    await consents.give(DISTRICT, child.id, FOR_POSITION, by="clerk")
    for statement in (
        "DELETE FROM consents",
        "UPDATE consents SET at = now()",
        "UPDATE consents SET kind = 'withdrawn'",
        "UPDATE consents SET ends_at = now()",
    ):
        with pytest.raises(asyncpg.RaiseError, match="only ever added to"):
            await pool.execute(statement)
    await pool.execute("UPDATE consents SET decided_by = 'erased', words = ''")
    assert [entry.decided_by for entry in await consents.ledger(child.id)] == ["erased"]


async def test_a_consent_that_comes_with_the_person_is_the_first_entry(registry: Registry, consents: Consents) -> None:
    added = await registry.add(PEOPLE, DISTRICT, person(consent=consent()), by="clerk")
    assert added.version == 1
    ledger = await consents.ledger(added.value.id)
    assert [(entry.kind, entry.decided_by, entry.starts_at) for entry in ledger] == [("given", "Kim Minji", AT)]
    assert standing(ledger) == added.value.consent == consent()


async def test_changing_the_row_goes_through_the_ledger(registry: Registry, consents: Consents) -> None:
    added = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value
    await consents.pause(DISTRICT, added.id, MOTHER, by="clerk")
    renamed = await registry.change(PEOPLE, DISTRICT, added.id, msgspec.structs.replace(added, name="Ji-hoon"))
    assert renamed.value.consent is not None
    assert renamed.value.consent.paused, "a change of the name resumes nothing"
    await registry.change(PEOPLE, DISTRICT, added.id, msgspec.structs.replace(added, consent=None))
    assert [entry.kind for entry in await consents.ledger(added.id)] == ["given", "paused", "withdrawn"]


async def test_a_child_with_registered_guardians_needs_one_of_them_also_in_the_row(
    registry: Registry, child: Person
) -> None:
    by_itself = msgspec.structs.replace(consent(), given_by="Jihoon")
    with pytest.raises(NoGuardian, match="Registered are Kim Minji"):
        await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(child, consent=by_itself))


async def test_before_a_guardian_is_registered_nobody_consents_for_a_child_under_14(
    registry: Registry, consents: Consents
) -> None:
    for name in ("Kim Minji", "Jihoon", "anybody"):
        given = msgspec.structs.replace(consent(), given_by=name)
        with pytest.raises(NoGuardian, match="Register the guardian first"):
            await registry.add(PEOPLE, DISTRICT, person(consent=given, born=LITTLE))
    alone = (await registry.add(PEOPLE, DISTRICT, person(born=LITTLE))).value
    wanted = msgspec.structs.replace(alone, consent=consent())
    with pytest.raises(NoGuardian, match="Register the guardian first"):
        await registry.change(PEOPLE, DISTRICT, alone.id, wanted)
    mother = (await registry.add(GUARDIANS, DISTRICT, guardian())).value
    together = msgspec.structs.replace(wanted, guardian_ids=(mother.id,))
    assert (await registry.change(PEOPLE, DISTRICT, alone.id, together)).value.consent == consent()
    assert [entry.decided_by for entry in await consents.ledger(alone.id)] == ["Kim Minji"]


async def test_what_was_given_before_there_was_a_ledger_is_its_first_entry(empty_database: str) -> None:
    files = shipped()
    before = {name: sql for name, sql in files.items() if name < "20261125_1955"}
    await migrate(empty_database, before)
    pool = await open_pool(empty_database, size=1)
    try:
        await pool.execute("INSERT INTO districts (id, name) VALUES ('haneul', 'Haneul-dong')")
        old = msgspec.json.encode(msgspec.structs.replace(consent(), expires_at=AT + timedelta(days=9))).decode()
        for kept in (old, None):
            await pool.execute(
                "INSERT INTO people (district, name, born, kind, consent) "
                "VALUES ('haneul', 'Jihoon', '2018-03-01', 'child', $1)",
                kept,
            )
        await migrate(empty_database, before | {name: sql for name, sql in files.items() if name not in before})
        rows = await pool.fetch("SELECT id, consent FROM people ORDER BY consent IS NULL")
        consents = Consents(pool)
        assert standing(await consents.ledger(rows[0]["id"])) == msgspec.structs.replace(
            consent(), expires_at=AT + timedelta(days=9)
        )
        assert await consents.ledger(rows[1]["id"]) == []
    finally:
        pool.terminate()
