"""Who saw and did what, to whom, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from haechi.domain.signatures import in_words, signature
from haechi.ids import is_uuid
from haechi.store.postgres import Pool, translate_errors

SAW: Final = "saw the place"
FOLLOWED: Final = "followed the place"  # on a wall, for as long as the incident is open
DISCLOSED: Final = "disclosed the place"  # to an agency, with a message
LOOKS: Final = f"what IN ('{SAW}', '{FOLLOWED}', '{DISCLOSED}')"  # the index of a person's looks has the same words


class AuditEntry(msgspec.Struct, frozen=True):
    """One line; `subject` is what it was done to, such as people:<id>. `role` and `shown` are of looks at a place.

    `id` grows: what has a smaller one was written earlier.
    """

    at: datetime
    who: str
    what: str
    subject: str
    district: str | None
    reason: str
    role: str = ""
    shown: str = ""
    id: int = 0


OwnReason = Literal[
    "an open incident",
    "opened it",
    "a list of incidents",
    "a message's link",
    "sent with an alarm",
    "asked why",
    "haechi explain",
    "acknowledged",
    "noted",
    "changed owner",
    "closed",
]
"""The reasons for a look that we give ourselves; all others are a person's own words."""


class Look(msgspec.Struct, frozen=True):
    """Somebody looks at where a person is or was: who, in which role, at what (`shown`), and why."""

    person: str
    district: str
    who: str
    role: str
    shown: str
    why: str


_INSERT = "INSERT INTO audit (who, what, subject, district, reason) VALUES ($1, $2, $3, $4, $5)"
_LOOK = (
    "INSERT INTO audit (who, what, subject, district, reason, role, shown) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT DO NOTHING"
)
_DISCLOSE = (  # of people only: a message about a camera or a stranger tells nobody's place
    "INSERT INTO audit (who, what, subject, district, reason, role, shown) "
    "SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM people WHERE id = $8::text::uuid)"
)
_COLUMNS = "at, who, what, subject, district, reason, role, shown, id"


async def write_entry(
    connection: Any,  # asyncpg has no types
    who: str,
    what: str,
    subject: str,
    district: str | None,
    reason: str = "",
) -> None:
    """One line, in the transaction of the connection (or pool) that is given."""
    await connection.execute(_INSERT, who, what, subject, district, reason)


async def write_entries(
    connection: Any, who: str, what: str, subjects: Iterable[str], district: str
) -> None:  # asyncpg has no types
    """The same line for each of the subjects, in the transaction of the connection."""
    await connection.executemany(_INSERT, [(who, what, subject, district, "") for subject in subjects])


async def look(connection: Any, *looks: Look) -> None:  # asyncpg has no types
    """One line each, in the transaction of the connection that also reads the place; the guardian can see them."""
    await connection.executemany(_LOOK, [_line(SAW, one) for one in looks])


async def disclose(connection: Any, *looks: Look) -> None:  # asyncpg has no types
    """One line for each place that an agency was sent, in the transaction that writes down that it has it."""
    lines = [(*_line(DISCLOSED, one), one.person) for one in looks if is_uuid(one.person)]
    if lines:
        await connection.executemany(_DISCLOSE, lines)


def _line(what: str, one: Look) -> tuple[str, ...]:
    return (one.who, what, f"people:{one.person}", one.district, one.why, one.role, one.shown)


class Audit:
    """Only ever added to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, who: str, what: str, subject: str, district: str | None, reason: str = "") -> None:
        """One line, at the database's clock."""
        with translate_errors():
            await write_entry(self._pool, who, what, subject, district, reason)

    async def looked(self, who: str, subjects: Sequence[str], district: str, reason: str = "") -> None:
        """One line for each that was looked at."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await connection.executemany(
                    _INSERT, [(who, "looked at", subject, district, reason) for subject in subjects]
                )

    async def look(self, *looks: Look) -> None:
        """One line for each look at a person's place."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await look(connection, *looks)

    async def follow(self, *looks: Look) -> None:
        """The same for markers that stay in sight: who follows what is shown is written down once."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await connection.executemany(_LOOK, [_line(FOLLOWED, one) for one in looks])

    async def of_people(self, subjects: Iterable[str]) -> frozenset[str]:
        """Those of the subjects (of incidents, say) who are people, also such as were removed since."""
        ids = [subject for subject in subjects if is_uuid(subject)]
        with translate_errors():
            rows = await self._pool.fetch("SELECT id FROM people WHERE id = ANY($1)", ids) if ids else ()
        return frozenset(row["id"] for row in rows)

    async def looks(self, person: str, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """Who looked at the person's place or was sent it, newest first; `before`: those older than the one of that id."""
        with translate_errors():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM audit WHERE subject = $1 AND {LOOKS} "  # noqa: S608 - literals
                "AND ($3::bigint IS NULL OR id < $3) ORDER BY id DESC LIMIT $2",
                f"people:{person}",
                limit,
                before,
            )
        return [AuditEntry(*row) for row in rows]

    async def named(self, entries: Sequence[AuditEntry]) -> list[AuditEntry]:
        """Guardians by the name that they have now, for people to read; whoever is gone stays the opaque id."""
        names = await self.names(entry.who for entry in entries)
        return [msgspec.structs.replace(entry, who=names.get(entry.who, entry.who)) for entry in entries]

    async def names(self, signatures: Iterable[str]) -> dict[str, str]:
        """What people read in place of the signatures of guardians, by the names that they have now."""
        front = signature("")
        ids = {one.removeprefix(front) for one in signatures if one.startswith(front)}
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT id::text AS id, name FROM guardians WHERE id = ANY($1)", [one for one in ids if is_uuid(one)]
            )
        return {
            sign: in_words(sign, {sign: row["name"]}) for row in rows if row["name"] and (sign := signature(row["id"]))
        }

    async def recent(self, district: str, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        with translate_errors():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM audit "  # noqa: S608 - literal columns
                "WHERE district = $1 ORDER BY at DESC, id DESC LIMIT $2",
                district,
                limit,
            )
        return [AuditEntry(*row) for row in rows]
