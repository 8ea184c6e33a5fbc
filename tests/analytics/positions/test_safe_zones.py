"""Leaving and coming back, fix by fix."""

from datetime import time, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions.safe_zones import Rule
from haechi.domain.geo import Circle, Point, Polygon
from haechi.domain.people import SafeZone
from haechi.domain.schedule import DAYS, Window
from tests.analytics.positions.build import (
    AT,
    HOME,
    PLANE,
    Fix,
    Registry,
    batch,
    circle,
    fix,
    run,
    state_of,
    tick,
    told,
)

SCHOOL_HOURS = (Window("Asia/Seoul", DAYS[:5], time(9, 30), time(15, 0)),)


def test_two_fixes_outside_raise_once_and_a_fix_inside_clears_the_same_alert() -> None:
    alerts = run(state_of(circle()), *([fix(m, x)] for m, x in enumerate([0, 200, 210, 220, 230, 0, 5])))
    assert told(alerts) == [("raise", "home"), ("clear", "home")]
    assert alerts[0].id == alerts[1].id
    assert alerts[0].starts_at == AT + timedelta(minutes=2)
    assert alerts[1].ends_at == AT + timedelta(minutes=5)
    assert len(alerts[0].because.fixes) == 3


def test_one_jump_outside_says_nothing() -> None:
    assert run(state_of(circle()), *([fix(m, x)] for m, x in enumerate([0, 500, 0, 500, 0]))) == []


def test_a_fix_that_may_be_wrong_by_more_than_its_distance_decides_nothing() -> None:
    assert run(state_of(circle()), *([fix(m, 250, accuracy=140)] for m in range(9))) == []


def test_a_fix_without_accuracy_is_taken_as_thirty_metres() -> None:
    nan = float("nan")
    for first, second, expected in ((149, 211, []), (151, 209, []), (151, 211, [("raise", "home")])):
        ways = ([fix(m, x, accuracy=nan)] for m, x in enumerate((first, second)))
        assert told(run(state_of(circle()), *ways)) == expected


PATIENT = Rule(buffer_m=20, confirmations=2, votes=8, dwell_s=600)


def test_a_jump_that_no_speed_explains_needs_patience() -> None:
    jumped = [[fix(m, x, 2, speed=0.1)] for m, x in enumerate([0, 0, *[180] * 12])]
    (raised,) = run(state_of(circle(), rule=PATIENT), *jumped)
    assert raised.starts_at == AT + timedelta(minutes=12)  # ten minutes after the first fix outside
    assert run(state_of(circle(), rule=PATIENT), *jumped[:11], [fix(11, 0, speed=0.1)]) == []


def test_who_walked_out_by_the_speeds_that_are_reported_is_told_of_without_patience() -> None:
    ways = [[fix(m, x, speed=1.3)] for m, x in enumerate([0, 70, 140, 210])]
    (raised,) = run(state_of(circle(), rule=PATIENT), *ways)
    assert raised.starts_at == AT + timedelta(minutes=3)


def test_three_fixes_outside_are_not_enough_and_the_fourth_is() -> None:
    ways = [
        [fix(m / 2, 60 + 39 * m, speed=1.3)] for m in range(7)
    ]  # 39 m in half a minute: beyond 125 m from the third on
    state = state_of(circle(), rule=Rule())
    assert run(state, *ways[:5]) == []
    (raised,) = run(state, *ways[5:], start=5)
    assert raised.starts_at == AT + timedelta(minutes=2.5)


def test_who_is_mostly_at_the_edge_has_not_left_for_a_fix_outside_now_and_then() -> None:
    """Four of the newest eight must say so, and what is neither outside nor inside is one of the eight."""
    assert (
        run(state_of(circle(), rule=Rule()), *([fix(m, x)] for m, x in enumerate([0, *[140, 110, 112, 111] * 8]))) == []
    )
    often = run(state_of(circle(), rule=Rule()), *([fix(m, x)] for m, x in enumerate([0, *[140, 110] * 16])))
    assert told(often) == [("raise", "home")]


