"""The consent ledger in PostgreSQL: an entry, what stands by it, and its audit line are one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haechi.domain.alerting import CALLS
from haechi.domain.consent import OWN_CONSENT_AGE, ConsentEntry, EntryKind, age_on, check_giver, possible, step
from haechi.domain.people import Consent, Guardian, Person, Scope
from haechi.errors import NotFound
from haechi.ids import is_uuid
from haechi.store.audit import write_entry
from haechi.store.postgres import Pool, translate_errors

_NOW = "SELECT clock_timestamp()"
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
# What waits to tell a guardian where somebody is would tell it afterwards. A call for help is told all the same.
_CANCEL = """
UPDATE deliveries d
SET state = 'cancelled', finished_at = clock_timestamp(), last_error = 'no consent', leased_until = NULL,
    changed = pg_current_xact_id()
FROM incidents i
WHERE i.id = d.incident_id AND i.subject = ANY($1::text[]) AND i.kind <> ALL($2::text[]) AND i.body->>'status' = 'Actual'
  AND d.recipient->>'kind' = 'guardian' AND d.state IN ('pending', 'sending')
"""


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
        """From now on this one counts. NoGuardian when its giver may not, Conflict when it cannot follow."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                row = await _locked(connection, district, person)
                guardians = await _guardians(connection, row.guardian_ids)
                now = await connection.fetchval(_NOW)
                stands = await _record(connection, row, _entry(row, guardians, given, now, by=by))
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
            async with self._pool.acquire() as connection, connection.transaction():
                over = [row["id"] for row in await connection.fetch(_END_OVER)]
                await connection.execute(_CANCEL, over, CALLS)
                return over

    async def _decide(self, kind: EntryKind, district: str, person: str, decision: Decision, by: str) -> Consent | None:
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                row = await _locked(connection, district, person)
                now = await connection.fetchval(_NOW)
                entry = ConsentEntry(kind, now, decision.name, by, ends_at=decision.until, words=decision.words)
                possible(row.consent, entry)
                return await _record(connection, row, entry)


async def first_entries(
    connection: Any, people: Sequence[Person], *, by: str
) -> dict[str, ConsentEntry]:  # asyncpg has no types
    """By person the entry that makes the consent with which they are registered. NoGuardian when its giver may not."""
    consents = {person.id: person.consent for person in people if person.consent is not None}
    if not consents:
        return {}
    guardians = await _guardians(connection, [one for person in people for one in person.guardian_ids])
    now = await connection.fetchval(_NOW)
    return {
        person.id: _entry(person, guardians, _asked(consents[person.id]), now, by=by)
        for person in (msgspec.structs.replace(one, consent=None) for one in people if one.id in consents)
    }


async def replacing_entry(
    connection: Any,  # asyncpg has no types
    before: Person,
    wanted: Person,
    *,
    by: str,
) -> ConsentEntry | None:
    """The entry that makes the row's consent what is wanted: one given, the one that stands withdrawn, or (None) neither.

    NoGuardian when its giver may not give it, also where that shows by a birthday that is put right.
    """
    stands = before.consent
    person, consent = msgspec.structs.replace(wanted, consent=stands), wanted.consent
    if consent is not None and (stands is None or _grant(consent) != _grant(stands)):
        guardians = await _guardians(connection, person.guardian_ids)
        now = await connection.fetchval(_NOW)
        return _entry(person, guardians, _asked(consent), now, by=by)
    if consent is not None and before.born < wanted.born:
        now = await connection.fetchval(_NOW)
        if age_on(before.born, now) >= OWN_CONSENT_AGE:
            check_giver(person, await _guardians(connection, person.guardian_ids), consent.given_by, None, now)
    if consent is None and stands is not None:
        return ConsentEntry("withdrawn", await connection.fetchval(_NOW), by, by)
    return None


def _entry(person: Person, among: Sequence[Guardian], given: Given, now: datetime, *, by: str) -> ConsentEntry:
    """The entry that a consent makes, checked: NoGuardian when its giver may not, Conflict when it cannot follow.

    The person's guardians are `among` those.
    """
    ids = person.guardian_ids
    guardians = sorted((one for one in among if one.id in ids), key=lambda one: ids.index(one.id))
    name = given.name or next((one.name for one in guardians if one.id == given.guardian), "")
    check_giver(person, guardians, name, given.guardian, now)
    entry = ConsentEntry(
        "given", now, name, by, given.guardian, given.scopes, given.starts_at or now, given.ends_at, given.words
    )
    possible(person.consent, entry)
    return entry


def _asked(consent: Consent) -> Given:
    return Given(consent.scopes, consent.given_by, None, consent.given_at, consent.expires_at)


def _grant(consent: Consent) -> Consent:
    return msgspec.structs.replace(consent, paused=False, paused_until=None, paused_at=None)


async def add_entries(connection: Any, entries: Mapping[str, ConsentEntry]) -> None:  # asyncpg has no types
    """One for each person, in the transaction that also writes what stands by it into their rows. What still waits to tell
    where somebody is ends with the consent."""
    await connection.executemany(
        f"INSERT INTO consents (person_id, {_ENTRY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",  # noqa: S608 - literal columns
        [
            (
                person,
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
            for person, entry in entries.items()
        ],
    )
    ended = [person for person, entry in entries.items() if entry.kind in ("withdrawn", "paused")]
    if ended:
        await connection.execute(_CANCEL, ended, CALLS)


async def _record(connection: Any, person: Person, entry: ConsentEntry) -> Consent | None:
    stands = step(person.consent, entry)
    kept = None if stands is None else msgspec.json.encode(stands).decode()
    await connection.execute("UPDATE people SET consent = $2 WHERE id = $1", person.id, kept)
    await add_entries(connection, {person.id: entry})
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
        "SELECT id, district, name FROM guardians WHERE id = ANY($1) AND deleted_at IS NULL",
        list(ids),
    )
    return [Guardian(row["id"], row["district"], row["name"]) for row in rows]
