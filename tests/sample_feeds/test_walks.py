import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_feeds.district.map import read
from sample_feeds.walks import Footways, Walk

WALK = Walk(100.0, ((0.0, 0.0), (30.0, 0.0), (30.0, 40.0)), 1.4)


def test_a_walker_stands_at_the_start_before_and_at_the_goal_after() -> None:
    assert (WALK.at(0).x, WALK.at(0).y, WALK.at(0).speed) == (0.0, 0.0, 0.0)
    after = WALK.at(WALK.ends + 1)
    assert (after.x, after.y, after.speed) == (30.0, 40.0, 0.0)


def test_a_walker_looks_where_they_go() -> None:
    assert WALK.at(101).course == pytest.approx(90)
    assert WALK.at(WALK.ends - 1).course == pytest.approx(0)


@given(st.floats(0, 200), st.floats(0.1, 10))
def test_nobody_walks_faster_than_their_pace(now: float, later: float) -> None:
    a, b = WALK.at(now), WALK.at(now + later)
    assert math.dist((a.x, a.y), (b.x, b.y)) <= later * WALK.speed + 1e-6


@given(st.floats(90, 180), st.floats(0, 60))
def test_who_turns_round_passes_the_same_places(turn: float, later: float) -> None:
    back = WALK.back(turn)
    there, here = WALK.at(turn - later), back.at(turn + later)
    if turn - later >= WALK.begins and turn <= WALK.ends:
        assert math.dist((there.x, there.y), (here.x, here.y)) < 1e-6
    end = back.at(back.ends + 1)
    assert (end.x, end.y) == (0.0, 0.0)


def test_the_shortest_way_is_no_longer_than_one_over_a_third_place() -> None:
    ways = Footways(read())

    def length(*stops: tuple[float, float]) -> float:
        return sum(Walk(0, ways.way(a, b), 1).length for a, b in pairwise(stops))

    school, market, park = ways.node(-79, -34), ways.node(-22, 165), ways.node(58, -142)
    assert length(school, park) <= length(school, market, park)
    assert length(school, park) >= math.dist(school, park)
    assert length(school, park) == pytest.approx(length(park, school))