def test_a_fix_at_the_edge_tells_of_no_leave_though_those_before_it_were_outside() -> None:
    short = [(0, 0), (1, 400), (2, 400), (3, 400), (4, 400), (12, 110), (13, 110)]
    assert run(state_of(circle(), rule=Rule()), *([fix(m, x)] for m, x in short)) == []
    assert told(run(state_of(circle(), rule=Rule()), *([fix(m, x)] for m, x in [*short, (14, 400)]))) == [
        ("raise", "home")
    ]


def test_a_speed_too_small_for_the_distance_explains_nothing() -> None:
    ways = [(0, 0, 1.3), (1, 500, 1.3), (2, 502, 0.1), (3, 500, 0.1), (4, 501, 0.1)]
    assert run(state_of(circle(), rule=PATIENT), *([fix(m, x, speed=v)] for m, x, v in ways)) == []


def test_the_alert_says_since_when_and_whether_they_walked_and_shows_the_first_fix_outside() -> None:
    (raised,) = run(state_of(circle(), rule=Rule()), *([fix(m, 0 if m < 2 else 300)] for m in range(13)))
    values = dict(raised.because.values)
    assert (values["outside_since_at"], values["walked"]) == ((AT + timedelta(minutes=2)).timestamp(), 0)
    assert [one.at for one in raised.because.fixes] == [AT + timedelta(minutes=m) for m in (2, 9, 10, 11, 12)]
    (walked,) = run(state_of(circle(), rule=Rule()), *([fix(m / 2, 60 + 39 * m, speed=1.3)] for m in range(7)))
    assert dict(walked.because.values)["walked"] == 1
    assert len({one.at for one in walked.because.fixes}) == len(walked.because.fixes) == 4


def test_the_speed_of_a_fix_that_decides_nothing_explains_nothing() -> None:
    """A jump of 20 km that claims 5 m/s is not believed, and neither is its speed: the wearer stands still."""
    ways = [(0, 0, 0.1), (1, 20_000, 5), *((m, 200, 0.1) for m in range(2, 7))]
    assert run(state_of(circle(), rule=Rule()), *([fix(m, x, 2, speed=v)] for m, x, v in ways)) == []


def test_who_walked_just_beyond_the_edge_and_stands_there_is_told_of_without_patience() -> None:
    """The fix that shows the walk is not yet beyond the buffer; those beyond it show somebody who stands."""
    ways = [(0, 20, 1.3), (1, 115, 1.5), *((m, 132, 0.1) for m in range(2, 7))]
    (raised,) = run(state_of(circle(), rule=Rule()), *([fix(m, x, speed=v)] for m, x, v in ways))
    assert raised.starts_at == AT + timedelta(minutes=5)
    assert dict(raised.because.values)["walked"] == 1


def test_standing_inside_takes_back_the_walk_and_the_votes() -> None:
    back = [(0, 0, 1.3), (1, 130, 1.6), (2, 20, 1.6)]
    stands, jumps = [(3, 20, 0.0)], [(m, 180, 0.1) for m in (4, 5)]
    assert run(state_of(circle(), rule=PATIENT), *([fix(m, x, speed=v)] for m, x, v in (*back, *stands, *jumps))) == []
    assert run(state_of(circle(), rule=PATIENT), *([fix(m, x, speed=v)] for m, x, v in (*back, *jumps))) != []


def test_who_came_back_is_not_told_of_again_by_one_fix() -> None:
    """The return that ends an alarm takes back its votes, also while they are still walking."""
    ways = [*enumerate((0, 70, 140, 210, 140, 70, 0)), (7, 180)]
    alerts = run(state_of(circle(), rule=PATIENT), *([fix(m, x, speed=1.3)] for m, x in ways))
    assert told(alerts) == [("raise", "home"), ("clear", "home")]


def test_a_coarse_fix_says_nothing_of_having_left() -> None:
    assert run(state_of(circle()), *([fix(m, 2000, accuracy=101)] for m in range(9))) == []
    assert told(run(state_of(circle()), *([fix(m, 2000, accuracy=100)] for m in range(2)))) == [("raise", "home")]


def test_a_fix_in_the_buffer_neither_leaves_nor_returns() -> None:
    xs = [0, 200, 210, 115, 116, 117]
    assert told(run(state_of(circle()), *([fix(m, x)] for m, x in enumerate(xs)))) == [("raise", "home")]


