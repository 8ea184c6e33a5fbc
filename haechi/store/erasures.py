"""Erasing a person from the stores: asked for once, done in passes that may be repeated, with a receipt.

One literal list says what is erased. A table that holds something about a person needs a line in it, or a reason in
`tests/haechi/store/test_erasures.py` why not.
"""

from datetime import datetime
from typing import Any

import msgspec

from haechi import topics
from haechi.domain.erasure import TELL_AFTER, Erasure, Waiting, advance, wait, without_person
from haechi.domain.erasure import ask as receipt_of
from haechi.domain.incidents import Incident
from haechi.errors import NotFound
from haechi.failpoints import failpoint
from haechi.ids import is_uuid, new_id
from haechi.store.audit import write_entry
from haechi.store.live import Live
from haechi.store.postgres import Pool, translate_errors


class Pass(msgspec.Struct, frozen=True):
    """Rows of the person (`$1`) that go or lose what is personal; a second time it finds none."""

    what: str
    sql: str


# A guardian who is left with nobody goes as well: their data has no purpose any more. Who is barred from somebody else must be
# known again.
_ALONE = """
UPDATE guardians g SET name = '', phone = NULL, webhook_url = NULL, webhook_secret = NULL, deleted_at = clock_timestamp()
FROM people p WHERE p.id = $1 AND g.deleted_at IS NULL
AND (g.id = ANY(p.guardian_ids) OR EXISTS (SELECT 1 FROM guardian_bars b WHERE b.person_id = $1 AND b.guardian = g.id))
AND NOT EXISTS (
    SELECT 1 FROM people o WHERE o.id <> $1 AND o.deleted_at IS NULL AND (
        g.id = ANY(o.guardian_ids)
        OR EXISTS (SELECT 1 FROM guardian_bars b WHERE b.person_id = o.id AND b.guardian = g.id AND b.lifted_at IS NULL)
    )
)"""
_BARE = """
UPDATE deliveries SET recipient = recipient || '{"name": "", "address": ""}', last_error = NULL,
    state = CASE WHEN state IN ('pending', 'sending') THEN 'cancelled' ELSE state END,
    finished_at = COALESCE(finished_at, clock_timestamp()), changed = pg_current_xact_id()
WHERE recipient->>'kind' = 'guardian' AND recipient->>'name' <> ''"""
# About others, whom an erased guardian guarded once.
_ELSEWHERE = f"""{_BARE}
AND recipient->>'id' IN (SELECT id::text FROM guardians WHERE name = '' AND webhook_secret IS NULL)
AND NOT EXISTS (
    SELECT 1 FROM incidents i WHERE i.id = deliveries.incident_id AND (
        i.subject = $1::uuid::text OR EXISTS (SELECT 1 FROM evidence_locks l WHERE l.sha256 = i.body->>'evidence')
    )
)"""  # noqa: S608 - made of literals
PASSES = (
    Pass("positions of the trail", "DELETE FROM trail WHERE person = $1"),
    Pass("guardians who are left with nobody", _ALONE),
    Pass("messages to guardians", _ELSEWHERE),
    Pass(
        "devices",
        "UPDATE devices SET serial = NULL, encryption_key = NULL, deleted_at = COALESCE(deleted_at, clock_timestamp()) "
        "WHERE person_id = $1 AND (deleted_at IS NULL OR serial IS NOT NULL OR encryption_key IS NOT NULL)",
    ),
    Pass(  # first: who is the last of those who share a zone takes it along
        "shares of zones",
        "UPDATE safe_zones SET person_ids = array_remove(person_ids, $1) "
        "WHERE $1 = ANY(person_ids) AND cardinality(person_ids) > 1",
    ),
    Pass(
        "zones",
        "UPDATE safe_zones SET name = '', area = '{}', schedule = '[]', "
        "deleted_at = COALESCE(deleted_at, clock_timestamp()) "
        "WHERE (person_id = $1 OR person_ids = ARRAY[$1]) AND name <> ''",
    ),
    Pass(
        "usual places",
        "UPDATE usual_places SET point = '{\"lon\": 0, \"lat\": 0}', radius_m = 0, hours = '{}', decided_by = NULL, "
        "deleted_at = COALESCE(deleted_at, clock_timestamp()) WHERE person_id = $1 AND radius_m > 0",
    ),
    Pass("nights on which they were learned", "DELETE FROM usual_places_learned WHERE person_id = $1"),
    Pass(
        "entries of the consent ledger",
        "UPDATE consents SET decided_by = '', words = '' WHERE person_id = $1 AND (decided_by, words) <> ('', '')",
    ),
    Pass(
        "names in the audit",  # who looked and did what stays: the law asks for it
        "UPDATE audit SET what = split_part(what, ', by the word of ', 1), reason = '' "
        "WHERE subject = 'people:' || $1::uuid::text AND what LIKE 'consent %, by the word of %'",
    ),
    Pass("references of an import", "DELETE FROM people_refs WHERE person_id = $1"),
    Pass(
        "bars",
        "UPDATE guardian_bars SET reason = '', lifted_words = NULL "
        "WHERE person_id = $1 AND (reason <> '' OR lifted_words IS NOT NULL)",
    ),
    Pass("cancels before their press", "DELETE FROM early_cancels WHERE subject = $1::uuid::text"),
    Pass("tests of the button", "DELETE FROM button_tests WHERE person_id = $1"),
    Pass("tests of the telephones", "DELETE FROM phone_tests WHERE person_id = $1"),
    Pass(
        "calls for help in the inbox",
        "DELETE FROM alert_inbox WHERE done_at IS NOT NULL AND position(convert_to($1::uuid::text, 'UTF8') IN call) > 0",
    ),
    Pass(
        "the person",
        "UPDATE people SET name = '', born = '1900-01-01', kind = 'other', guardian_ids = '{}', consent = NULL, "
        "deleted_at = COALESCE(deleted_at, clock_timestamp()) WHERE id = $1 AND name <> ''",
    ),
)
# The marks of what is gone, which the feeds of the registry needed; nobody has to see them go any more.
LAST = (
    Pass("devices", "DELETE FROM devices WHERE person_id = $1"),
    Pass("zones", "DELETE FROM safe_zones WHERE person_id = $1 OR person_ids = ARRAY[$1]"),
    Pass("usual places", "DELETE FROM usual_places WHERE person_id = $1"),
)
# Those to be told of, and those that were told of and have begun since.
_WAITING_LONG = """
SELECT body, clock_timestamp() AS now FROM erasures
WHERE body->>'state' = 'waiting' AND (body->>'asked_at')::timestamptz <= clock_timestamp() - $1::interval
UNION ALL
SELECT e.body, clock_timestamp() FROM erasures e JOIN incidents i ON i.subject = e.id::text
WHERE i.kind = 'erasure-waits' AND i.state <> 'closed' AND i.body->>'ends_at' IS NULL AND e.body->>'state' <> 'waiting'"""
_UNCLOSED = "SELECT number FROM incidents WHERE subject = $1 AND state <> 'closed' ORDER BY number"
_CLOSED = """
SELECT id, body, EXISTS (SELECT 1 FROM evidence_locks l WHERE l.sha256 = body->>'evidence') AS locked
FROM incidents WHERE subject = $1 AND state = 'closed' FOR UPDATE"""
_DELIVERIES = f"{_BARE} AND incident_id = $1"
_EVENTS = """
UPDATE incident_events SET words = '', by = CASE WHEN by LIKE 'guardian:%' THEN 'a guardian' ELSE by END
WHERE incident_id = $1 AND (words <> '' OR by LIKE 'guardian:%')"""
_PICTURES = """
UPDATE evidence_references SET expires_at = clock_timestamp()
WHERE owner = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())"""

