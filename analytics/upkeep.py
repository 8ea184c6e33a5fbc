"""What happens to the trail beside writing: days made and dropped, shorter retentions by night, erasures. And to what
else would grow for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

import structlog

from haechi.clock import Clock
from haechi.domain.retention import Retention, next_night
from haechi.errors import TransientError
from haechi.store.erasures import Erasures
from haechi.store.evidence import Evidence, EvidenceRows
from haechi.store.outbox import Inbox
from haechi.store.postgres import Hint, Pool, translate_errors
from haechi.store.trail_days import drop_days, make_days, window_at

EVERY_S = 600.0
ERASE_S = 5.0
_AT_ONCE = 500
CALLS_KEPT = timedelta(days=30)  # in the inbox, after an incident holds them
_DELETE = "DELETE FROM trail WHERE person = ANY($1::uuid[]) AND at < $2"
# Whose consent was withdrawn, and whom nobody is looking for (Location Information Act, Korea: article 24). One that has only
# come to its end, or is paused, leaves what was kept under it to the retention.
_WITHDRAWN = """
SELECT p.id FROM people p
WHERE p.consent IS NULL AND p.deleted_at IS NULL AND 'withdrawn' = (
    SELECT c.kind FROM consents c WHERE c.person_id = p.id AND c.kind IN ('given', 'withdrawn') ORDER BY c.id DESC LIMIT 1
) AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.subject = p.id::text AND i.state <> 'closed')"""
_FORGET = """
WITH gone AS (DELETE FROM trail WHERE person = ANY($1::uuid[]) RETURNING person), whose AS (
    SELECT person, count(*) AS fixes FROM gone GROUP BY person
)
INSERT INTO audit (who, what, subject, district, reason)
SELECT 'system', 'deleted the trail', 'people:' || id, district, fixes || ' positions; the consent was withdrawn'
FROM whose JOIN people ON id = person"""

log = structlog.get_logger(__name__)


class Upkeep:
    """Every ten minutes; each step may be done by two processes at once, and again."""

    def __init__(self, pool: Pool, retention: Retention, zone: tzinfo, evidence: Evidence, clock: Clock) -> None:
        self._pool = pool
        self._retention = retention
        self._zone = zone
        self._evidence = evidence
        self._clock = clock
        self._night: datetime | None = None  # None: the last one may have been missed

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Each step on its own: one that must wait stops no other."""
        for step in (self._make, self._drop, self._by_night, self._collect, self._forget_calls):
            await _patiently(step)

    async def _make(self) -> None:
        await make_days(self._pool, window_at(self._clock(), self._retention.longest_days).newest_days())

    async def _drop(self) -> None:
        if gone := await drop_days(self._pool, window_at(self._clock(), self._retention.longest_days).oldest):
            log.info("trail.dropped", days=gone)

    async def _by_night(self) -> None:
        """What goes out of the days that stay."""
        now = self._clock()
        if self._night is not None and now < self._night:
            return
        await self._shorten(now)
        await self._forget_withdrawn()
        self._night = next_night(now, self._zone)

    async def _shorten(self, now: datetime) -> None:
        """Whoever is kept for a shorter time."""
        if not self._retention.shorter:
            return
        with translate_errors():
            people: dict[int, list[str]] = {}
            for row in await self._pool.fetch("SELECT id, district, kind FROM people"):
                people.setdefault(self._retention.days_of(row["district"], row["kind"]), []).append(row["id"])
            people.pop(self._retention.longest_days, None)
            for days, ids in people.items():
                for some in _parts(ids):
                    done = await self._pool.execute(_DELETE, some, now - timedelta(days=days))
                    log.info("trail.shortened", days=days, people=len(some), rows=done)

    async def _forget_withdrawn(self) -> None:
        """Whoever does not want it to be kept any more; each is a line in the audit."""
        with translate_errors():
            for some in _parts([row["id"] for row in await self._pool.fetch(_WITHDRAWN)]):
                done = await self._pool.execute(_FORGET, some)
                log.info("trail.withdrawn", people=done)

    async def _collect(self) -> None:
        """Evidence that neither a reference nor a lock holds any more."""
        if gone := await EvidenceRows(self._pool).collect(self._evidence):
            log.info("evidence.collected", objects=gone)

    async def _forget_calls(self) -> None:
        if gone := await Inbox(self._pool).forget(CALLS_KEPT):
            log.info("inbox.forgotten", calls=gone)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


async def erase_for_ever(erasures: Erasures, hint: Hint) -> None:
    """Pass after pass, as they come due. Here, and in no other process: this one owns the trail and the live positions,
    and it lags where others must not."""
    while True:
        await _patiently(lambda: _all_due(erasures))
        await hint.wait(ERASE_S)


async def _all_due(erasures: Erasures) -> None:
    while (done := await erasures.work()) is not None:
        log.info("erasure", id=done.id, state=done.state, waits_for=[*done.incidents, *done.locked])


async def _patiently(step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except TransientError as error:
        log.warning("upkeep.waits", reason=str(error))
