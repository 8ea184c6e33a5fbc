"""Each row of the table of cases: several devices of one person. Phone at home (east 0), watch elsewhere."""

from collections.abc import Callable

import numpy as np
import pytest

from analytics.positions.fusion import INSIDE, OUTSIDE, UNKNOWN, carried, standing, whereabouts
from tests.analytics.positions.build import Fix, circle, fix, run, state_of, told
from tests.analytics.positions.test_awaited import Town
from tests.analytics.positions.test_zones import HOME_ZONE, SCHOOL, said, ticking, zone

IN, OUT, Q = INSIDE, OUTSIDE, UNKNOWN


def phone(minute: float, east: float, accuracy: float = 5) -> list[Fix]:
    return [fix(minute, east, device="phone", accuracy=accuracy)]


def watch(minute: float, east: float, accuracy: float = 5) -> list[Fix]:
    return [fix(minute, east, device="watch", accuracy=accuracy)]


def both(*pairs: tuple[float, float]) -> list[list[Fix]]:
    """(phone, watch) a minute."""
    return [m for i, (p, w) in enumerate(pairs) for m in (phone(i, p), watch(i + 0.5, w))]


@pytest.mark.parametrize(
    ("where", "moved", "stands"),
    [
        pytest.param([IN], [0], "safe", id="one only: inside"),
        pytest.param([OUT], [0], "out", id="one only: outside"),
        pytest.param([Q], [0], "unknown", id="one only: it does not know"),
        pytest.param([IN, IN], [5, 9], "safe", id="all say the same"),
        pytest.param([IN, OUT], [0, 60], "out", id="phone at rest at home, watch moved since"),
        pytest.param([OUT, IN], [60, 0], "out", id="watch on its charger, phone moved since"),
        pytest.param([OUT, IN], [0, 60], "safe", id="phone lost on the bus, watch moved since and is at home"),
        pytest.param([IN, OUT], [0, 0], "out", id="none was ever seen to move: all count"),
        pytest.param([IN, OUT], [60, 58], "out", id="carried, one out, one inside"),
        pytest.param([IN, OUT], [60, 55], "out", id="carried, the other one moved five minutes before"),
        pytest.param([IN, OUT], [60, 54], "safe", id="the other one was put down six minutes before"),
        pytest.param([Q, OUT], [60, 58], "out", id="carried, one out, one does not know"),
        pytest.param([Q, IN], [60, 58], "safe", id="carried, one inside, one does not know"),
    ],
)
def test_the_table_of_cases(where: list[int], moved: list[int], stands: str) -> None:
    present = np.ones((1, len(where)), dtype=bool)
    speaks = carried(present, np.array([moved]) * 60_000_000)
    found = standing(np.array(where, np.int8).reshape(1, -1, 1), speaks, np.ones((1, 1), dtype=bool))
    assert [name for name in ("out", "safe") if getattr(found, name)[0]] == [
        name for name in (stands,) if name != "unknown"
    ]


def test_of_who_has_fewer_devices_than_others_no_empty_place_speaks_nor_says_what_was_put_down() -> None:
    """What stands for no device may hold the moves of anybody's."""
    present, moved = np.array([[True, False]]), np.array([[0, 60]]) * 60_000_000
    assert carried(present, moved).tolist() == [[True, False]]


def test_who_is_inside_any_of_two_zones_by_one_device_is_not_out_because_each_is_out_of_the_other() -> None:
    where = np.array([[[IN, OUT], [IN, OUT]]], np.int8)
    speaks = np.ones((1, 2), dtype=bool)
    found = standing(where, speaks, np.ones((1, 2), dtype=bool))
    assert (found.out[0], found.safe[0]) == (False, True)


def test_inside_wins_where_it_is_a_danger() -> None:
    where = np.array([[[IN], [OUT]]], np.int8)
    assert whereabouts(where, np.ones((1, 2), dtype=bool)).tolist() == [[IN]]
    assert whereabouts(where, np.array([[False, True]])).tolist() == [[OUT]]


def test_they_agree_and_it_is_one_incident_of_the_person() -> None:
    alerts = run(state_of(HOME_ZONE), *both((0, 0), (0, 0), (400, 400), (400, 400), (400, 400), (0, 0), (0, 0)))
    assert told(alerts) == [("raise", "home"), ("clear", "home")]


def test_the_phone_was_left_at_home_and_the_watch_walks_away() -> None:
    alerts = run(state_of(HOME_ZONE), *both((0, 0), (0, 0), (0, 400), (0, 400), (0, 410)))
    assert told(alerts) == [("raise", "home")]
    assert alerts[0].because.fixes[-1].device == "watch…"


def test_the_phone_left_at_home_takes_nobody_out_of_school() -> None:
    day = both((0, 0), (0, 300), (0, 600), (0, 1000), (0, 1000), *[(0, 1000)] * 30)
    assert said(run(state_of(HOME_ZONE, SCHOOL, zone("way", 500, 450)), *day)) == [("arrived", "raise", "school")]


