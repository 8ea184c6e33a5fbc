"""Tests of buttons and telephones by guardians: windows, what a press in one is, and when somebody is asked again.

All times are the database's. What is decided of a press is decided in the transaction that opens its incident.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from haechi.domain.alerting import Alert
from haechi.domain.drills import TEST_PLACE, as_test, of_test
from haechi.errors import Conflict, NotFound
from haechi.ids import is_uuid
from haechi.store.audit import write_entry
from haechi.store.postgres import Pool, translate_errors

WINDOW = timedelta(minutes=10)
A_DAY = 3  # windows that guardians may open within a day
ANSWER = timedelta(hours=24)  # for a test of the telephones: whoever is at work answers in the evening

_ACTUAL = "SELECT 1 FROM incidents WHERE subject = $1::text AND state <> 'closed' AND body->>'status' = 'Actual'"
# The first press that happened and came while the window was open, and while nothing real is going on. Devices stamp
# whole seconds, hence the second that a press may seem to be too early.
_TAKE = f"""
UPDATE button_tests SET alert_id = $2
WHERE id = (
    SELECT id FROM button_tests
    WHERE person_id = $1::text::uuid AND alert_id IS NULL AND clock_timestamp() < ends_at
      AND $3 BETWEEN opened_at - interval '1 second' AND ends_at
    ORDER BY id DESC LIMIT 1 FOR UPDATE
) AND NOT EXISTS ({_ACTUAL})
RETURNING asked_by
"""  # noqa: S608 - made of literals
_OF_TODAY = (
    "SELECT count(*) FROM button_tests WHERE person_id = $1 AND opened_at > clock_timestamp() - interval '1 day'"
)
_OPEN_AT = "SELECT 1 FROM incidents WHERE kind = $1 AND subject = $2 AND place = $3 AND state <> 'closed'"
_SHOW = f"""
SELECT t.asked_by, t.opened_at, t.ends_at, a.received_at, t.ends_at <= clock_timestamp() AS over,
       EXISTS ({_ACTUAL.replace("$1::text", "t.person_id::text")}) AS real_open
FROM button_tests t LEFT JOIN applied_alerts a ON a.alert_id = t.alert_id AND a.action = 'raise'
WHERE t.person_id = $1 ORDER BY t.id DESC, a.received_at LIMIT 1
"""  # noqa: S608 - made of literals
_END = "UPDATE button_tests SET ends_at = clock_timestamp() WHERE person_id = $1 AND alert_id IS NULL AND ends_at > clock_timestamp()"
_OVER = """
SELECT id::text AS id, district FROM incidents
WHERE state <> 'closed' AND body->>'status' = 'Test'
  AND opened_at < clock_timestamp() - CASE kind WHEN 'phone-test' THEN $1::interval ELSE $2::interval END
LIMIT 100
"""
_ENROL = """
INSERT INTO phone_tests (person_id, due_at)
SELECT id, clock_timestamp() + $1 + make_interval(mins => abs(hashtext(id::text)) % 10080)
FROM people p WHERE deleted_at IS NULL AND guardian_ids <> '{}'
  AND NOT EXISTS (SELECT 1 FROM phone_tests t WHERE t.person_id = p.id)
ON CONFLICT DO NOTHING
"""
_DUE = """
SELECT t.person_id::text AS person, p.district, t.due_at, t.asked_by FROM phone_tests t JOIN people p ON p.id = t.person_id
WHERE t.due_at <= clock_timestamp() AND p.deleted_at IS NULL
  AND (t.asked_by IS NOT NULL OR extract(hour FROM clock_timestamp() AT TIME ZONE $1) BETWEEN 9 AND 19)
