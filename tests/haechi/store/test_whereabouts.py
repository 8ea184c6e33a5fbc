"""Where a person is and was, at the edges: of a span, of how far back one looks, between Redis and the trail."""

import math
from datetime import datetime, timedelta

import pytest

from haechi.domain.people import Consent
from haechi.domain.retention import Retention
from haechi.domain.time import micros_of
from haechi.ids import device_mark
from haechi.store.audit import Look
from haechi.store.live import LastFix, Live
from haechi.store.postgres import Pool
from haechi.store.registry import DEVICES, PEOPLE, Registry
from haechi.store.trail import Trail
from haechi.store.whereabouts import Cursor, Span, Whereabouts
from tests.haechi.store.conftest import AT, DISTRICT, device, person
from tests.positions import Fix, batch_of

DAYS = 2


@pytest.fixture
def places(pool: Pool, live: Live) -> Whereabouts:
    return Whereabouts(pool, live, Retention(DAYS))


@pytest.fixture
async def child(registry: Registry) -> str:
    consent = Consent("Kim Minji", AT - timedelta(days=400), ("position",))
    return (await registry.add(PEOPLE, DISTRICT, person(consent=consent))).value.id


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def look(person: str) -> Look:
    return Look(person, DISTRICT, "Park", "dispatcher", "a test", "asked in a test")


async def went(pool: Pool, *fixes: Fix) -> None:
    assert (await Trail(pool, 30, lambda: AT).keep([batch_of(fixes)])).new == len(fixes)


def last(device: str, at: datetime, received: datetime | None = None) -> LastFix:
    return LastFix(device, micros_of(at), micros_of(received or at), 127.5, 37.5, 5.0, math.nan, math.nan, math.nan)


async def test_a_span_has_its_start_and_not_its_end(places: Whereabouts, pool: Pool, child: str) -> None:
    await went(pool, *(Fix(child, later(second)) for second in (-1, 0, 9, 10)))
    found, more = await places.trail(Span(later(0), later(10), 100), look(child))
    assert ([one.at for one in found], more) == ([later(0), later(9)], None)


async def test_a_page_that_is_just_full_is_followed_by_an_empty_one(
    places: Whereabouts, pool: Pool, child: str
) -> None:
    await went(pool, *(Fix(child, later(second)) for second in (0, 1)))
    full, more = await places.trail(Span(later(0), later(10), 2), look(child))
    assert more == Cursor(later(1), device_mark("watch"))
    assert len(full) == 2
    assert await places.trail(Span(later(0), later(10), 2, more), look(child)) == ([], None)


async def test_two_devices_in_one_instant_are_parted_by_no_page(places: Whereabouts, pool: Pool, child: str) -> None:
    await went(pool, *(Fix(child, later(0), device, lon=lon) for device, lon in (("watch", 126), ("phone", 127))))
    seen, after = [], None
    for _ in range(2):
        page, after = await places.trail(Span(later(0), later(1), 1, after), look(child))
        seen += [one.point.lon for one in page]
    assert sorted(seen) == [126, 127]


@pytest.mark.parametrize(("ago", "found"), [(timedelta(days=DAYS), True), (timedelta(days=DAYS, seconds=1), False)])
async def test_the_last_position_is_looked_for_as_far_back_as_was_said(
    places: Whereabouts, pool: Pool, child: str, ago: timedelta, found: bool
) -> None:
    await went(pool, Fix(child, AT - ago))
    position, is_live = await places.last(look(child), AT)
    assert (position is not None, is_live) == (found, False)


@pytest.mark.parametrize(
    ("at", "received", "is_live"),
    [
        (0, 0, True),  # the same fix in both
        (1, 1, True),
        (-1, -1, False),  # Redis has lost the newest
        (500, -1, False),  # by a clock that is ahead: it came before what the trail has
        (500, 1, True),
    ],
)
async def test_the_newer_of_the_live_position_and_the_trails_is_shown(
    places: Whereabouts, pool: Pool, live: Live, child: str, at: float, received: float, is_live: bool
) -> None:
    await went(pool, Fix(child, later(0)))
    await live.put_positions({child: last("watch", later(at), later(received))})
    position, shown_live = await places.last(look(child), later(1000))
    assert position is not None
    assert shown_live is is_live
    assert position.point.lon == (127.5 if is_live else 126.92)


async def test_while_redis_is_away_the_trails_is_shown(pool: Pool, child: str, unused_tcp_port: int) -> None:
    away = Live(f"redis://127.0.0.1:{unused_tcp_port}")
    await went(pool, Fix(child, later(0)))
    position, is_live = await Whereabouts(pool, away, Retention(DAYS)).last(look(child), later(10))
    assert position is not None
    assert (position.at, is_live) == (later(0), False)
    await away.close()


async def test_a_device_is_named_by_its_front_also_after_it_was_removed_and_an_unknown_one_not_at_all(
    places: Whereabouts, pool: Pool, registry: Registry, live: Live, child: str
) -> None:
    watch = (await registry.add(DEVICES, DISTRICT, device(child))).value.id
    await registry.remove(DEVICES, DISTRICT, watch)
    await went(pool, Fix(child, later(0), watch), Fix(child, later(1), "nobody's, not of this person"))
    found, _ = await places.trail(Span(later(0), later(10), 100), look(child))
    assert [(one.device, one.device_kind) for one in found] == [(f"{watch[:6]}…", "watch"), (None, None)]
    for named, expected in ((watch, (f"{watch[:6]}…", "watch")), ("another", (None, None))):
        await live.put_positions({child: last(named, later(20 if named == watch else 30))})
        position, _ = await places.last(look(child), later(40))
        assert position is not None
        assert (position.device, position.device_kind) == expected


async def test_what_allows_a_look_is_what_postgresql_says_at_this_moment(
    places: Whereabouts, pool: Pool, child: str
) -> None:
    assert (await places.standing(child, DISTRICT, AT)).consented
    assert not (await places.standing(child, DISTRICT, AT - timedelta(days=401))).consented
    await pool.execute("UPDATE people SET deleted_at = clock_timestamp()")
    assert not (await places.standing(child, DISTRICT, AT)).consented, "somebody who was removed consents to nothing"