def test_a_zone_smaller_than_the_accuracy_is_never_entered() -> None:
    xs = [200, 210, 0, 0]
    alerts = run(state_of(circle(30)), *([fix(m, x, accuracy=50)] for m, x in enumerate(xs)))
    assert told(alerts) == [("raise", "home")]


def test_already_outside_at_the_first_fix_is_raised() -> None:
    assert told(run(state_of(circle()), [fix(0, 400)], [fix(1, 400)])) == [("raise", "home")]


def test_outside_the_schedule_nothing_is_raised_and_its_start_raises_for_who_is_already_outside() -> None:
    state = state_of(circle(schedule=SCHOOL_HOURS))
    assert run(state, [fix(0, 400)], [fix(1, 400)]) == []
    assert run(state, tick(29), start=2) == []
    alerts = run(state, tick(30), start=3)
    assert told(alerts) == [("raise", "home")]
    assert dict(alerts[0].because.values)["fix_age_s"] == 29 * 60


def test_the_end_of_the_schedule_clears() -> None:
    state = state_of(circle(schedule=SCHOOL_HOURS))
    assert told(run(state, [fix(40, 400)], [fix(41, 400)])) == [("raise", "home")]
    later = tick(6 * 60)
    (cleared,) = run(state, later, start=2)
    assert told([cleared]) == [("clear", "home")]
    assert cleared.moot, "nobody knows that they are back"


def test_an_open_alarm_is_remembered_however_long_nothing_is_heard() -> None:
    month = 31 * 24 * 60
    state = state_of(circle())
    (raised,) = run(state, [fix(0, 400)], [fix(1, 400)])
    run(state, tick(2), tick(month), start=2)
    alerts = run(state, [fix(month + 1, 0)], start=4)
    assert [(one.action, one.id) for one in alerts if one.kind == "zone-exit"] == [("clear", raised.id)]


def test_of_fixes_in_the_future_that_come_together_the_latest_by_its_clock_decides() -> None:
    together = [[fix(600 + m, 0, received=m), fix(601 + m, 400, received=m)] for m in range(1, 4)]
    assert told(run(state_of(circle()), *together)) == [("raise", "home")]


def test_late_fixes_never_decide() -> None:
    assert run(state_of(circle()), [fix(10, 0)], [fix(1, 400)], [fix(2, 400)], [fix(3, 400)]) == []


def test_a_backlog_in_one_batch_newest_first_is_decided_in_event_time() -> None:
    backlog = [fix(m, x) for m, x in reversed(list(enumerate([0, 200, 210, 0])))]
    assert told(run(state_of(circle()), backlog)) == [("raise", "home"), ("clear", "home")]


def test_a_polygon_with_a_hole_is_left_by_stepping_into_the_hole() -> None:
    def ring(half: float) -> tuple[Point, ...]:
        x = np.array([-half, half, half, -half, -half])
        y = np.array([-half, -half, half, half, -half])
        lon, lat = PLANE.to_degrees(x, y)
        return tuple(Point(float(a), float(b)) for a, b in zip(lon, lat, strict=True))

    zone = SafeZone("home", "haneul", "p1", "home", Polygon((ring(300), ring(100))), ())
    assert told(run(state_of(zone), [fix(0, 200)], [fix(1, 0)], [fix(2, 0)])) == [("raise", "home")]


def test_a_district_zone_holds_for_everyone() -> None:
    zone = SafeZone("all", "haneul", None, "all", Circle(HOME, 100), ())
    fixes = [fix(m, 400, device=d, person=p) for m in range(2) for d, p in (("d1", "p1"), ("d2", "p2"))]
    alerts = run(state_of(zone), fixes)
    assert sorted(a.subject for a in alerts) == ["p1", "p2"]


def test_a_changed_zone_keeps_the_open_episode_and_asks_the_next_fix() -> None:
    registry = Registry(circle())
    state = state_of(registry=registry)
    assert told(run(state, [fix(0, 400)], [fix(1, 400)])) == [("raise", "home")]
    registry.change(circle(800, version=2))
    assert told(run(state, [fix(2, 400)], start=2)) == [("clear", "home")]


