"""The trail: every accepted position once, by COPY.

COPY fills a table of the session's own and one INSERT moves it over, because what was not acknowledged comes again:
measured on PostgreSQL 18, that costs the server 9 µs a row, COPY straight into the trail 5 µs (and no replay), single
INSERTs 17 µs. The rows are laid out by numpy as PostgreSQL's binary COPY wants them
(PostgreSQL documentation, COPY, "Binary Format").
"""

import io
import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import asyncpg
import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.clock import Clock, utc_now
from haechi.domain.people import Consent, PositionBatch
from haechi.domain.time import micros_of
from haechi.errors import PermanentError, TransientError
from haechi.failpoints import failpoint
from haechi.ids import device_mark, is_uuid
from haechi.store.postgres import Pool, translate_errors
from haechi.store.trail_days import make_days, name_of, window_at

_COLUMNS = (
    ("person", "V16"),
    ("at", ">i8"),
    ("device", ">i8"),
    ("received_at", ">i8"),
    ("lon", ">f8"),
    ("lat", ">f8"),
    ("accuracy_m", ">f4"),
    ("speed", ">f4"),
    ("course", ">f4"),
    ("battery", ">f4"),
)
_NAMES = [name for name, _ in _COLUMNS]
# A row is its number of fields, then each field behind its length in bytes.
_ROW = np.dtype(
    [("fields", ">i2")] + [part for name, kind in _COLUMNS for part in ((f"{name} bytes", ">i4"), (name, kind))]
)
_FRONT = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_BACK = struct.pack(">h", -1)
_DAY = 86_400_000_000
_EPOCH = micros_of(datetime.fromisoformat("2000-01-01T00:00:00+00:00"))  # PostgreSQL counts from here

_INCOMING = """
CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE trail) ON COMMIT DELETE ROWS"""
_MOVE = """
INSERT INTO trail (person, at, device, received_at, lon, lat, accuracy_m, speed, course, battery)
SELECT person, at, device, received_at, lon, lat,
       NULLIF(accuracy_m, 'NaN'), NULLIF(speed, 'NaN'), NULLIF(course, 'NaN'), NULLIF(battery, 'NaN')
FROM incoming ON CONFLICT DO NOTHING"""
_CONSENTS = "SELECT id, consent FROM people WHERE id = ANY($1::text[]::uuid[]) AND deleted_at IS NULL"

_consent = msgspec.json.Decoder(Consent)


class Kept(msgspec.Struct, frozen=True):
    """What became of the rows: `known` were in the trail already, `unconsented` are of people without a valid consent,
    `outside` lie before the longest retention or after tomorrow. `persons` have a consent."""

    new: int
    known: int
    unconsented: int
    outside: int
    persons: frozenset[str]