def test_the_watch_lies_on_its_charger_and_the_phone_walks_away() -> None:
    alerts = run(state_of(HOME_ZONE), *both((0, 0), (0, 0), (400, 0), (400, 0), (410, 0)))
    assert told(alerts) == [("raise", "home")]


def test_a_phone_forgotten_on_the_bus_while_the_watch_comes_home() -> None:
    out = [(0.0, 0.0), (400.0, 400.0), (500.0, 500.0), (2000.0, 520.0), (2000.0, 300.0), *[(2000.0, 200.0)] * 6]
    alerts = run(state_of(HOME_ZONE), *both(*out, (2000, 120), (2000, 20), (2000, 10), (2000, 0)))
    assert told(alerts) == [("raise", "home"), ("clear", "home")]


def test_one_falls_silent_away_and_the_other_at_home_does_not_speak_for_it() -> None:
    gone = [phone(0, 0), watch(0.5, 0), watch(1, 400), watch(2, 400), watch(3, 410)]
    quiet = [phone(m, 0) for m in range(4, 60)]
    assert told(run(state_of(HOME_ZONE), *gone, *quiet)) == [("raise", "home")]


def test_the_other_takes_over_when_it_moves() -> None:
    gone = [phone(0, 0), watch(0.5, 0), watch(1, 400), watch(2, 400), watch(3, 410)]
    carried_home = [phone(60, 0), phone(61, 70), phone(62, 80), phone(63, 10), phone(64, 0), phone(65, 0)]
    assert told(run(state_of(HOME_ZONE), *gone, *carried_home)) == [("raise", "home"), ("clear", "home")]


def test_a_tag_is_read_at_the_school_gate_while_the_phone_lies_at_home() -> None:
    tag = [fix(-600, 0, device="tag", accuracy=10)]
    read = [fix(40, 1000, device="tag", accuracy=10)]
    phones = [phone(m, 0) for m in range(-10, 40)]
    later = [phone(m, 0) for m in range(42, 90)]
    alerts = run(state_of(HOME_ZONE, SCHOOL), tag, *phones, read, *later)
    assert said(alerts) == [("arrived", "raise", "school")]


WENT = [watch(0, 0), watch(1, 400), watch(2, 400), watch(3, 410)]
NEW_ONE_AT_HOME = [fix(minute, 0, device="new") for minute in (20, 21, 22)]


def taken_off(town: Town) -> None:
    town.take_off("watch")


def handed_to_another_person(town: Town) -> None:
    town.wear("watch", "p2")


def put_away(town: Town) -> None:
    """It stays theirs, in a drawer: where nobody knows, its last word counts until another device moves."""


@pytest.mark.parametrize(
    ("done", "ends"),
    [(taken_off, [("clear", "home")]), (handed_to_another_person, [("clear", "home")]), (put_away, [])],
)
def test_a_device_that_is_no_longer_theirs_does_not_speak_for_them_beside_one_that_is(
    done: Callable[[Town], None], ends: list[tuple[str, str]]
) -> None:
    town = Town(HOME_ZONE).wear("watch")
    assert told(town.see(*WENT)) == [("raise", "home")]
    done(town)
    town.wear("new")
    assert told(town.see(*[[one] for one in NEW_ONE_AT_HOME])) == ends


def test_who_leaves_with_a_new_device_has_left_though_the_old_one_is_still_out() -> None:
    town = Town(HOME_ZONE).wear("watch")
    town.see(*WENT)
    town.take_off("watch")
    town.wear("new")
    town.see(*[[one] for one in NEW_ONE_AT_HOME])
    town.restart()
    away = [[fix(minute, 400, device="new")] for minute in (30, 31, 32)]
    assert told(town.see(*away)) == [("raise", "home")]


def test_who_is_out_when_their_only_device_goes_to_somebody_else_is_back_when_the_new_one_says_so() -> None:
    town = Town(HOME_ZONE).wear("watch").wear("other", "p2")
    assert told(town.see(*WENT, *ticking(4))) == [("raise", "home")]
    town.wear("watch", "p2")
    assert town.see([fix(5, 0, device="watch", person="p2")], *ticking(5, 8)) == []
    town.wear("new")
    assert told(town.see(*[[one] for one in NEW_ONE_AT_HOME])) == [("clear", "home")]


def test_whose_only_device_is_taken_off_stays_where_it_was_last() -> None:
    town = Town(HOME_ZONE).wear("watch")
    assert told(town.see(*WENT)) == [("raise", "home")]
    town.take_off("watch")
    assert told(town.see(*ticking(10, 20, 30))) == []


def test_one_coarse_fix_of_the_other_device_ends_nothing() -> None:
    alerts = run(state_of(circle()), *both((0, 0), (400, 400), (400, 400)), phone(9, 0, accuracy=300))
    assert told(alerts) == [("raise", "home")]
