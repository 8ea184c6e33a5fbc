"""The days of the trail: a partition each, made before they come, dropped at the longest retention."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from haechi.store.postgres import Pool, translate_errors

AHEAD_DAYS = 2
_LOCK = 0x7472_6169_6C  # "trail", one maker of partitions at a time
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trail'::regclass"


class Window(msgspec.Struct, frozen=True):
    """The days that are kept, both included: none older than the longest retention, none that is yet to come (but for
    a device whose clock is ahead, and for midnight)."""

    oldest: date
    newest: date

    def newest_days(self) -> list[date]:
        """Today and what comes: made before the first position of the day."""
        return [self.newest - timedelta(days=n) for n in range(AHEAD_DAYS, -1, -1)]


def window_at(now: datetime, longest_days: int) -> Window:
    """What is kept at an instant."""
    today = now.astimezone(UTC).date()
    return Window(today - timedelta(days=longest_days), today + timedelta(days=AHEAD_DAYS))


def name_of(day: date) -> str:
    """The partition of a day."""
    return f"trail_{day:%Y%m%d}"


async def made_days(connection: Any) -> set[str]:  # asyncpg has no types
    """The partitions that are there."""
    return {row[0] for row in await connection.fetch(_PARTITIONS)}


async def make_days(pool: Pool, days: Iterable[date]) -> set[str]:
    """Make the partitions that are missing; all that are there then. Nobody who reads or writes the trail waits for it: a table is made apart
    and then attached."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            there = await made_days(connection)
            for day in days:
                name = name_of(day)
                if name not in there:
                    await connection.execute(
                        f"CREATE TABLE {name} (LIKE trail INCLUDING ALL); "
                        f"ALTER TABLE trail ATTACH PARTITION {name} "
                        f"FOR VALUES FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
                    )
            return await made_days(connection)


async def drop_days(pool: Pool, before: date) -> list[str]:
    """Drop what is older; the partitions that went. TransientError when somebody reads them for longer than 2 s."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock({_LOCK})")
            old = sorted(name for name in await made_days(connection) if name < name_of(before))
            for name in old:
                await connection.execute(f"DROP TABLE {name}")
    return old