# What carries something about a person, by the opaque id.
STREAMS = (
    topics.POSITIONS,
    topics.POSITION_BLOCKS,
    topics.URGENT,
    topics.ALERTS_URGENT,
    topics.ALERTS,
    topics.DEAD_LETTERS,
)


class Erasures:
    """Asked for at the wall; worked on by `analytics.archive`, which owns the trail and the live positions. Several may
    work at once: each takes what nobody else has in hand."""

    def __init__(self, pool: Pool, live: Live | None = None) -> None:
        self._pool = pool
        self._live = live

    async def ask(self, district: str, person: str, reason: str, *, by: str) -> Erasure:
        """The receipt; asked again, the one that is there. Also of somebody who was removed. NotFound."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                known = is_uuid(person) and await connection.fetchval(
                    "SELECT 1 FROM people WHERE id = $1 AND district = $2 FOR UPDATE", person, district
                )
                if known and (there := await _receipt(connection, person)) is not None:
                    return there
                if not known:
                    raise NotFound(f"There is no people/{person}.")
                now = await _now(connection)
                erasure = receipt_of(new_id(), person, district, by, now)
                await connection.execute(
                    "INSERT INTO erasures (id, person, due_at, body) VALUES ($1, $2, $3, $4)",
                    erasure.id,
                    person,
                    now,
                    _body(erasure),
                )
                await write_entry(connection, by, "asked for erasure", f"people:{person}", district, reason)
                await connection.execute("SELECT pg_notify('erasures', '')")
        return erasure

    async def of(self, district: str, person: str) -> Erasure:
        """The receipt as it stands; NotFound where none was asked for."""
        with translate_errors():
            found = await _receipt(self._pool, person) if is_uuid(person) else None
        if found is None or found.district != district:
            raise NotFound(f"Nobody has asked for the erasure of people/{person}.")
        return found

    async def waiting_long(self) -> list[Waiting]:
        """Those whom the desk must be told of, and those of them that have begun, so that it can be told that, too."""
        with translate_errors():
            rows = await self._pool.fetch(_WAITING_LONG, TELL_AFTER)
        return [Waiting(msgspec.json.decode(row["body"], type=Erasure), row["now"]) for row in rows]

    async def work(self) -> Erasure | None:
        """One pass over one person, if one is due: everything of it, or (TransientError) nothing."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                body = await connection.fetchval(
                    "SELECT body FROM erasures WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT 1 "
                    "FOR UPDATE SKIP LOCKED"
                )
                if body is None:
                    return None
                erasure = msgspec.json.decode(body, type=Erasure)
                after = await self._pass(connection, erasure)
                await connection.execute(
                    "UPDATE erasures SET due_at = $2, body = $3 WHERE id = $1", after.id, after.due_at, _body(after)
                )
                if after.state != erasure.state:
                    words = ", ".join(f"{rows} {what}" for what, rows in after.counts.items())
                    subject = f"people:{after.person}"
                    await write_entry(connection, "system", f"erasure: {after.state}", subject, after.district, words)
                failpoint("erasures.before_commit")
        failpoint("erasures.after_commit")
        return after

    async def _pass(self, connection: Any, erasure: Erasure) -> Erasure:
        # Whoever opens an incident about the person holds this row: it comes wholly before the erasure, or after it.
        await connection.execute("SELECT 1 FROM people WHERE id = $1 FOR UPDATE", erasure.person)
        now = await _now(connection)
        unclosed = [row["number"] for row in await connection.fetch(_UNCLOSED, erasure.person)]
        if unclosed and erasure.state == "waiting":
            return wait(erasure, unclosed, now)
        counts: dict[str, int] = {}
        locked = await self._erase_incidents(connection, erasure.person, counts)
        for one in PASSES + (LAST if erasure.state == "erased" else ()):
            _count(counts, one.what, await connection.execute(one.sql, erasure.person))
        if self._live is not None:
            await self._live.forget_positions([erasure.person])
        return advance(erasure, counts, unclosed, locked, {topic.name: topic.keep for topic in STREAMS}, now)

    async def _erase_incidents(self, connection: Any, person: str, counts: dict[str, int]) -> list[int]:
        """Closed ones lose place, picture and words; the numbers of those whose evidence is under a lock, which stay."""
        locked = []
        for row in await connection.fetch(_CLOSED, person):
            incident = msgspec.json.decode(row["body"], type=Incident)
            if row["locked"]:
                locked.append(incident.number)
                continue
            bare = without_person(incident)
            if bare != incident:
                await connection.execute(
                    "UPDATE incidents SET body = $2, changed = pg_current_xact_id() WHERE id = $1",
                    incident.id,
                    msgspec.json.encode(bare).decode(),
                )
                counts["incidents"] = counts.get("incidents", 0) + 1
            _count(counts, "lines of incidents", await connection.execute(_EVENTS, incident.id))
            _count(counts, "messages to guardians", await connection.execute(_DELIVERIES, incident.id))
            _count(counts, "pictures", await connection.execute(_PICTURES, f"incident:{incident.id}"))
        return locked


def _count(counts: dict[str, int], what: str, tag: str) -> None:
    """PostgreSQL's "UPDATE 3"."""
    counts[what] = counts.get(what, 0) + int(tag.rpartition(" ")[2])


async def _receipt(source: Any, person: str) -> Erasure | None:  # asyncpg has no types
    body = await source.fetchval("SELECT body FROM erasures WHERE person = $1", person)
    return None if body is None else msgspec.json.decode(body, type=Erasure)


async def _now(connection: Any) -> datetime:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


def _body(erasure: Erasure) -> str:
    return msgspec.json.encode(erasure).decode()
