"""The consent ledger in PostgreSQL: an entry, what stands by it, and its audit line are one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haechi.domain.consent import ConsentEntry, EntryKind, check_giver, possible, step
from haechi.domain.people import Consent, Guardian, Person, Scope
from haechi.errors import NotFound
from haechi.ids import is_uuid
from haechi.store.audit import write_entry
from haechi.store.postgres import Pool, translate_errors

_ENTRY = "kind, at, decided_by, recorded_by, guardian, scopes, starts_at, ends_at, words"
_PERSON = (
    "SELECT id, district, name, born, kind, guardian_ids, consent FROM people "
    "WHERE id = $1 AND district = $2 AND deleted_at IS NULL FOR UPDATE"
)
_ENDING = (
    "SELECT id, district, consent, clock_timestamp() FROM people WHERE deleted_at IS NULL "
    "AND consent_ends_at > clock_timestamp() AND consent_ends_at <= clock_timestamp() + $1 ORDER BY consent_ends_at"
)
_END_OVER = """
WITH gone AS (
    UPDATE people SET consent = NULL WHERE deleted_at IS NULL AND consent_ends_at <= clock_timestamp()
    RETURNING id, district
), written AS (
    INSERT INTO audit (who, what, subject, district) SELECT 'system', 'consent is over', 'people:' || id, district FROM gone
)
SELECT id FROM gone"""


class Given(msgspec.Struct, frozen=True):
    """A consent as it is asked for: by whom (a registered guardian's id says the name), for what, from when until when.

    Without `starts_at` it counts from now on.
    """

    scopes: tuple[Scope, ...]
    name: str | None = None
    guardian: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    words: str = ""


class Decision(msgspec.Struct, frozen=True):
    """A withdrawal, pause or resumption: whose word it is, and for a pause perhaps until when."""

    name: str
    until: datetime | None = None
    words: str = ""


class Ending(msgspec.Struct, frozen=True):
    """A consent that ends soon; `now` is the database's."""

    person: str
    district: str
    consent: Consent
    now: datetime


class Consents:
    """The ledgers of all people. `by` is the user or token that writes an entry down."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ledger(self, person: str) -> list[ConsentEntry]:
        """In order."""
        with translate_errors():
            rows = await self._pool.fetch(
                f"SELECT {_ENTRY} FROM consents WHERE person_id = $1 ORDER BY id",  # noqa: S608 - literal columns
                person,
            )
        return [msgspec.convert(dict(row), ConsentEntry) for row in rows]

    async def give(self, district: str, person: str, given: Given, *, by: str) -> Consent:
        """From now on this one counts. PermanentError when its giver may not, Conflict when it cannot follow."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                row = await _locked(connection, district, person)
                stands = await _record(connection, row, await given_entry(connection, row, given, by=by))
                assert stands is not None
                return stands

    async def withdraw(self, district: str, person: str, decision: Decision, *, by: str) -> None:
        """Nothing is processed any more. Conflict when there is no consent."""
        await self._decide("withdrawn", district, person, decision, by)

    async def pause(self, district: str, person: str, decision: Decision, *, by: str) -> Consent | None:
        """Nothing is processed until it is resumed, or until `decision.until`."""
        return await self._decide("paused", district, person, decision, by)

    async def resume(self, district: str, person: str, decision: Decision, *, by: str) -> Consent | None:
        """The pause ends. Conflict when there is none."""
        return await self._decide("resumed", district, person, decision, by)

    async def ending(self, within: timedelta) -> list[Ending]:
        """Whose consent ends within that time, by the database's clock; none that is over."""
        with translate_errors():
            rows = await self._pool.fetch(_ENDING, within)
        return [
            Ending(person, district, msgspec.json.decode(consent, type=Consent), now)
            for person, district, consent, now in rows
        ]

    async def end_over(self) -> list[str]:
        """What is over no longer stands in the row, so that everybody who follows it forgets; the ledger stays."""
        with translate_errors():
            return [row["id"] for row in await self._pool.fetch(_END_OVER)]

    async def _decide(self, kind: EntryKind, district: str, person: str, decision: Decision, by: str) -> Consent | None:
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                row = await _locked(connection, district, person)
                now = await connection.fetchval("SELECT clock_timestamp()")
                entry = ConsentEntry(kind, now, decision.name, by, ends_at=decision.until, words=decision.words)
                possible(row.consent, entry)
                return await _record(connection, row, entry)


async def given_entry(
    connection: Any,  # asyncpg has no types
    person: Person,
    given: Given,
    *,
    by: str,
    unregistered: bool = False,
) -> ConsentEntry:
    """The entry that a consent makes, checked: PermanentError when its giver may not, Conflict when it cannot follow."""
    guardians = await _guardians(connection, person.guardian_ids)
    now = await connection.fetchval("SELECT clock_timestamp()")
    name = given.name or next((one.name for one in guardians if one.id == given.guardian), "")
    check_giver(person, guardians, name, given.guardian, now, unregistered=unregistered)
    entry = ConsentEntry(
        "given", now, name, by, given.guardian, given.scopes, given.starts_at or now, given.ends_at, given.words
    )
    possible(person.consent, entry)
    return entry


async def replacing_entry(connection: Any, present: Person, wanted: Consent | None, *, by: str) -> ConsentEntry | None:
    """The entry that makes `wanted` the consent of the row: one given, the one there withdrawn, or (None) neither."""
    stands = present.consent
    if wanted is not None and (stands is None or _grant(wanted) != _grant(stands)):
        given = Given(wanted.scopes, wanted.given_by, None, wanted.given_at, wanted.expires_at)
        return await given_entry(connection, present, given, by=by, unregistered=True)
    if wanted is None and stands is not None:
        return ConsentEntry("withdrawn", await connection.fetchval("SELECT clock_timestamp()"), by, by)
    return None


def _grant(consent: Consent) -> Consent:
    return msgspec.structs.replace(consent, paused=False, paused_until=None)


async def add_entry(connection: Any, person: Person, entry: ConsentEntry) -> None:
    """The entry, in the transaction that also writes what stands by it into the person's row."""
    await connection.execute(
        f"INSERT INTO consents (person_id, {_ENTRY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",  # noqa: S608 - literal columns
        person.id,
        entry.kind,
        entry.at,
        entry.decided_by,
        entry.recorded_by,
        entry.guardian,
        list(entry.scopes),
        entry.starts_at,
        entry.ends_at,
        entry.words,
    )


async def _record(connection: Any, person: Person, entry: ConsentEntry) -> Consent | None:
    stands = step(person.consent, entry)
    kept = None if stands is None else msgspec.json.encode(stands).decode()
    await connection.execute("UPDATE people SET consent = $2 WHERE id = $1", person.id, kept)
    await add_entry(connection, person, entry)
    words = f"consent {entry.kind}, by the word of {entry.decided_by}"
    await write_entry(connection, entry.recorded_by, words, f"people:{person.id}", person.district, entry.words)
    return stands


async def _locked(connection: Any, district: str, person: str) -> Person:
    record = is_uuid(person) and await connection.fetchrow(_PERSON, person, district)
    if not record:
        raise NotFound(f"There is no people/{person}.")
    fields = dict(record)
    fields["consent"] = None if fields["consent"] is None else msgspec.json.decode(fields["consent"])
    return msgspec.convert(fields, Person)


async def _guardians(connection: Any, ids: Sequence[str]) -> list[Guardian]:
    rows = await connection.fetch(
        "SELECT id, district, name FROM guardians WHERE id = ANY($1) AND deleted_at IS NULL "
        "ORDER BY array_position($1, id)",
        list(ids),
    )
    return [Guardian(row["id"], row["district"], row["name"]) for row in rows]
