"""Guardians who are barred from a person: never told, never linked, their links dead. Whatever a bar changes is one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from haechi.domain.people import dialled
from haechi.errors import Conflict, NotFound
from haechi.ids import is_uuid
from haechi.store.audit import write_entry
from haechi.store.postgres import Pool, translate_errors

_BAR = "b.guardian, g.name, b.at, b.barred_by, b.reason, b.lifted_at, b.lifted_by, b.lifted_words"
# What they have not been told yet, they are not told; what a sender has in hand it drops when it renews its lease.
_CANCEL = """
UPDATE deliveries d
SET state = 'cancelled', finished_at = clock_timestamp(), last_error = 'barred', leased_until = NULL,
    changed = pg_current_xact_id()
FROM incidents i
WHERE i.id = d.incident_id AND i.subject = $1 AND d.recipient->>'kind' = 'guardian' AND d.recipient->>'id' = $2
  AND d.state IN ('pending', 'sending')
"""
_BARRED = """
SELECT g.id, g.phone FROM guardian_bars b JOIN guardians g ON g.id = b.guardian WHERE b.person_id = $1 AND b.lifted_at IS NULL
"""
_BARRED_FROM_SAME = """
SELECT g.phone FROM people p JOIN guardian_bars b ON b.person_id = p.id AND b.lifted_at IS NULL
JOIN guardians g ON g.id = b.guardian WHERE $1::uuid = ANY(p.guardian_ids) AND p.deleted_at IS NULL
"""


class Bar(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bar; with `lifted_at` it is history."""

    guardian: str
    name: str
    at: datetime
    barred_by: str
    reason: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lifted_words: str | None = None


class Bars:
    """The bars of all people. `by` is the user or token that does it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, person: str) -> list[Bar]:
        """In order, the lifted ones too."""
        with translate_errors():
            rows = await self._pool.fetch(
                f"SELECT {_BAR} FROM guardian_bars b JOIN guardians g ON g.id = b.guardian "  # noqa: S608 - literal columns
                "WHERE b.person_id = $1 ORDER BY b.id",
                person,
            )
        return [Bar(*row) for row in rows]

    async def bar(self, district: str, person: str, guardian: str, reason: str, *, by: str) -> None:
        """From now on the guardian hears nothing of the person. NotFound; Conflict when it is barred already."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _lock_person(connection, district, person)
                known = is_uuid(guardian) and await connection.fetchval(
                    "SELECT true FROM guardians WHERE id = $1 AND district = $2", guardian, district
                )
                if not known:
                    raise NotFound(f"There is no guardians/{guardian}.")
                fresh = await connection.fetchval(
                    "INSERT INTO guardian_bars (person_id, guardian, barred_by, reason) VALUES ($1, $2, $3, $4) "
                    "ON CONFLICT DO NOTHING RETURNING id",
                    person,
                    guardian,
                    by,
                    reason,
                )
                if fresh is None:
                    raise Conflict(f"guardians/{guardian} is barred from people/{person} already.")
                await connection.execute(
                    "UPDATE people SET guardian_ids = array_remove(guardian_ids, $2::uuid) "
                    "WHERE id = $1 AND $2::uuid = ANY(guardian_ids)",
                    person,
                    guardian,
                )
                await connection.execute(_CANCEL, person, guardian)
                await write_entry(connection, by, f"barred guardians:{guardian}", f"people:{person}", district, reason)

    async def lift(self, district: str, person: str, guardian: str, words: str, *, by: str) -> None:
        """The guardian may be linked again; nobody links them by this. NotFound when there is no bar."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _lock_person(connection, district, person)
                lifted = is_uuid(guardian) and await connection.fetchval(
                    "UPDATE guardian_bars SET lifted_at = clock_timestamp(), lifted_by = $3, lifted_words = $4 "
                    "WHERE person_id = $1 AND guardian = $2 AND lifted_at IS NULL RETURNING id",
                    person,
                    guardian,
                    by,
                    words,
                )
                if not lifted:
                    raise NotFound(f"guardians/{guardian} is not barred from people/{person}.")
                await write_entry(
                    connection, by, f"lifted the bar of guardians:{guardian}", f"people:{person}", district, words
                )


async def check_links(connection: Any, person: str, guardians: Sequence[str]) -> None:  # asyncpg has no types
    """Conflict in words when one of them is barred from the person, also under a second entry: that has the same telephone."""
    barred = {row["id"]: dialled(row["phone"]) for row in await connection.fetch(_BARRED, person)} if guardians else {}
    if not barred:
        return
    for row in await connection.fetch("SELECT id, name, phone FROM guardians WHERE id = ANY($1)", list(guardians)):
        if row["id"] in barred:
            raise Conflict(
                f"Guardian {row['name']} is barred from this person and cannot be linked; lift the bar first."
            )
        if (phone := dialled(row["phone"])) and phone in barred.values():
            raise Conflict(
                f"Guardian {row['name']} has the telephone of somebody who is barred from this person, and cannot be "
                "linked."
            )


async def check_telephone(connection: Any, guardian: str, phone: str | None) -> None:  # asyncpg has no types
    """Conflict in words when it is that of somebody who is barred from a person whom the guardian guards."""
    if not (number := dialled(phone)):
        return
    if number in {dialled(row["phone"]) for row in await connection.fetch(_BARRED_FROM_SAME, guardian)}:
        raise Conflict(
            "This is the telephone of somebody who is barred from a person whom this guardian guards; lift the bar, or "
            "unlink the guardian first."
        )


async def barred_from(connection: Any, person: str) -> frozenset[str]:  # asyncpg has no types
    """The ids of the guardians who are barred from the person now."""
    rows = await connection.fetch(
        "SELECT guardian FROM guardian_bars WHERE person_id = $1 AND lifted_at IS NULL", person
    )
    return frozenset(row["guardian"] for row in rows)


async def _lock_person(connection: Any, district: str, person: str) -> None:
    found = is_uuid(person) and await connection.fetchval(
        "SELECT id FROM people WHERE id = $1 AND district = $2 AND deleted_at IS NULL FOR UPDATE", person, district
    )
    if not found:
        raise NotFound(f"There is no people/{person}.")
