"""Who walks where is a pure function of time."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_feeds.district import map as district_map
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.people import IDENTITIES
from sample_feeds.scenes.story import RUN, Step, Walk, along, before, passers, route

WALK = Walk("eunsol", 2.0, (Step(0, 0), Step(0, 13, wait=3.0), Step(13, 13)))


def test_nobody_is_there_before_the_first_step_or_after_the_last() -> None:
    assert WALK.at(1.99) is None
    assert WALK.at(WALK.ends) is None


def test_a_walker_keeps_to_speed_stands_and_turns() -> None:
    speed = WALK.person.speed
    assert WALK.ends == pytest.approx(2 + 26 / speed + 3)
    north, standing, east = WALK.at(3.0), WALK.at(2 + 13 / speed + 1), WALK.at(WALK.ends - 1)
    assert (north.x, north.y, north.bearing, north.gait) == (0, pytest.approx(speed), 0, "walk")
    assert (standing.x, standing.y, standing.gait) == (0, 13, "stand")
    assert east.bearing == pytest.approx(90)


@given(st.floats(0, 40), st.floats(0.01, 0.5))
def test_nobody_jumps(start, step) -> None:
    a, b = WALK.at(2 + start % 20), WALK.at(2 + start % 20 + step)
    if a and b:
        assert math.dist((a.x, a.y), (b.x, b.y)) <= WALK.person.speed * step + 1e-9


def test_a_rounded_way_keeps_its_ends_and_has_no_long_gaps() -> None:
    steps = along([(0, 0), (30, 0), (30, 30)])
    assert (steps[0].x, steps[0].y, steps[-1].x, steps[-1].y) == (0, 0, 30, 30)
    assert max(math.dist((a.x, a.y), (b.x, b.y)) for a, b in itertools.pairwise(steps)) <= 1.51


def test_a_route_follows_footways() -> None:
    from shapely import LineString, union_all

    district = district_map.read()
    points = route(district, (-72, 40), (-12, -219))
    assert union_all([w.line for w in district.ways]).buffer(0.01).contains(LineString(points))


def test_passers_come_back_every_period_and_never_meet_themselves() -> None:
    ways = [((-90.0, -62.0), (-40.0, -62.0)), ((-48.0, -100.0), (-48.0, -50.0))]
    people = [p.id for p in IDENTITIES]
    walks = passers(CAMERAS[1], ways, people, 5, 60.0)
    assert walks == passers(CAMERAS[1], ways, people, 5, 60.0)
    assert walks != passers(CAMERAS[1], ways, people, 6, 60.0)
    assert len({w.identity for w in walks}) == len(walks) > 3
    assert all(w.lasts < 60 for w in walks)


def test_only_the_part_before_the_camera_is_kept_at_its_own_time() -> None:
    camera = CAMERAS[1]
    forward = camera.axes[2, :2] / math.hypot(*camera.axes[2, :2])
    start, end = camera.position[:2] - forward * 60, camera.position[:2] + forward * 40
    whole = Walk("eunsol", 7.0, along([tuple(start), tuple(end)]))
    part = before(camera, whole)
    assert part.start > whole.start + 40
    now = part.start + 3
    assert (part.at(now).x, part.at(now).y) == pytest.approx((whole.at(now).x, whole.at(now).y), abs=1e-2)
    assert before(camera, Walk("eunsol", 0.0, along([tuple(start), tuple(start - forward * 20)]))) is None


def test_who_runs_is_faster() -> None:
    walk, run = (Walk("miru", 0, (Step(0, 0), Step(30, 0, gait))) for gait in ("walk", "run"))
    assert walk.ends == pytest.approx(run.ends * RUN)