class Trail:
    """Writes. `keep` may be called for several partitions at once, each on a connection of its own."""

    def __init__(self, pool: Pool, longest_days: int, clock: Clock = utc_now) -> None:
        self._pool = pool
        self._longest_days = longest_days
        self._clock = clock
        self._made: set[str] = set()

    async def keep(self, batches: Sequence[PositionBatch]) -> Kept:
        """Returns when PostgreSQL has all that may be kept; a second time adds nothing.

        Raises:
            PermanentError: a batch that no gateway of ours has made (an id that is no UUID, an index beyond its table).
            TransientError: PostgreSQL is away.
        """
        for batch in batches:
            _check(batch)
        persons = sorted({person for batch in batches for person in batch.persons})
        now = self._clock()
        consenting = await self._consenting(persons, now)
        window = window_at(now, self._longest_days)
        oldest, end = _micros(window.oldest), _micros(window.newest + timedelta(days=1))
        parts: list[NDArray[np.void]] = []
        days: set[date] = set()
        unconsented = outside = 0
        for batch in batches:
            allowed = np.array([person in consenting for person in batch.persons])[batch.person]
            inside = (batch.at >= oldest) & (batch.at < end)
            unconsented += int(np.count_nonzero(~allowed))
            outside += int(np.count_nonzero(allowed & ~inside))
            rows = _rows(batch, allowed & inside)
            days.update(_day(day) for day in np.unique(batch.at[allowed & inside] // _DAY))
            parts.append(rows)
        count = sum(len(rows) for rows in parts)
        if not count:
            return Kept(0, 0, unconsented, outside, consenting)
        if missing := [day for day in sorted(days) if name_of(day) not in self._made]:
            self._made |= await make_days(self._pool, missing)
        new = await self._copy(b"".join([_FRONT, *(rows.tobytes() for rows in parts), _BACK]))
        return Kept(new, count - new, unconsented, outside, consenting)

    async def _consenting(self, persons: list[str], now: datetime) -> frozenset[str]:
        """Who of them lets positions be kept, by PostgreSQL itself and not a copy of it."""
        with translate_errors():
            rows = await self._pool.fetch(_CONSENTS, persons)
        consents = ((row["id"], _consent.decode(row["consent"])) for row in rows if row["consent"] is not None)
        return frozenset(person for person, consent in consents if consent.allows("position", now))

    async def _copy(self, payload: bytes) -> int:
        try:
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    await connection.execute(_INCOMING)
                    await connection.copy_to_table(
                        "incoming", source=io.BytesIO(payload), columns=_NAMES, format="binary"
                    )
                    moved: str = await connection.execute(_MOVE)
                    failpoint("archive.before_commit")
        except asyncpg.CheckViolationError as error:  # a day was dropped since we saw it
            self._made.clear()
            raise TransientError(f"A day of the trail has gone meanwhile ({error}).") from error
        failpoint("archive.after_commit")
        return int(moved.rpartition(" ")[2])


def _check(batch: PositionBatch) -> None:
    """PermanentError in words; after it, nothing about the rows can fail."""
    rows = len(batch)
    columns = (batch.device, batch.person, batch.received, batch.lon, batch.lat, batch.accuracy, batch.speed)
    if any(len(column) != rows for column in (*columns, batch.course, batch.battery)):
        raise PermanentError("The columns of the batch have different lengths.")
    for index, names in ((batch.person, batch.persons), (batch.device, batch.devices)):
        if rows and (index.min() < 0 or index.max() >= len(names)):
            raise PermanentError("A row of the batch points beyond its table of ids.")
    if not (np.isfinite(batch.lon).all() and np.isfinite(batch.lat).all()):
        raise PermanentError("A row of the batch has no place: longitude or latitude is no number.")
    for person in batch.persons:
        _bytes_of(person)


# The same people and devices report again and again: half of our own time went into reading their ids.
@lru_cache(maxsize=1 << 17)
def _bytes_of(person: str) -> bytes:
    """The 16 bytes of a person's id; PermanentError."""
    if not is_uuid(person):
        raise PermanentError(f"'{person}' is no id of a person.")
    return UUID(person).bytes


_mark_of = lru_cache(maxsize=1 << 17)(device_mark)


def _rows(batch: PositionBatch, mask: NDArray[np.bool_]) -> NDArray[np.void]:
    """The rows of the mask as COPY takes them."""
    persons = np.frombuffer(b"".join(map(_bytes_of, batch.persons)), "V16")
    marks = np.array([_mark_of(device) for device in batch.devices], np.int64)
    rows = np.empty(int(np.count_nonzero(mask)), _ROW)
    rows["fields"] = len(_COLUMNS)
    for name, kind in _COLUMNS:
        rows[f"{name} bytes"] = np.dtype(kind).itemsize
    rows["person"] = persons[batch.person[mask]]
    rows["device"] = marks[batch.device[mask]]
    rows["at"] = batch.at[mask] - _EPOCH
    rows["received_at"] = batch.received[mask] - _EPOCH
    rows["lon"], rows["lat"] = batch.lon[mask], batch.lat[mask]
    rows["accuracy_m"], rows["speed"] = batch.accuracy[mask], batch.speed[mask]
    rows["course"], rows["battery"] = batch.course[mask], batch.battery[mask]
    return rows


def _micros(day: date) -> int:
    return micros_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(number))
