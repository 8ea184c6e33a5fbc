"""Stays along a trail, and the places they make."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.geo import LocalPlane, Point, distance_m
from haechi.domain.habits import HabitRule, Place, Stay, UsualPlace, places, proposals, stays
from haechi.domain.time import micros_of

HOME = Point(126.9227, 37.6186)
PLANE = LocalPlane(HOME)
SEOUL = ZoneInfo("Asia/Seoul")
AT = datetime(2026, 11, 1, 15, tzinfo=UTC)  # midnight in Seoul
RULE = HabitRule()
Fix = tuple[float, float]  # minute, metres east


def found(fixes: list[Fix], accuracy: float = 10, rule: HabitRule = RULE) -> list[Stay]:
    at = np.array([micros_of(AT + timedelta(minutes=minute)) for minute, _ in fixes], np.int64)
    lon, lat = PLANE.to_degrees(np.array([float(east) for _, east in fixes]), np.zeros(len(fixes)))
    return stays(at, lon, lat, np.full(len(fixes), accuracy), rule)


def still(start: int, end: int, east: float = 0, every: int = 5) -> list[Fix]:
    return [(minute, east + minute % 7) for minute in range(start, end, every)]


def walk(start: int, end: int, metres_a_minute: float = 80) -> list[Fix]:
    return [(minute, 1000 + metres_a_minute * (minute - start)) for minute in range(start, end)]


@pytest.mark.parametrize(
    ("why", "fixes", "expected"),
    [
        ("half an hour in one place", still(0, 60), 1),
        ("twenty minutes are too short", still(0, 21), 0),
        ("a walk is no stay", walk(0, 120), 0),
        ("two places", still(0, 60) + still(60, 120, east=2000), 2),
        ("a phone that sleeps at night and wakes where it was", [*still(0, 10), *still(480, 500)], 1),
        ("two days without a word are not a stay", [*still(0, 30), *still(2880, 2910)], 2),
        ("nothing", [], 0),
        ("one fix", [(0, 0)], 0),
    ],
)
def test_stays(why: str, fixes: list[Fix], expected: int) -> None:
    assert len(found(fixes)) == expected, why


def test_fixes_that_may_be_anywhere_make_no_stay() -> None:
    assert found(still(0, 60), accuracy=500) == []
    assert len(found(still(0, 60), accuracy=float("nan"))) == 1


def test_a_place_is_where_somebody_is_on_several_days_with_its_hours() -> None:
    fixes: list[Fix] = []
    for day in range(5):
        start = day * 1440
        fixes += still(start, start + 8 * 60)  # at home until eight
        fixes += still(start + 9 * 60, start + 15 * 60, east=2000)  # at school
        if day == 2:
            fixes += still(start + 16 * 60, start + 18 * 60, east=5000)  # once at a friend's
    home, school = sorted(places(found(fixes), SEOUL, RULE), key=lambda place: place.point.lon)
    assert (home.days, home.hours) == (5, tuple(range(8)))
    assert (school.days, school.hours) == (5, tuple(range(9, 15)))
    assert distance_m(home.point, HOME) < 20
    assert 75 <= home.radius_m <= 250


def test_whoever_never_goes_out_is_usually_at_home() -> None:
    """A week at home is one stay."""
    [home] = places(found(still(0, 7 * 1440, every=30)), SEOUL, RULE)
    assert (home.days, home.hours) == (7, tuple(range(24)))
    assert distance_m(home.point, HOME) < 20
    assert places(found(still(600, 600 + 1440, every=30)), SEOUL, RULE) == [], "one night away is not usual"


def test_a_chain_of_single_stays_is_no_place() -> None:
    chain = [
        Stay(micros_of(AT) + i * 86_400_000_000, micros_of(AT) + i * 86_400_000_000 + 1, point(i * 120))
        for i in range(9)
    ]
    for place in places(chain, SEOUL, msgspec.structs.replace(RULE, days=4)):
        assert place.days < 9


def point(east: float) -> Point:
    lon, lat = PLANE.to_degrees(np.array([east]), np.zeros(1))
    return Point(float(lon[0]), float(lat[0]))


def place(east: float) -> Place:
    return Place(point(east), 100, 5, (1,), AT)


def kept(n: int, east: float, state: str) -> UsualPlace:
    return UsualPlace(f"id{n}", "haneul", "p1", n, point(east), 100, 4, (), state, AT)  # type: ignore[arg-type]


def test_what_was_decided_is_not_proposed_again_and_the_same_place_keeps_its_number() -> None:
    before = [kept(1, 0, "accepted"), kept(2, 1000, "declined"), kept(3, 2000, "proposed"), kept(4, 3000, "proposed")]
    what = proposals(before, [place(20), place(1020), place(2020), place(9000)])
    assert [one.point for one in what.new] == [point(9000)]
    assert [(one.n, found.point) for one, found in what.again] == [(3, point(2020))]
    assert [one.n for one in what.gone] == [4]


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(-400, 400)), max_size=120))
def test_stays_are_in_order_apart_and_long_enough(rows: list[tuple[int, int]]) -> None:
    fixes = [(float(minute), float(east)) for minute, east in sorted(rows)]
    got = found(fixes)
    assert all(one.end - one.start >= RULE.stay_s * 1e6 for one in got)
    assert all(one.end <= other.start for one, other in pairwise(got))


@given(st.integers(0, 50), st.integers(1, 200))
def test_a_long_stay_is_found_whole_however_many_fixes_it_has(start: int, count: int) -> None:
    fixes: list[Fix] = [*walk(0, start), *[(start + 30.0 * i, 0.0) for i in range(count + 1)]]
    (stay,) = [one for one in found(fixes) if distance_m(one.point, HOME) < 100]
    assert stay.end - stay.start == 30 * count * 60_000_000
