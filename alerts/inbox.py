"""The second road of an SOS: rows that the gateway wrote to PostgreSQL, for the hours when Kafka is away. That it is away
is told by this road too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from alerts.intake import in_order
from alerts.metrics import SenderMetrics
from haechi.clock import Clock
from haechi.codec import decode_any
from haechi.domain import wire
from haechi.domain.alerting import Alert, urgent_alerts
from haechi.domain.own_alerts import unprocessed
from haechi.domain.people import UrgentCall
from haechi.errors import PermanentError, TransientError
from haechi.failpoints import failpoint

log = structlog.get_logger(__name__)

POLL_S = 1.0
AT_ONCE = 100
AWAY_S = 0.5
TRIES = 3

Apply = Callable[[Alert], Awaitable[object]]


class Inbox(Protocol):
    """What is asked of `haechi.store.outbox.Inbox`."""

    async def open(self, limit: int) -> list[tuple[str, bytes]]: ...
    async def done(self, call_id: str, error: str | None = None) -> None: ...
    async def wait(self, timeout_s: float) -> bool: ...


class Row(msgspec.Struct, frozen=True):
    """A row of the inbox; `item` None: it does not decode, and `error` says why."""

    id: str
    item: UrgentCall | Alert | None
    error: str = ""

    @property
    def key(self) -> str:
        """What is one after the other: a cancel must not overtake its press, nor a clear its raise."""
        if self.item is None:
            return self.id
        return self.item.subject if isinstance(self.item, Alert) else self.item.device


class InboxReader:
    """Turns calls into incidents by the same function as the road through Kafka; the alert's id merges the two."""

    def __init__(self, inbox: Inbox, apply: Apply, metrics: SenderMetrics, district: str, clock: Clock) -> None:
        self._inbox = inbox
        self._apply = apply
        self._metrics = metrics
        self._district = district
        self._clock = clock
        self._failures: dict[str, int] = {}  # of rows that are still open, so at most AT_ONCE

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                rows = [_decoded(*row) for row in await self._inbox.open(AT_ONCE)]
                await in_order(rows, lambda row: row.key, self._take)
            except TransientError as error:
                log.warning("inbox.away", error=str(error))
                await asyncio.sleep(AWAY_S)
                continue
            if not rows:
                await self._inbox.wait(POLL_S)
            elif self._failures:
                await asyncio.sleep(AWAY_S)

    async def _take(self, row: Row) -> None:
        if row.item is None:
            await self._bury(row.id, row.error)
            return
        try:
            alerts = (row.item,) if isinstance(row.item, Alert) else urgent_alerts(row.item, self._clock())
            for alert in alerts:
                await self._apply(alert)
        except TransientError:
            raise
        except PermanentError as error:
            await self._bury(row.id, str(error))
            return
        except Exception as error:
            # The isolation boundary of one call: it is tried again, then put aside, and the others go on.
            log.exception("inbox.unexpected", call=row.id)
            self._failures[row.id] = self._failures.get(row.id, 0) + 1
            if self._failures[row.id] >= TRIES:
                await self._bury(row.id, f"{type(error).__name__}: {error}")
            return
        failpoint("inbox.before_done")
        await self._inbox.done(row.id)
        self._failures.pop(row.id, None)
        self._metrics.inbox.labels("done").inc()

    async def _bury(self, row_id: str, reason: str) -> None:
        """A person is told first; the row keeps the bytes and the reason."""
        log.error("inbox.dead_letter", call=row_id, reason=reason)
        await self._apply(unprocessed("alert_inbox", row_id, reason, self._district, self._clock()))
        await self._inbox.done(row_id, reason)
        self._failures.pop(row_id, None)
        self._metrics.inbox.labels("dead letter").inc()


def _decoded(row_id: str, data: bytes) -> Row:
    try:
        return Row(row_id, decode_any(data, (wire.URGENT, wire.ALERT)))
    except PermanentError as error:
        return Row(row_id, None, str(error))
