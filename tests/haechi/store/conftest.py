"""A migrated database of each test's own, its pool, and what lies in it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import asyncpg
import msgspec
import pytest

from haechi.domain import alerting
from haechi.domain.alerting import KINDS, Alert, Because, Severity, Status
from haechi.domain.deliveries import Agency, Recipient
from haechi.domain.geo import Point
from haechi.domain.people import Consent, Device, Guardian, Person
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.live import Live
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import Registry

DISTRICT = "haneul"
# Many times quicker than to make the tables anew for each test.
EMPTY = "SET synchronous_commit = off; TRUNCATE consents;" + "".join(
    f"DELETE FROM {table};"
    for table in [
        "erasures",
        "applied_alerts",
        "incident_events",
        "deliveries",
        "incidents",
        "alert_inbox",
        "early_cancels",
        "evidence_references",
        "evidence_locks",
        "audit",
        "guardian_bars",
        "usual_places",
        "usual_places_learned",
        "people_refs",
        "devices",
        "readers",
        "reporters",
        "safe_zones",
        "button_tests",
        "phone_tests",
        "people",
        "guardians",
        "agencies",
        "cameras",
        "sensors",
        "tokens",
        "ended_sessions",
        "grants",
        "users",
        "districts",
        "trail",
    ]
)
AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.fixture
async def empty_database(postgres_database: str) -> str:
    connection = await asyncpg.connect(postgres_database)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    return postgres_database


@pytest.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    await migrate(postgres_database)
    opened = await open_pool(postgres_database, size=6)
    await opened.execute(EMPTY)
    await ensure_district(opened, DISTRICT, "Haneul-dong")
    await ensure_district(opened, "other", "Another district")
    yield opened
    opened.terminate()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(create_key())


@pytest.fixture
def registry(pool: Pool, sealer: Sealer) -> Registry:
    return Registry(pool, sealer)


def guardian(name: str = "Kim Minji") -> Guardian:
    return Guardian("", "", name, phone="+82 10 0000 0000", webhook_url="https://phone.example/kim")


def agency(name: str = "Haneul police") -> Agency:
    return Agency("", "", name, "police", "https://police.example/in")


def person(*guardians: str, consent: Consent | None = None, born: date = date(2010, 3, 1)) -> Person:
    """Old enough to consent without a guardian, unless said otherwise."""
    return Person("", "", "Jihoon", born, "child", guardians, consent)


def device(person_id: str) -> Device:
    return Device("", "", person_id, "watch")


def consent() -> Consent:
    return Consent("Kim Minji", AT, ("position", "sos"))


def raised(
    *,
    kind: str = "sos",
    subject: str = "p1",
    at: datetime = AT,
    severity: Severity = Severity.LIFE_SAFETY,
    district: str = DISTRICT,
    status: Status = "Actual",
) -> Alert:
    because = Because("urgent", "SOS pressed")
    alert = alerting.raised(KINDS[kind], subject, "-", district, at, because, status=status, title="SOS pressed")
    return msgspec.structs.replace(alert, severity=severity, point=Point(126.98, 37.57))


GUARDIAN = Recipient(
    "guardian", "00000000-0000-4000-8000-000000000001", "Kim Minji", "webhook", "https://phone.example"
)
POLICE = Recipient("police", "00000000-0000-4000-8000-000000000002", "Police", "webhook", "https://police.example")


@pytest.fixture
async def live(redis_url: str) -> AsyncIterator[Live]:
    opened = Live(redis_url)
    yield opened
    await opened.close()
