"""The trail: every accepted position once, in days that come and go."""

import asyncio
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.domain.people import Consent, PositionBatch
from haechi.errors import PermanentError, TransientError
from haechi.ids import device_mark, new_id
from haechi.store.postgres import Pool, open_pool
from haechi.store.registry import PEOPLE, Registry
from haechi.store.trail import Trail
from haechi.store.trail_days import drop_days, made_days, make_days, name_of, window_at
from tests.haechi.store.conftest import AT, DISTRICT, person
from tests.positions import Fix, batch_of

OLD = Consent("Kim Minji", AT - timedelta(days=400), ("position",))


@pytest.fixture
async def child(registry: Registry) -> str:
    return (await registry.add(PEOPLE, DISTRICT, person(consent=OLD))).value.id


@pytest.fixture
def trail(pool: Pool) -> Trail:
    return Trail(pool, 30, lambda: AT)


def second(n: float) -> datetime:
    return AT + timedelta(seconds=n)


async def rows(pool: Pool) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await pool.fetch("SELECT person, at, device FROM trail ORDER BY person, at, device")]


async def test_a_row_is_what_was_reported_and_unknown_is_null(trail: Trail, pool: Pool, child: str) -> None:
    batch = batch_of([Fix(child, AT, "phone", second(2), lon=-179.5, lat=-1.25, accuracy=8)])
    batch = msgspec.structs.replace(batch, battery=np.array([71.5], np.float32))
    await trail.keep([batch])
    (row,) = await pool.fetch("SELECT * FROM trail")
    assert dict(row) == {
        "person": child,
        "at": AT,
        "device": device_mark("phone"),
        "received_at": second(2),
        "lon": -179.5,
        "lat": -1.25,
        "accuracy_m": 8.0,
        "speed": None,
        "course": None,
        "battery": 71.5,
    }


@pytest.mark.parametrize("column", ["accuracy", "speed", "course", "battery"])
async def test_what_is_unknown_of_a_fix_is_null_and_all_else_is_kept(
    trail: Trail, pool: Pool, child: str, column: str
) -> None:
    known = {name: np.array([7.5], np.float32) for name in ("accuracy", "speed", "course", "battery")}
    batch = msgspec.structs.replace(batch_of([Fix(child, AT)]), **known | {column: np.array([np.nan], np.float32)})
    await trail.keep([batch])
    (row,) = await pool.fetch("SELECT accuracy_m AS accuracy, speed, course, battery FROM trail")
    assert dict(row) == dict.fromkeys(known, 7.5) | {column: None}


fixes = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["phone", "watch"]), st.integers(-90_000, 90_000)), max_size=30
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fixes=fixes, cuts=st.lists(st.integers(0, 30), max_size=4), again=st.lists(st.integers(0, 4), max_size=4))
async def test_however_positions_are_cut_into_batches_and_replayed_each_is_there_once(
    pool: Pool,
    trail: Trail,
    registry: Registry,
    fixes: list[tuple[int, str, int]],
    cuts: list[int],
    again: list[int],
) -> None:
    people = [row.value.id for row in await registry.list(PEOPLE, DISTRICT)][:2]
    while len(people) < 2:
        people.append((await registry.add(PEOPLE, DISTRICT, person(consent=OLD))).value.id)
    await pool.execute("DELETE FROM trail")
    all_of_them = [Fix(people[who], second(n), device) for who, device, n in fixes]
    edges = sorted({0, *(min(cut, len(fixes)) for cut in cuts), len(fixes)})
    batches = [batch_of(all_of_them[a:b]) for a, b in pairwise(edges) if b > a]
    new = 0
    for group in ([batches] if batches else []) + [[batches[n]] for n in again if n < len(batches)]:
        new += (await trail.keep(group)).new
    expected = {(fix.person, fix.at, device_mark(fix.device)) for fix in all_of_them}
    assert set(await rows(pool)) == expected
    assert new == len(expected) == len(await rows(pool))


async def test_what_came_twice_is_counted_and_not_kept_again(trail: Trail, pool: Pool, child: str) -> None:
    batch = batch_of([Fix(child, second(n)) for n in range(5)])
    first = await trail.keep([batch])
    again = await trail.keep([batch, batch_of([Fix(child, second(9))])])
    assert (first.new, first.known, again.new, again.known) == (5, 0, 1, 5)