ORDER BY t.due_at LIMIT 100
"""


class ButtonTest(msgspec.Struct, frozen=True):
    """The newest window of a person: `received_at` is when its press came; `over` when none can come any more. While
    something real of them is open (`real_open`), a press is no test."""

    asked_by: str
    opened_at: datetime
    ends_at: datetime
    received_at: datetime | None
    over: bool
    real_open: bool


class PhoneTest(msgspec.Struct, frozen=True):
    """A test of the telephones that is due; `asked_by` None: the month is over."""

    person: str
    district: str
    due_at: datetime
    asked_by: str | None


class Drills:
    """The two tables. `by` is the user, token or guardian who asks."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def open_window(self, district: str, person: str, *, by: str, at_most: int | None = None) -> ButtonTest:
        """For `WINDOW` from now on the next press is a test. NotFound; Conflict while something real is going on, and
        after `at_most` windows within a day: whoever could open one after the other would keep a call from the police.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _lock(connection, district, person)
                if await connection.fetchval(_ACTUAL, person):
                    raise Conflict("An incident of this person is open; a button is tested when it is closed.")
                if at_most is not None and await connection.fetchval(_OF_TODAY, person) >= at_most:
                    raise Conflict(
                        f"The button was tested {at_most} times within a day; the duty desk can test it again."
                    )
                await connection.execute(_END, person)
                await connection.execute(
                    "INSERT INTO button_tests (person_id, asked_by, ends_at) VALUES ($1, $2, clock_timestamp() + $3)",
                    person,
                    by,
                    WINDOW,
                )
                await write_entry(connection, by, "tests the button", f"people:{person}", district)
                return ButtonTest(*await connection.fetchrow(_SHOW, person))

    async def end_window(self, person: str) -> None:
        """No press is a test any more."""
        with translate_errors():
            await self._pool.execute(_END, person)

    async def newest(self, person: str) -> ButtonTest | None:
        """The newest window of a person, or of nobody."""
        with translate_errors():
            row = is_uuid(person) and await self._pool.fetchrow(_SHOW, person)
        return ButtonTest(*row) if row else None

    async def ask_phones(self, district: str, person: str, *, by: str) -> datetime:
        """A test of the guardians' telephones is due now. Asked twice at once it is one."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _lock(connection, district, person)
                due: datetime = await connection.fetchval(
                    "INSERT INTO phone_tests (person_id, due_at, asked_by) VALUES ($1, clock_timestamp(), $2) "
                    "ON CONFLICT (person_id) DO UPDATE SET due_at = least(phone_tests.due_at, excluded.due_at), "
                    "asked_by = excluded.asked_by RETURNING due_at",
                    person,
                    by,
                )
                await write_entry(connection, by, "tests the telephones", f"people:{person}", district)
                return due

    async def enrol(self, every: timedelta) -> None:
        """Whoever has guardians and no date yet gets one, a month from now, spread over a week."""
        with translate_errors():
            await self._pool.execute(_ENROL, every)

    async def due(self, timezone: str) -> Sequence[PhoneTest]:
        """Due tests of telephones; the monthly ones by day only, in the time zone."""
        with translate_errors():
            rows = await self._pool.fetch(_DUE, timezone)
        return [PhoneTest(*row) for row in rows]

    async def asked(self, test: PhoneTest, every: timedelta) -> None:
        """It was raised; the next is due `every` later. Of two processes that say so, the second changes nothing."""
        with translate_errors():
            await self._pool.execute(
                "UPDATE phone_tests SET due_at = clock_timestamp() + $3, asked_by = NULL "
                "WHERE person_id = $1 AND due_at = $2",
                test.person,
                test.due_at,
                every,
            )

    async def over(self) -> Sequence[tuple[str, str]]:
        """(incident, district) of the tests whose time is over and that nobody ended."""
        with translate_errors():
            rows = await self._pool.fetch(_OVER, ANSWER, WINDOW)
        return [(row["id"], row["district"]) for row in rows]


async def _lock(connection: Any, district: str, person: str) -> None:  # asyncpg has no types
    found = is_uuid(person) and await connection.fetchval(
        "SELECT 1 FROM people WHERE id = $1 AND district = $2 AND deleted_at IS NULL FOR UPDATE", person, district
    )
    if not found:
        raise NotFound(f"There is no people/{person}.")


async def as_test_or_real(connection: Any, alert: Alert) -> Alert:  # asyncpg has no types
    """The alert, or the same as a test: the first press in a window. In the transaction that applies it.

    A device's cancel belongs to the test when there is one and nothing real.
    """
    if alert.kind != "sos" or alert.status != "Actual" or alert.action == "clear" or not is_uuid(alert.subject):
        return alert
    if alert.action == "raise":
        by = await connection.fetchval(_TAKE, alert.subject, alert.id, alert.starts_at)
        return alert if by is None else as_test(alert, by)
    real, test = [
        await connection.fetchval(_OPEN_AT, alert.kind, alert.subject, place) for place in (alert.place, TEST_PLACE)
    ]
    return of_test(alert) if test and not real else alert
