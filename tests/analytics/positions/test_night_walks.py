"""An unusual way at night is told once; whatever is usual, by day, or of the first week is not."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions.night_walks import NightRule, Seen, Walker, night_of, square_of, step
from haechi.domain.alerting import KINDS, Alert
from haechi.domain.explaining import explain
from haechi.domain.geo import LocalPlane, Point
from haechi.store.registry import DeviceEntry
from tests.analytics.silence.build import HOME, Report, Town
from tests.haechi.domain.test_explaining import left_home

RULE = NightRule()
PLANE = LocalPlane(HOME)
MONDAY = datetime(2026, 11, 2, tzinfo=ZoneInfo("Asia/Seoul"))
places = st.sampled_from([-3000.0, -600, -300, 0, 150, 300, 450, 900, 2000])


def seen(day: float, hour: float, east: float, accuracy: float | None = 10) -> Seen:
    lon, lat = PLANE.to_degrees(np.array([east]), np.zeros(1))
    return Seen(Point(float(lon[0]), float(lat[0])), MONDAY + timedelta(days=day, hours=hour), accuracy)


def told(walker: Walker, fixes: Iterable[Seen]) -> tuple[Walker, list[datetime]]:
    when = []
    for one in fixes:
        walker, tell = step(walker, one, RULE)
        if tell:
            when.append(one.local)
    return walker, when


def way(day: float, hour: float, *east: float) -> list[Seen]:
    return [seen(day, hour + i / 60, x) for i, x in enumerate(east)]


USUAL = [one for day in range(10) for one in way(day, 9, 0, 150, 300, 450, 300, 150, 0)]


def lived() -> Walker:
    walker, when = told(Walker(), USUAL)
    assert when == []
    return walker


def test_an_unusual_way_at_night_is_told_at_the_third_fix_and_once_a_night() -> None:
    out = (-600, -750, -900, -1050, -1200)
    _, when = told(lived(), [*way(10, 23, *out), *way(11, 2, *out), *way(11, 23, *out)])
    assert when == [MONDAY + timedelta(days=10, hours=23, minutes=2), MONDAY + timedelta(days=11, hours=23, minutes=2)]


def test_the_usual_way_at_night_the_unusual_one_by_day_and_standing_anywhere_are_not_told() -> None:
    out = (-600, -750, -900)
    quiet = [*way(10, 23, 0, 150, 300, 450), *way(10, 12, *out), *way(11, 23, *[-2000] * 9)]
    assert told(lived(), quiet)[1] == []


def test_the_first_week_tells_nothing() -> None:
    out = (-600, -750, -900)
    assert told(Walker(), [one for day in range(7) for one in way(day, 23, *out)])[1] == []


def test_what_is_done_each_night_becomes_usual_and_what_is_no_longer_done_becomes_strange() -> None:
    out = (-600, -750, -900)
    walker, when = told(lived(), [one for day in range(10, 20) for one in way(day, 23, *out)])
    assert [one.day - MONDAY.day for one in when] == [10, 11, 12]
    later = way(60, 23, 0, 150, 300)
    assert len(told(walker, later)[1]) == 1


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    assert night_of(MONDAY.replace(hour=22), RULE) == MONDAY.toordinal()
    assert night_of(MONDAY + timedelta(days=1, hours=5, minutes=59), RULE) == MONDAY.toordinal()
    assert night_of(MONDAY.replace(hour=6), RULE) == 0


@given(st.floats(-60, 60), st.floats(-179, 179))
def test_the_squares_beside_a_place_are_nine_different_ones_and_its_own_is_among_them(lat: float, lon: float) -> None:
    place = Point(lon, lat)
    beside = {square_of(place, down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
    assert len(beside) == 9
    assert square_of(place) in beside


days = st.lists(st.tuples(st.integers(0, 40), st.floats(0, 23.9), places), max_size=80).map(
    lambda steps: [seen(*one) for one in sorted(steps)]
)


@settings(max_examples=60)
@given(days)
def test_at_most_one_is_told_a_night_and_never_by_day_or_in_the_first_week(fixes: Sequence[Seen]) -> None:
    _, when = told(Walker(), fixes)
    nights = [night_of(one, RULE) for one in when]
    assert 0 not in nights
    assert len(set(nights)) == len(nights)
    assert all(one.toordinal() - fixes[0].local.toordinal() >= RULE.learn_days for one in when)


@settings(max_examples=60)
@given(days)
def test_where_they_were_every_day_is_never_told(fixes: Sequence[Seen]) -> None:
    every = [seen(day, 12, one) for day in range(41) for one in (-3000.0, -600, -300, 0, 150, 300, 450, 900, 2000)]
    merged = sorted([*fixes, *every], key=lambda one: one.local)
    assert told(Walker(), merged)[1] == []


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_what_is_remembered_is_bounded(east: Sequence[int]) -> None:
    rule = NightRule(most_squares=16)
    walker = Walker()
    for minute, one in enumerate(east):
        walker, _ = step(walker, seen(minute // 10, 12, one * 200.0), rule)
        assert len(walker.squares) <= 16


def night_out(town: Town, accuracies: Sequence[float] = (8,) * 5) -> list[Alert]:
    """Nine days at home, and in the tenth night (22:30 in Seoul) west, a fix a minute."""
    for day in range(9) if town.second == 0 else ():
        town.second = day * 86400 + 3 * 3600
        town.tick()
        town.report(Report("d1", 0), Report("d1", 20))
    town.second = 9 * 86400 + 13.5 * 3600
    town.tick()
    alerts = []
    for minute, accuracy in enumerate(accuracies):
        town.second += 60
        alerts += town.report(Report("d1", -600 - 80 * minute, accuracy=accuracy))
    return [one for one in alerts if one.kind == "night-walk"]


def switched_on() -> Town:
    town = Town("d1")
    town.change("d1", DeviceEntry(town.entries["d1"].device, town.entries["d1"].consent, night_walks=True))
    return town


def test_it_is_told_of_whom_it_is_switched_on_for_and_explained() -> None:
    (alert,) = night_out(switched_on())
    assert (alert.subject, alert.action, alert.severity) == ("p1", "raise", 3)
    assert KINDS[alert.kind].notice
    incident = msgspec.structs.replace(left_home(), kind=alert.kind, because=alert.because, title=alert.title)
    text = explain(incident, (), (), None, alert.starts_at, UTC).text()
    assert "walks at 22:33 where they were on fewer than 3 of the last 8 days (rule night-walk)" in text
    assert "usual days 3, learned days 8" in text
    assert night_out(Town("d1")) == []


def test_coarse_fixes_tell_nothing_nor_does_one_among_them_that_does_not_say_how_coarse_it_is() -> None:
    assert night_out(switched_on(), [150] * 5) == []
    assert night_out(switched_on(), [float("nan"), 150, float("nan"), 150, float("nan"), float("nan")]) == []
    assert len(night_out(switched_on(), [float("nan")] * 5)) == 1


def test_a_new_life_remembers_what_is_usual() -> None:
    town = switched_on()
    for day in range(9):
        town.second = day * 86400 + 3 * 3600
        town.tick()
        town.report(Report("d1", -700), Report("d1", -900))
    town.restart()
    assert night_out(town) == []