@pytest.mark.parametrize(
    "consent",
    [
        None,
        Consent("Kim Minji", AT, ("sos",)),
        Consent("Kim Minji", datetime(2100, 1, 1, tzinfo=AT.tzinfo), ("position",)),
        Consent("Kim Minji", AT - timedelta(days=9), ("position",), AT - timedelta(days=8)),
        Consent("Kim Minji", AT - timedelta(days=9), ("position",), paused=True),
    ],
    ids=["none", "for something else", "not yet", "over", "paused"],
)
async def test_positions_without_a_valid_consent_are_not_kept(
    trail: Trail, pool: Pool, registry: Registry, child: str, consent: Consent | None
) -> None:
    other = (await registry.add(PEOPLE, DISTRICT, person())).value.id
    stands = None if consent is None else msgspec.json.encode(consent).decode()
    await pool.execute("UPDATE people SET consent = $2 WHERE id = $1", other, stands)
    kept = await trail.keep([batch_of([Fix(other, AT), Fix(child, AT), Fix(new_id(), AT)])])
    assert (kept.new, kept.unconsented, kept.persons) == (1, 2, {child})
    assert [row[0] for row in await rows(pool)] == [child]


async def test_midnight_falls_between_two_days(trail: Trail, pool: Pool, child: str) -> None:
    midnight = datetime(2026, 11, 23, tzinfo=AT.tzinfo)
    await trail.keep([batch_of([Fix(child, midnight + timedelta(microseconds=n)) for n in (-1, 0)])])
    found = await pool.fetch("SELECT tableoid::regclass::text AS day, at FROM trail ORDER BY at")
    assert [row["day"] for row in found] == ["trail_20261122", "trail_20261123"]


async def test_a_fix_of_a_day_that_is_gone_or_far_ahead_is_counted_and_the_others_are_kept(
    trail: Trail, pool: Pool, child: str
) -> None:
    days = [-31, -30, 0, 2, 3, 4000]
    kept = await trail.keep([batch_of([Fix(child, AT + timedelta(days=n)) for n in days])])
    assert (kept.new, kept.outside) == (3, 3)
    assert [row[1] for row in await rows(pool)] == [AT + timedelta(days=n) for n in (-30, 0, 2)]


async def test_a_day_that_was_dropped_meanwhile_is_made_again(trail: Trail, pool: Pool, child: str) -> None:
    late = batch_of([Fix(child, AT - timedelta(days=20))])
    await trail.keep([late])
    assert name_of(date(2026, 11, 2)) in await drop_days(pool, date(2026, 11, 10))
    with pytest.raises(TransientError, match="A day of the trail has gone"):
        await trail.keep([late])
    assert (await trail.keep([late])).new == 1


async def test_the_days_to_come_are_made_and_the_oldest_dropped(pool: Pool) -> None:
    window = window_at(AT, 30)
    assert [day.day for day in window.newest_days()] == [22, 23, 24]
    await make_days(pool, [date(2026, 10, 22), date(2026, 10, 23), *window.newest_days()])
    await drop_days(pool, window.oldest)
    there = await made_days(pool)
    assert "trail_20261022" not in there
    assert there >= {"trail_20261023", "trail_20261122", "trail_20261123", "trail_20261124"}


async def test_two_make_the_same_days_and_neither_waits_for_a_reader(pool: Pool) -> None:
    days = [date(2030, 1, n) for n in range(1, 6)]
    async with pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT count(*) FROM trail")
        made = await asyncio.gather(make_days(pool, days), make_days(pool, days))
    assert all({name_of(day) for day in days} <= there for there in made)
    await drop_days(pool, date(2026, 11, 22))
    await pool.execute("".join(f"DROP TABLE {name_of(day)};" for day in days))


def _broken(batch: PositionBatch) -> list[tuple[str, PositionBatch]]:
    replace = msgspec.structs.replace
    return [
        ("different lengths", replace(batch, lat=batch.lat[:1])),
        ("beyond its table", replace(batch, person=np.array([0, 7], np.int32))),
        ("beyond its table", replace(batch, device=np.array([-1, 0], np.int32))),
        ("has no place", replace(batch, lon=np.array([np.nan, 1]))),
        ("no id of a person", replace(batch, persons=("Kim",))),
    ]


@pytest.mark.parametrize("case", range(5))
async def test_a_batch_that_no_gateway_made_is_refused_in_words(trail: Trail, child: str, case: int) -> None:
    words, batch = _broken(batch_of([Fix(child, AT), Fix(child, second(1))]))[case]
    with pytest.raises(PermanentError, match=words):
        await trail.keep([batch])


async def test_a_postgresql_that_is_away_is_transient(unused_tcp_port: int) -> None:
    pool = await open_pool(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none")
    with pytest.raises(TransientError):
        await Trail(pool, 30).keep([batch_of([Fix(new_id(), AT)])])
    await pool.close()