def test_a_removed_zone_clears_its_open_episode() -> None:
    registry = Registry(circle())
    state = state_of(registry=registry)
    (raised,) = run(state, [fix(0, 400)], [fix(1, 400)])
    registry.change()
    (cleared,) = run(state, tick(2), start=2)
    assert (cleared.action, cleared.id, cleared.moot) == ("clear", raised.id, True)
    assert run(state, [fix(2, 400)], start=3) == []


def test_many_devices_grow_the_table_and_keep_their_own_state() -> None:
    zones = [SafeZone(f"z{i}", "haneul", f"p{i}", f"z{i}", Circle(HOME, 100), ()) for i in range(300)]
    fixes = [fix(m, 400 if i % 3 == 0 else 0, device=f"d{i}", person=f"p{i}") for m in range(3) for i in range(300)]
    alerts = run(state_of(*zones), fixes)
    assert sorted(a.place for a in alerts) == sorted(f"z{i}" for i in range(0, 300, 3))


walks = st.lists(
    st.tuples(st.sampled_from(["d1", "d2", "d3"]), st.integers(0, 40), st.sampled_from([0.0, 90, 110, 125, 160, 400])),
    max_size=40,
)


def fixes_of(walk: list[tuple[str, int, float]]) -> list[Fix]:
    return [fix(m, x, device=d, person=d.replace("d", "p")) for d, m, x in walk]


def zones_for_all() -> tuple[SafeZone, ...]:
    return tuple(SafeZone(f"z{i}", "haneul", f"p{i}", f"z{i}", Circle(HOME, 100), ()) for i in (1, 2, 3))


@given(walks)
def test_leave_and_return_always_alternate(walk: list[tuple[str, int, float]]) -> None:
    alerts = run(state_of(*zones_for_all()), *([f] for f in fixes_of(walk)))
    for place in ("z1", "z2", "z3"):
        actions = [a.action for a in alerts if a.place == place]
        assert actions == ["raise", "clear"] * (len(actions) // 2) + ["raise"] * (len(actions) % 2)


@given(walks, st.integers(1, 7))
def test_cutting_the_stream_into_other_batches_changes_nothing(walk: list[tuple[str, int, float]], size: int) -> None:
    fixes = sorted(fixes_of(walk), key=lambda f: f.at)
    single = run(state_of(*zones_for_all()), *([f] for f in fixes))
    cut = run(state_of(*zones_for_all()), *(fixes[i : i + size] for i in range(0, len(fixes), size)))
    key = lambda a: (a.id, a.action)
    assert sorted(map(key, single)) == sorted(map(key, cut))


@given(walks)
def test_delivering_everything_twice_changes_nothing(walk: list[tuple[str, int, float]]) -> None:
    fixes = fixes_of(walk)
    once = run(state_of(*zones_for_all()), *([f] for f in fixes))
    twice = run(state_of(*zones_for_all()), *([f, f] for f in fixes))
    assert [(a.id, a.action) for a in once] == [(a.id, a.action) for a in twice]


@settings(max_examples=50)
@given(walks, st.data())
def test_a_crash_after_some_blocks_were_written_replays_to_the_same_alerts(
    walk: list[tuple[str, int, float]], data: st.DataObject
) -> None:
    messages = [[f] for f in fixes_of(walk)]
    whole = {(a.id, a.action) for a in run(state_of(*zones_for_all()), *messages)}
    state, kept, seen = state_of(*zones_for_all()), {}, set()
    committed = 0
    for offset, message in enumerate(messages):
        seen |= {(a.id, a.action) for a in state.apply(offset, batch(message))}
        if data.draw(st.booleans()):
            blocks = list(state.changed())
            torn = data.draw(st.integers(0, len(blocks)))
            kept.update(blocks[:torn])
            if torn == len(blocks) and not data.draw(st.booleans()):
                committed = offset + 1
            else:  # killed in the middle: blocks written, offsets not committed
                state = state_of(*zones_for_all())
                for shard, block in kept.items():
                    state.load(shard, block)
                for again in range(committed, offset + 1):
                    seen |= {(a.id, a.action) for a in state.apply(again, batch(messages[again]))}
                kept.update(state.changed())
                committed = offset + 1
    assert seen == whole
