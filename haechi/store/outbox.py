"""The outbox of deliveries, leased by senders, and the inbox: the second road of an SOS."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from haechi.domain.deliveries import Delivery, Recipient
from haechi.failpoints import failpoint
from haechi.store.audit import Look, disclose
from haechi.store.incidents import decode_incident
from haechi.store.postgres import Pool, translate_errors

# One statement: concurrent workers skip each other's rows. An expired lease is due again, the same row, the same id.
_LEASE = """
WITH due AS (
    SELECT id FROM deliveries
    WHERE ((state = 'pending' AND due_at <= clock_timestamp())
        OR (state = 'sending' AND leased_until <= clock_timestamp()))
      AND split_part(split_part(recipient->>'address', '://', 2), '/', 1) <> ALL($4::text[])
    ORDER BY severity, due_at LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE deliveries d
SET state = 'sending', attempts = d.attempts + 1, leased_by = $1, leased_until = clock_timestamp() + $3::interval,
    changed = pg_current_xact_id()
FROM due, incidents i
WHERE d.id = due.id AND i.id = d.incident_id
RETURNING d.id, d.incident_id, d.recipient, d.state, d.attempts, d.created_at, d.severity, d.due_at, i.body
"""
_RENEW = """
UPDATE deliveries SET leased_until = clock_timestamp() + $2::interval WHERE id = ANY($1) AND state = 'sending'
"""
_CANCELLED = "SELECT id FROM deliveries WHERE id = ANY($1) AND state = 'cancelled'"
_DEPTH = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
FROM deliveries WHERE state IN ('pending', 'sending')
"""
# The incident first, then its delivery: the order in which closing locks them.
_STAMP_INCIDENT = """
UPDATE incidents i
SET body = i.body || jsonb_build_object('first_attempt_at', clock_timestamp(), 'version', i.version + 1),
    version = i.version + 1, changed = pg_current_xact_id()
FROM deliveries d
WHERE d.id = ANY($1) AND i.id = d.incident_id AND i.body->>'first_attempt_at' IS NULL
RETURNING i.id::text AS id
"""
_STAMP_DELIVERY = """
UPDATE deliveries SET first_attempt_at = clock_timestamp(), changed = pg_current_xact_id()
WHERE id = ANY($1) AND first_attempt_at IS NULL
"""
_FINISH = """
UPDATE deliveries
SET state = $2, finished_at = clock_timestamp(), last_error = coalesce($3, last_error), leased_until = NULL,
    changed = pg_current_xact_id()
WHERE id = ANY($1) AND state IN ('pending', 'sending')
RETURNING id
"""
_RETRY = """
UPDATE deliveries
SET state = 'pending', due_at = clock_timestamp() + $3::interval, last_error = $2, leased_until = NULL,
    changed = pg_current_xact_id()
WHERE id = $1 AND state = 'sending'
"""
# Nothing was sent, so it was no attempt.
_POSTPONE = """
UPDATE deliveries
SET state = 'pending', attempts = attempts - 1, due_at = clock_timestamp() + $2::interval, leased_until = NULL,
    changed = pg_current_xact_id()
WHERE id = $1 AND state = 'sending'
"""


class Received(msgspec.Struct, frozen=True):
    """A delivery that its recipient has, and the look at a person's place that it was, where it carried one to an agency."""

    delivery: str
    disclosed: Look | None = None


class Outbox:
    """Deliveries to be made. A lease that ends without an answer gives the same delivery, same id, to the next."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._hint = pool.hint("outbox")

    async def lease(self, worker: str, limit: int, lease_s: float, but: Sequence[str] = ()) -> list[Delivery]:
        """Due deliveries, life safety first; nobody else gets them for `lease_s` seconds (the database's clock).

        `but`: hosts (as written in the addresses, with their port) that have enough to do; theirs stay where they are.
        """
        with translate_errors():
            rows = await self._pool.fetch(_LEASE, worker, limit, timedelta(seconds=lease_s), but)
        failpoint("outbox.after_lease")
        return [
            Delivery(
                id=row["id"],
                incident_id=row["incident_id"],
                recipient=msgspec.json.decode(row["recipient"], type=Recipient),
                state=row["state"],
                attempts=row["attempts"],
                created_at=row["created_at"],
                incident=decode_incident(row["body"]),
            )
            for row in sorted(rows, key=lambda row: (row["severity"], row["due_at"]))
        ]

    async def renew(self, delivery_ids: Sequence[str], lease_s: float) -> list[str]:
        """Keep what is still in hand for `lease_s` more seconds. Returns what must not be sent any more."""
        await self._execute(_RENEW, delivery_ids, timedelta(seconds=lease_s))
        with translate_errors():
            return [row["id"] for row in await self._pool.fetch(_CANCELLED, delivery_ids)]

    async def first_attempt(self, *delivery_ids: str) -> None:
        """The first POST of each leaves now: stamps the deliveries, and their incidents if it is their first."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                for row in await connection.fetch(_STAMP_INCIDENT, delivery_ids):
                    await connection.execute("SELECT pg_notify('incidents', $1)", row["id"])
                await connection.execute(_STAMP_DELIVERY, delivery_ids)

    async def delivered(self, *received: Received) -> None:
        """Their recipients have them; a place that an agency now knows is a line of the person's looks."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                ids = [one.delivery for one in received]
                rows = await connection.fetch(_FINISH, ids, "delivered", None)
                fresh = {row["id"] for row in rows}
                looks = [one.disclosed for one in received if one.disclosed is not None and one.delivery in fresh]
                await disclose(connection, *looks)

    async def postpone(self, delivery_id: str, after_s: float) -> None:
        """Put back without an attempt; due again in `after_s` seconds."""
        await self._execute(_POSTPONE, delivery_id, timedelta(seconds=after_s))

    async def retry(self, delivery_id: str, error: str, after_s: float) -> None:
        """Due again in `after_s` seconds."""
        await self._execute(_RETRY, delivery_id, error, timedelta(seconds=after_s))

    async def failed(self, delivery_id: str, error: str) -> None:
        """For good (such as 410): a person must look."""
        await self._execute(_FINISH, [delivery_id], "failed", error)

    async def depth(self) -> tuple[int, float]:
        """How many deliveries wait or are on the way, and the age of the oldest in seconds."""
        with translate_errors():
            row = await self._pool.fetchrow(_DEPTH)
        return row[0], row[1]

    async def wait(self, timeout_s: float) -> bool:
        """Until there may be something new, at most `timeout_s`."""
        return await self._hint.wait(timeout_s)

    async def _execute(self, statement: str, *values: object) -> None:
        with translate_errors():
            await self._pool.execute(statement, *values)


class Inbox:
    """What reaches an incident without Kafka, kept until one holds it: urgent calls as they came
    (`haechi.domain.wire.URGENT`), and alerts about Kafka itself (`wire.ALERT`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._hint = pool.hint("inbox")

    async def put(self, call_id: str, data: bytes) -> None:
        """Durable when it returns. A repeated id changes nothing while it is open; afterwards it is offered again, for its
        incident says whether it is another press."""
        with translate_errors():
            await self._pool.execute(
                "WITH fresh AS (INSERT INTO alert_inbox AS kept (id, call) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE "
                "SET call = excluded.call, received_at = excluded.received_at, done_at = NULL, error = NULL "
                "WHERE kept.done_at IS NOT NULL RETURNING id) SELECT pg_notify('inbox', '') FROM fresh",
                call_id,
                data,
            )
        failpoint("inbox.after_commit")

    async def open(self, limit: int) -> list[tuple[str, bytes]]:
        """Calls not done yet, oldest first."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT id, call FROM alert_inbox WHERE done_at IS NULL ORDER BY received_at, id LIMIT $1", limit
            )
        return [(row["id"], row["call"]) for row in rows]

    async def done(self, call_id: str, error: str | None = None) -> None:
        """Not offered again; `error` says why when it could not be processed."""
        with translate_errors():
            await self._pool.execute(
                "UPDATE alert_inbox SET done_at = clock_timestamp(), error = $2 WHERE id = $1 AND done_at IS NULL",
                call_id,
                error,
            )

    async def forget(self, after: timedelta) -> int:
        """Remove the calls that were done so long ago: their incidents hold them. How many they were."""
        with translate_errors():
            gone = await self._pool.execute(
                "DELETE FROM alert_inbox WHERE done_at < clock_timestamp() - $1::interval", after
            )
        return int(gone.removeprefix("DELETE "))

    async def wait(self, timeout_s: float) -> bool:
        """Until there may be something new, at most `timeout_s`."""
        return await self._hint.wait(timeout_s)
