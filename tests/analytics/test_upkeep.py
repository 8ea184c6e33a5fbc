"""Retention by night, the days of the trail, and erasures in the process that does them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from analytics.upkeep import Upkeep, erase_for_ever
from haechi.domain.people import Consent, PersonKind
from haechi.domain.retention import Retention, retention_of
from haechi.sealing import Sealer, create_key
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Decision, Given
from haechi.store.districts import ensure_district
from haechi.store.erasures import Erasures
from haechi.store.evidence import Evidence, EvidenceRows
from haechi.store.incidents import Incidents
from haechi.store.live import Live
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import PEOPLE, Registry
from haechi.store.trail import Trail
from haechi.store.trail_days import made_days, make_days
from tests.haechi.store.conftest import person, raised
from tests.positions import Fix, batch_of

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CONSENT = Consent("Kim Minji", datetime(2020, 1, 1, tzinfo=UTC), ("position",))


class Clock:
    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    await migrate(postgres_database)
    opened = await open_pool(postgres_database, size=4)
    await opened.execute("DELETE FROM trail")
    for district in ("haneul", "other"):
        await ensure_district(opened, district, district)
    yield opened
    opened.terminate()


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path.as_uri())


def upkeep(pool: Pool, evidence: Evidence, clock: Clock, *shorter: str, days: int = 30) -> Upkeep:
    return Upkeep(pool, retention_of(days, shorter), ZoneInfo("Asia/Seoul"), evidence, clock)


async def someone(pool: Pool, kind: PersonKind, district: str = "haneul") -> str:
    """Who was somewhere on each of the last 20 days."""
    row = await pool.fetchrow(
        "INSERT INTO people (district, name, born, kind, consent) VALUES ($1, 'x', '1990-01-01', $2, "
        """'{"given_by": "x", "given_at": "2020-01-01T00:00:00Z", "scopes": ["position"]}') RETURNING id""",
        district,
        kind,
    )
    fixes = [Fix(row["id"], AT - timedelta(days=n)) for n in range(20)]
    assert (await Trail(pool, 30, lambda: AT).keep([batch_of(fixes)])).new == 20
    return str(row["id"])


async def kept(pool: Pool, who: str) -> int:
    """On how many days."""
    count: int = await pool.fetchval("SELECT count(*) FROM trail WHERE person = $1", who)
    return count


async def test_by_night_each_is_kept_as_long_as_the_setting_says(pool: Pool, evidence: Evidence) -> None:
    child, elsewhere = await someone(pool, "child"), await someone(pool, "child", "other")
    elder, other = await someone(pool, "elder"), await someone(pool, "other")
    clock = Clock()
    it = upkeep(pool, evidence, clock, "child=7", "other/child=3", "elder=14")
    await it.once()  # it may have been down last night
    assert [await kept(pool, who) for who in (child, elsewhere, elder, other)] == [8, 4, 15, 20]
    clock.now = AT + timedelta(hours=9)
    await it.once()
    assert await kept(pool, child) == 8
    clock.now = AT + timedelta(hours=10)  # past three in Seoul
    await it.once()
    assert [await kept(pool, who) for who in (child, elsewhere, elder, other)] == [7, 3, 14, 20]


async def test_where_somebody_was_goes_in_the_night_after_their_consent_was_withdrawn(
    pool: Pool, evidence: Evidence
) -> None:
    """Not of who is being looked for, of who pauses, or of whom a new consent covers."""
    who = {why: await someone(pool, "elder") for why in ("withdrew", "missing", "paused", "over", "again")}
    consents, word = Consents(pool), Decision("x")
    for why, one in who.items():
        await pool.execute("UPDATE people SET consent = NULL WHERE id = $1", one)
        await consents.give("haneul", one, Given(("position",), "x"), by="clerk")
        if why in ("withdrew", "missing", "again"):
            await consents.withdraw("haneul", one, word, by="clerk")
    await consents.give("haneul", who["again"], Given(("position",), "x"), by="clerk")
    await consents.pause("haneul", who["paused"], word, by="clerk")
    await pool.execute("UPDATE people SET consent_ends_at = clock_timestamp() WHERE id = $1", who["over"])
    await consents.end_over()
    missing = await Incidents(pool).apply_alert(raised(subject=who["missing"]), lambda _: [])
    clock = Clock()
    work = upkeep(pool, evidence, clock)
    await work.once()
    assert {why: await kept(pool, one) for why, one in who.items()} == dict.fromkeys(who, 20) | {"withdrew": 0}
    (line,) = [one for one in await Audit(pool).recent("haneul") if one.what == "deleted the trail"]
    assert (line.subject, line.reason[:12]) == (f"people:{who['withdrew']}", "20 positions")
    assert missing.incident is not None
    await pool.execute("UPDATE incidents SET state = 'closed' WHERE id = $1", missing.incident.id)
    await work.once()
    assert await kept(pool, who["missing"]) == 20, "by night"
    clock.now += timedelta(days=1)
    await work.once()
    assert {why: await kept(pool, one) for why, one in who.items()} == dict.fromkeys(who, 20) | {
        "withdrew": 0,
        "missing": 0,
    }


async def test_days_are_made_before_they_come_and_dropped_when_they_are_over(pool: Pool, evidence: Evidence) -> None:
    await make_days(pool, [date(2026, 11, 14), date(2026, 11, 15)])
    clock = Clock()
    it = upkeep(pool, evidence, clock, days=7)
    await it.once()
    assert await made_days(pool) >= {"trail_20261115", "trail_20261122", "trail_20261123", "trail_20261124"}
    assert min(await made_days(pool)) == "trail_20261115"
    clock.now = AT + timedelta(days=1)
    await it.once()
    assert (min(await made_days(pool)), max(await made_days(pool))) == ("trail_20261116", "trail_20261125")


async def test_a_long_look_at_the_trail_delays_the_end_of_a_day_and_nothing_else(
    pool: Pool, evidence: Evidence, postgres_database: str
) -> None:
    await make_days(pool, [date(2026, 11, 1)])
    child = await someone(pool, "child")
    reader = await asyncpg.connect(postgres_database)
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT count(*) FROM trail")
    it = upkeep(pool, evidence, Clock(), "child=3", days=7)
    await it.once()
    assert "trail_20261101" in await made_days(pool)
    assert await kept(pool, child) == 4
    await transaction.rollback()
    await reader.close()
    await it.once()
    assert "trail_20261101" not in await made_days(pool)


async def test_a_picture_that_nobody_needs_any_more_goes(pool: Pool, evidence: Evidence) -> None:
    name = await evidence.put(b"a picture")
    await EvidenceRows(pool).refer(name, "incident:1", AT - timedelta(days=1))
    await upkeep(pool, evidence, Clock()).once()
    assert await pool.fetchval("SELECT count(*) FROM evidence_references WHERE sha256 = $1", name) == 0


async def test_an_erasure_is_begun_as_soon_as_it_is_asked_for(pool: Pool, redis_url: str) -> None:
    live = Live(redis_url)
    erasures = Erasures(pool, live)
    working = asyncio.create_task(erase_for_ever(erasures, pool.hint("erasures")))
    registry = Registry(pool, Sealer(create_key()))
    child = (await registry.add(PEOPLE, "haneul", person(consent=CONSENT))).value.id
    await Trail(pool, 30, lambda: AT).keep([batch_of([Fix(child, AT)])])
    await erasures.ask("haneul", child, "asked in writing", by="admin")
    async with asyncio.timeout(60):
        while (await erasures.of("haneul", child)).state == "waiting":
            await asyncio.sleep(0.05)
    assert await kept(pool, child) == 0
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await live.close()


def test_without_shorter_ones_the_longest_holds_for_all() -> None:
    assert Retention(30).days_of("haneul", "child") == 30
