"""Where a person is, and was: read by nobody without a line in the audit, written in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haechi.domain.geo import Point
from haechi.domain.people import Consent, DeviceKind, Person, Position
from haechi.domain.retention import Retention
from haechi.errors import TransientError
from haechi.ids import device_mark, front_of
from haechi.store.audit import Look, look
from haechi.store.live import Live
from haechi.store.postgres import Pool, translate_errors

# Late is what came after a newer fix of its device. Nothing newer than its own arrival can have come before it, but for
# a device whose clock is ahead: five minutes.
_TRAIL = """
WITH page AS (
    SELECT * FROM trail
    WHERE person = $1 AND at >= $2 AND at < $3 AND ($4::timestamptz IS NULL OR (at, device) > ($4, $5))
    ORDER BY at, device LIMIT $6
), around AS (
    SELECT min(at) AS first, max(received_at) + interval '5 minutes' AS last FROM page
), seen AS (
    SELECT device, at, max(at) OVER (
        PARTITION BY device ORDER BY received_at
        RANGE BETWEEN UNBOUNDED PRECEDING AND '1 microsecond' PRECEDING
    ) AS newest
    FROM trail WHERE person = $1 AND at BETWEEN (SELECT first FROM around) AND (SELECT last FROM around)
)
SELECT page.at, page.received_at, page.device, lon, lat, accuracy_m, speed, course, battery,
       COALESCE(seen.newest > page.at, false) AS late
FROM page JOIN seen USING (device, at) ORDER BY page.at, page.device"""
_NEWEST = """
SELECT at, received_at, device, lon, lat, accuracy_m, speed, course, battery, false AS late
FROM trail WHERE person = $1 AND at >= $2 ORDER BY at DESC LIMIT 1"""
_DEVICES = "SELECT id, kind FROM devices WHERE person_id = $1"
_CONSENT = "SELECT consent FROM people WHERE id = $1 AND deleted_at IS NULL"
# A drill opens nobody's whereabouts.
_OPEN = """
SELECT EXISTS (
    SELECT 1 FROM incidents
    WHERE subject = $1 AND district = $2 AND state <> 'closed' AND body->>'status' = 'Actual'
)"""


class Whereabout(msgspec.Struct, frozen=True):
    """A fix as people look at it. `device` is the front of its id, for the whole one is its credential; both are None
    where the device is no longer known. Metres, m/s, degrees, percent; None is unknown."""

    at: datetime
    received_at: datetime
    point: Point
    accuracy_m: float | None
    speed: float | None
    course: float | None
    battery: float | None
    device: str | None
    device_kind: DeviceKind | None
    late: bool = False


class Cursor(msgspec.Struct, frozen=True):
    """Where a page ended."""

    at: datetime
    device: int


class Span(msgspec.Struct, frozen=True):
    """What is asked for: from `start` (included) to `end`, after the page that ended at `after`."""

    start: datetime
    end: datetime
    limit: int
    after: Cursor | None = None


class Standing(msgspec.Struct, frozen=True):
    """What allows to show where a person is: a consent that covers it, an incident that is open and no drill."""

    consented: bool
    in_trouble: bool


class Whereabouts:
    """The live position in Redis and the trail in PostgreSQL."""

    def __init__(self, pool: Pool, live: Live, retention: Retention) -> None:
        self._pool = pool
        self._live = live
        self._retention = retention

    def kept_from(self, person: Person, now: datetime) -> datetime:
        """Since when everything of the person is kept; what is older goes in the next night, or has gone."""
        return now - timedelta(days=self._retention.days_of(person.district, person.kind))

    async def standing(self, person: str, district: str, now: datetime) -> Standing:
        """As PostgreSQL has it at this moment."""
        with translate_errors():
            body = await self._pool.fetchval(_CONSENT, person)
            in_trouble: bool = await self._pool.fetchval(_OPEN, person, district)
        consent = None if body is None else msgspec.json.decode(body, type=Consent)
        return Standing(consent is not None and consent.allows("position", now), in_trouble)

    async def last(self, seen: Look, now: datetime) -> tuple[Whereabout | None, bool]:
        """The newest position, and whether it is the live one; where there is none, or Redis is away, the trail's."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await look(connection, seen)
                devices = await _devices(connection, seen.person)
                row = await connection.fetchrow(
                    _NEWEST, seen.person, now - timedelta(days=self._retention.longest_days)
                )
        kept = None if row is None else _whereabout(row, devices)
        try:
            live = (await self._live.positions([seen.person])).get(seen.person)
        except TransientError:
            live = None
        if live is None or (kept is not None and min(live.at, live.received_at) < min(kept.at, kept.received_at)):
            return kept, False
        return _of_position(live, devices), True

    async def trail(self, span: Span, seen: Look) -> tuple[list[Whereabout], Cursor | None]:
        """A page in order of time, and where the next one begins."""
        after = span.after
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await look(connection, seen)
                devices = await _devices(connection, seen.person)
                rows = await connection.fetch(
                    _TRAIL,
                    seen.person,
                    span.start,
                    span.end,
                    after.at if after else None,
                    after.device if after else None,
                    span.limit,
                )
        more = len(rows) == span.limit
        return whereabouts(rows, devices), Cursor(rows[-1]["at"], rows[-1]["device"]) if more else None


async def _devices(connection: Any, person: str) -> dict[int, tuple[str, DeviceKind]]:  # asyncpg has no types
    """Front of the id and kind by mark, also of those that were removed."""
    rows = await connection.fetch(_DEVICES, person)
    return {device_mark(row["id"]): (front_of(row["id"]), row["kind"]) for row in rows}


def whereabouts(rows: Sequence[Any], devices: Mapping[int, tuple[str, DeviceKind]]) -> list[Whereabout]:
    """Rows of the trail."""
    return [_whereabout(row, devices) for row in rows]


def _whereabout(row: Any, devices: Mapping[int, tuple[str, DeviceKind]]) -> Whereabout:
    front, kind = devices.get(row["device"], (None, None))
    return Whereabout(
        row["at"],
        row["received_at"],
        Point(row["lon"], row["lat"]),
        row["accuracy_m"],
        row["speed"],
        row["course"],
        row["battery"],
        front,
        kind,
        row["late"],
    )


def _of_position(position: Position, devices: Mapping[int, tuple[str, DeviceKind]]) -> Whereabout:
    front = front_of(position.device)
    kind = next((kind for known, kind in devices.values() if known == front), None)
    return Whereabout(
        position.at,
        position.received_at,
        position.point,
        position.accuracy_m,
        position.speed,
        position.course,
        position.battery,
        front if kind else None,
        kind,
    )
