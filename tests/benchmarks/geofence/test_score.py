"""Every kind of alert against a truth made by hand: outside from minute 10 to minute 20, 80 m beyond the edge at most."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.geofence.days import Circle, Days, Leave
from benchmarks.geofence.fixes import Fixes
from benchmarks.geofence.judge import best
from benchmarks.geofence.rules import Alerts
from benchmarks.geofence.score import GRACE_S, Needs, Score, enough, poisson_bound, score
from benchmarks.geofence.traccar import Settings, Traccar

LEFT, BACK = 600.0, 1200.0
NEEDS = Needs(buffer_m=20, fixes=2)
LEAVE = Leave(0, LEFT, BACK, 80.0)
M = 60


def days(*leaves: Leave, devices: int = 1) -> Days:
    """A day of an hour: `devices` people, a zone of 100 m."""
    at = np.tile(np.arange(M, dtype=np.int32) * 60, (devices, 1))
    beyond = np.zeros((devices, M))
    for leave in leaves:
        beyond[leave.device, (at[0] >= leave.left_s) & (at[0] < leave.returned_s)] = leave.furthest_m
    x = np.where(beyond > 0, 100 + beyond, 0)
    zeros = np.zeros_like(x)
    return Days((Circle(0, 0, 100),) * devices, at, x, zeros, zeros, zeros.astype(np.uint8), beyond, leaves)


def exact(of: Days, accuracy: float = 5) -> Fixes:
    return Fixes(of.at, of.x, of.y, np.full_like(of.x, accuracy), of.speed, np.ones(of.x.shape, bool))


def judged(*at_s: float, leaves: tuple[Leave, ...] = (LEAVE,), fixes: Fixes | None = None) -> Score:
    of = days(*leaves)
    alerts = Alerts(np.zeros(len(at_s), np.int64), np.array(at_s, np.float64))
    return score(of, fixes or exact(of), alerts, NEEDS)


@pytest.mark.parametrize(
    ("what", "at_s", "false", "found", "delay"),
    [
        ("long before", LEFT - GRACE_S - 1, 1, 0, None),
        ("a fix before", LEFT - 60, 0, 1, 0),
        ("as it happens", LEFT, 0, 1, 0),
        ("later", LEFT + 200, 0, 1, 200),
        ("as they return", BACK, 0, 1, 600),
        ("just after", BACK + GRACE_S, 0, 1, 720),
        ("long after", BACK + GRACE_S + 1, 1, 0, None),
    ],
)
def test_one_alert_beside_one_leave(what: str, at_s: float, false: int, found: int, delay: float | None) -> None:
    result = judged(at_s)
    assert (result.false, result.found, result.missed) == (false, found, 1 - found), what
    assert result.delays_s == (() if delay is None else (delay,))


def test_two_alerts_of_one_leave_are_one_found_and_one_repeated() -> None:
    result = judged(LEFT + 300, LEFT + 60)
    assert (result.false, result.found, result.repeated, result.delays_s) == (0, 1, 1, (60.0,))


def test_no_alert_is_a_leave_missed() -> None:
    result = judged()
    assert (result.real, result.due, result.found, result.missed) == (1, 1, 0, 1)


def test_an_alert_of_somebody_else_finds_nothing_and_is_false() -> None:
    of = days(LEAVE, devices=2)
    result = score(of, exact(of), Alerts(np.array([1]), np.array([LEFT])), NEEDS)
    assert (result.device_days, result.false, result.missed) == (2, 1, 1)


def test_a_stay_within_the_buffered_edge_is_no_real_leave_but_its_alert_is_not_false() -> None:
    result = judged(LEFT + 60, leaves=(replace(LEAVE, furthest_m=15.0),))
    assert (result.false, result.real, result.found, result.missed) == (0, 0, 0, 0)


def test_a_leave_is_due_only_when_enough_usable_fixes_arrived() -> None:
    of = days(LEAVE)
    assert judged(fixes=exact(of, accuracy=59)).due == 1
    assert judged(fixes=exact(of, accuracy=60)).due == 0
    assert judged(fixes=exact(of, accuracy=float("nan"))).due == 0
    fixes = exact(of)
    fixes.arrived[0, 11:20] = False  # one of the ten is left
    assert (judged(fixes=fixes).due, judged(fixes=fixes).real) == (0, 1)
    fixes.arrived[0, 19] = True
    assert judged(fixes=fixes).due == 1


def test_a_real_leave_that_was_not_due_may_be_found_and_is_never_missed() -> None:
    vague = exact(days(LEAVE), accuracy=200)
    assert (judged(LEFT, fixes=vague).found, judged(fixes=vague).missed) == (1, 0)


def test_stays_with_a_short_pause_or_an_unseen_one_are_one_leave() -> None:
    soon, late = Leave(0, BACK + 299, 1600, 50.0), Leave(0, BACK + 301, 1900, 90.0)
    assert judged(LEFT, leaves=(LEAVE, soon)).missed == 0
    assert judged(LEFT, leaves=(LEAVE, late)).missed == 1
    unseen = exact(days(LEAVE, late))
    unseen.arrived[0, 20:26] = False
    both = judged(LEFT, leaves=(LEAVE, late), fixes=unseen)
    assert (both.real, both.missed) == (1, 0)


def test_so_many_of_so_many_in_a_row() -> None:
    row = [True, False, True, False, False, True]
    assert enough(row, Needs(0, 3))
    assert not enough(row, Needs(0, 4))
    assert enough(row, Needs(0, 2, of=3))
    assert not enough(row, Needs(0, 3, of=4))
    assert not enough([], Needs(0, 1))
    assert not enough([True], Needs(0, 2, of=5))


@pytest.mark.parametrize(("count", "bound"), [(0, 2.9957), (1, 4.7439), (5, 10.5130), (10, 16.9622), (100, 118.0795)])
def test_the_bound_is_the_exact_poisson_one(count: int, bound: float) -> None:
    """Half the 95 % point of chi-squared with 2 (count + 1) degrees of freedom (Garwood, Biometrika 28, 1936)."""
    assert poisson_bound(count) == pytest.approx(bound, abs=1e-3)


def test_the_bound_holds_for_many() -> None:
    assert 20_000 < poisson_bound(20_000) < 20_000 + 1.8 * 20_000**0.5


moments = st.lists(st.floats(0, 3600), max_size=12)


@given(moments, moments)
def test_every_alert_is_false_or_about_a_leave_and_none_is_counted_twice(
    inside: list[float], more: list[float]
) -> None:
    result = judged(*inside, *more)
    about = [t for t in (*inside, *more) if LEFT - GRACE_S <= t <= BACK + GRACE_S]
    assert result.false == len(inside) + len(more) - len(about)
    assert result.found + result.repeated == len(about)
    assert result.found + result.missed == 1
    assert all(delay >= 0 for delay in result.delays_s)


@given(moments)
def test_an_alert_more_never_makes_fewer_false_ones_nor_a_later_finding(at_s: list[float]) -> None:
    fewer, more = judged(*at_s[1:]), judged(*at_s)
    assert more.false >= fewer.false
    assert more.found >= fewer.found
    assert not fewer.delays_s or more.delays_s <= fewer.delays_s


@given(st.lists(moments, min_size=2, max_size=5))
def test_device_days_judged_apart_add_up_to_the_same(of_devices: list[list[float]]) -> None:
    leaves = tuple(replace(LEAVE, device=d) for d in range(len(of_devices)))
    of = days(*leaves, devices=len(of_devices))
    alerts = Alerts(
        np.array([d for d, at in enumerate(of_devices) for _ in at], np.int64),
        np.array([t for at in of_devices for t in at], np.float64),
    )
    together = score(of, exact(of), alerts, NEEDS)
    apart = sum((judged(*at) for at in of_devices), Score())
    assert replace(together, delays_s=()) == replace(apart, delays_s=())
    assert sorted(together.delays_s) == sorted(apart.delays_s)


def test_a_rule_that_says_nothing_is_not_the_best_one() -> None:
    rules = [Traccar(Settings(name)) for name in ("mute", "careful", "hasty")]
    mute = Score(device_days=10, false=0, due=100, missed=100)
    careful = Score(device_days=10, false=7, due=100, missed=4)
    hasty = Score(device_days=10, false=90, due=100, missed=0)
    assert best(rules, [mute, careful, hasty]) is rules[1]
    assert best(rules[::2], [mute, hasty]) is rules[2]
