"""What happens to the trail beside writing: days made and dropped, shorter retentions by night, erasures. And to what
else would grow for ever."""

import asyncio
from collections.abc import Awaitable, Callable
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
        for step in (self._make, self._drop, self._shorten, self._collect, self._forget_calls):
            await _patiently(step)

    async def _make(self) -> None:
        await make_days(self._pool, window_at(self._clock(), self._retention.longest_days).newest_days())

    async def _drop(self) -> None:
        if gone := await drop_days(self._pool, window_at(self._clock(), self._retention.longest_days).oldest):
            log.info("trail.dropped", days=gone)

    async def _shorten(self) -> None:
        """By night, whoever is kept for a shorter time."""
        now = self._clock()
        if not self._retention.shorter or (self._night is not None and now < self._night):
            return
        with translate_errors():
            people: dict[int, list[str]] = {}
            for row in await self._pool.fetch("SELECT id, district, kind FROM people"):
                people.setdefault(self._retention.days_of(row["district"], row["kind"]), []).append(row["id"])
            people.pop(self._retention.longest_days, None)
            for days, ids in people.items():
                for start in range(0, len(ids), _AT_ONCE):
                    done = await self._pool.execute(_DELETE, ids[start : start + _AT_ONCE], now - timedelta(days=days))
                    log.info("trail.shortened", days=days, people=len(ids[start : start + _AT_ONCE]), rows=done)
        self._night = next_night(now, self._zone)

    async def _collect(self) -> None:
        """Evidence that neither a reference nor a lock holds any more."""
        if gone := await EvidenceRows(self._pool).collect(self._evidence):
            log.info("evidence.collected", objects=gone)

    async def _forget_calls(self) -> None:
        if gone := await Inbox(self._pool).forget(CALLS_KEPT):
            log.info("inbox.forgotten", calls=gone)


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
