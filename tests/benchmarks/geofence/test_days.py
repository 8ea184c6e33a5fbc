"""The truth is exact, and anybody can make it again."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.geofence.days import INDOORS, MINUTES, Circle, Days, Truth
from sample_feeds.district.map import District, read
from sample_feeds.people import RESIDENTS, Town

SEED = 5
PEOPLE = [r for r in RESIDENTS if r.life in ("pupil", "elder")]
NUMBERS = range(2 * len(PEOPLE))


@pytest.fixture(scope="module")
def district() -> District:
    return read()


@pytest.fixture(scope="module")
def days(district: District) -> Days:
    return Truth(district, SEED).days(NUMBERS)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(district: District, days: Days) -> None:
    again, other = Truth(district, SEED).days(NUMBERS), Truth(district, SEED + 1).days(NUMBERS)
    for name in ("at", "x", "y", "speed", "surroundings", "beyond"):
        assert getattr(again, name).tobytes() == getattr(days, name).tobytes(), name
    assert again.leaves == days.leaves
    assert other.x.tobytes() != days.x.tobytes()


def test_a_day_does_not_depend_on_the_others_it_is_made_with(district: District, days: Days) -> None:
    alone = Truth(district, SEED).days([7])
    assert (alone.x[0] == days.x[7]).all()
    assert [(leave.left_s, leave.returned_s) for leave in alone.leaves] == [
        (leave.left_s, leave.returned_s) for leave in days.leaves if leave.device == 7
    ]


def test_people_are_where_the_sample_district_has_them(district: District, days: Days) -> None:
    town = Town(district, SEED)
    for row in range(len(PEOPLE)):  # the first day of everybody has the circle, and nobody wanders
        assert isinstance(days.zones[row], Circle)
        for minute in range(0, MINUTES, 7):
            moment = town.at(PEOPLE[row], date(2026, 3, 2), float(days.at[row, minute]))
            assert math.dist((moment.x, moment.y), (days.x[row, minute], days.y[row, minute])) < 1e-6
            assert days.speed[row, minute] == pytest.approx(moment.speed)


@given(row=st.sampled_from(NUMBERS), minute=st.integers(0, MINUTES - 1))
@settings(max_examples=300)
def test_a_minute_is_outside_exactly_when_a_leave_covers_it(days: Days, row: int, minute: int) -> None:
    at = float(days.at[row, minute])
    covering = [x for x in days.leaves if x.device == row and x.left_s <= at < x.returned_s]
    assert len(covering) == (days.beyond[row, minute] > 0)
    assert all(days.beyond[row, minute] <= leave.furthest_m for leave in covering)


def test_a_leave_begins_and_ends_on_the_drawn_edge(district: District, days: Days) -> None:
    town = Town(district, SEED)
    checked = 0
    for leave in days.leaves:
        zone, day = days.zones[leave.device], date(2026, 3, 2) + timedelta(days=leave.device // len(PEOPLE))
        if not isinstance(zone, Circle):
            continue
        for second, further in ((leave.left_s, 1), (leave.returned_s, -1)):
            before, after = (town.at(PEOPLE[leave.device], day, second + k) for k in (-0.2, 0.2))
            far = [math.dist((zone.x, zone.y), (m.x, m.y)) - zone.radius for m in (before, after)]
            assert far[0] * further < 0 < far[1] * further
            assert max(map(abs, far)) < 0.5
            checked += 1
    assert checked > 20


def test_people_really_leave_both_kinds_of_zones_and_lie_indoors_at_night(district: District) -> None:
    days = Truth(district, SEED).days(range(8 * len(PEOPLE)))
    left = {isinstance(days.zones[leave.device], Circle) for leave in days.leaves if leave.furthest_m > 20}
    assert left == {True, False}
    night = slice(0, 6 * 60)
    assert (days.speed[:, night] == 0).all()
    assert (days.surroundings[:, night] == INDOORS).all()
    assert (days.beyond[:, night] == 0).all()
    assert set(np.unique(days.surroundings)) == {0, 1, 2}
