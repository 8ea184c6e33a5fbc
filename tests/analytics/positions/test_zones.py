"""The kinds of zones, and what becomes of people when zones change."""

from datetime import time, timedelta

import msgspec
import numpy as np
import pytest

from analytics.zone_book import ZoneBook
from haechi.domain.alerting import Alert
from haechi.domain.geo import Circle, Corridor, Point, Polygon
from haechi.domain.people import SafeZone
from haechi.domain.schedule import DAYS, Window
from tests.analytics.positions.build import AT, PLANE, Registry, circle, fix, run, state_of, tick, told

SCHOOL_DAY = (Window("Asia/Seoul", DAYS[:5], time(9, 0), time(15, 0)),)


def point(east: float, north: float = 0) -> Point:
    lon, lat = PLANE.to_degrees(np.array([east]), np.array([north]))
    return Point(float(lon[0]), float(lat[0]))


def zone(name: str, east: float = 0, radius: float = 100, **more: object) -> SafeZone:
    return SafeZone(name, "haneul", "p1", name, Circle(point(east), radius), **({"schedule": ()} | more))


def walk(*east: float, start: float = 0, device: str = "d1", person: str = "p1") -> list:
    return [[fix(start + i, x, device=device, person=person)] for i, x in enumerate(east)]


def said(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(a.kind, a.action, a.place) for a in alerts]


HOME_ZONE, SCHOOL = zone("home"), zone("school", 1000, notices=True)
WAY = SafeZone("way", "haneul", "p1", "way", Corridor((point(0), point(1000)), 60), ())


def test_whoever_goes_by_the_corridor_from_home_to_school_is_safe_all_the_way() -> None:
    alerts = run(state_of(HOME_ZONE, WAY, SCHOOL), *walk(0, 120, 300, 500, 700, 900, 1000, 1000))
    assert said(alerts) == [("arrived", "raise", "school")]


def test_whoever_strays_from_the_corridor_has_left_it_and_it_is_one_incident() -> None:
    fixes = [*walk(0, 300, 500), [fix(3, 500, north=200)], [fix(4, 500, north=300)], [fix(5, 500, north=0)]]
    alerts = run(state_of(HOME_ZONE, WAY, SCHOOL), *fixes)
    assert said(alerts) == [("zone-exit", "raise", "way"), ("zone-exit", "clear", "way")]


def test_nobody_who_was_never_inside_has_left_the_nearest_zone() -> None:
    alerts = run(state_of(HOME_ZONE, SCHOOL), *walk(800, 800))
    assert said(alerts) == [("zone-exit", "raise", "school")]


def test_a_forbidden_zone_alarms_on_entering_by_two_fixes_and_ends_outside() -> None:
    river = zone("river", 400, kind="forbidden")
    alerts = run(state_of(river), *walk(0, 400, 0, 400, 405, 410, 0, 0))
    assert said(alerts) == [("zone-entry", "raise", "river"), ("zone-entry", "clear", "river")]
    assert not alerts[1].moot
    assert alerts[0].severity == 1
    assert alerts[0].starts_at == AT + timedelta(minutes=4), "a fix outside between them begins the count anew"


def test_walking_along_the_edge_of_a_forbidden_zone_says_nothing() -> None:
    river = zone("river", 400, kind="forbidden")
    assert run(state_of(river), *walk(*[295, 302, 298, 304] * 5)) == []


def test_a_forbidden_zone_makes_nobody_safe() -> None:
    river = zone("river", 400, kind="forbidden")
    alerts = run(state_of(HOME_ZONE, river), *walk(0, 400, 400))
    assert sorted(said(alerts)) == [("zone-entry", "raise", "river"), ("zone-exit", "raise", "home")]


def test_a_shared_zone_is_of_each_of_its_people_and_of_nobody_else() -> None:
    shared = msgspec.structs.replace(HOME_ZONE, person_id=None, person_ids=("p1", "p2"))
    messages = [message for p in ("1", "2", "3") for message in walk(400, 400, device=f"d{p}", person=f"p{p}")]
    assert {a.subject for a in run(state_of(shared), *messages)} == {"p1", "p2"}


def test_the_district_is_an_outer_level_a_person_may_be_out_of_both() -> None:
    district = msgspec.structs.replace(zone("district", 0, 2000), person_id=None)
    alerts = run(state_of(HOME_ZONE, district), *walk(0, 500, 500, 3000, 3000, 500, 0))
    assert said(alerts) == [
        ("zone-exit", "raise", "home"),
        ("zone-exit", "raise", "district"),
        ("zone-exit", "clear", "district"),
        ("zone-exit", "clear", "home"),
    ]


def test_grandmothers_house_beyond_the_district_is_safe() -> None:
    district = msgspec.structs.replace(zone("district", 0, 2000), person_id=None)
    assert run(state_of(HOME_ZONE, zone("grandmother", 5000), district), *walk(5000, 5000, 5010)) == []


def test_a_district_zone_holds_for_the_people_of_its_district_only() -> None:
    here = msgspec.structs.replace(zone("here"), person_id=None)
    book = ZoneBook([here], district_of={"p1": "haneul", "p2": "bada"}.get)
    assert [book.of(person) for person in ("p1", "p2", "p3")] == [(0,), (), ()]


def test_the_first_zone_of_all_is_given_to_those_who_were_heard_before() -> None:
    registry = Registry()
    state = state_of(registry=registry)
    run(state, *walk(0, 0))
    registry.change(HOME_ZONE)
    assert said(run(state, *walk(0, 400, 400, 400, start=2), start=2)) == [("zone-exit", "raise", "home")]


def test_arriving_and_leaving_are_told_while_the_schedule_holds_and_the_first_word_is_no_news() -> None:
    school = msgspec.structs.replace(SCHOOL, schedule=SCHOOL_DAY)
    day = [*walk(1000, 1000, 0, 0), *walk(1000, 1000, start=10), *walk(0, 0, 0, start=100)]
    assert said(run(state_of(HOME_ZONE, school), *day)) == [
        ("left", "raise", "school"),
        ("arrived", "raise", "school"),
        ("left", "raise", "school"),
    ]
    late = timedelta(hours=8)
    evening = [[msgspec.structs.replace(f, at=f.at + late, received=f.received + late) for f in m] for m in day]
    assert {a.kind for a in run(state_of(HOME_ZONE, school), *evening)} == {"zone-exit"}


def test_leaving_school_for_nowhere_is_an_alarm_and_not_a_notice_too() -> None:
    alerts = run(state_of(HOME_ZONE, SCHOOL), *walk(1000, 1000, 500, 500))
    assert said(alerts) == [("zone-exit", "raise", "school")]


def test_the_alarm_goes_on_when_the_schedule_of_its_zone_ends_and_another_zone_is_still_active() -> None:
    school = msgspec.structs.replace(SCHOOL, schedule=SCHOOL_DAY, notices=False)
    state = state_of(HOME_ZONE, school)
    assert said(run(state, *walk(1000, 1000, 500, 500))) == [("zone-exit", "raise", "school")]
    assert run(state, tick(6 * 60 + 1), start=10) == []
    assert said(run(state, *walk(0, start=400), start=11)) == [("zone-exit", "clear", "school")]


def hours(start: int, end: int) -> tuple[Window, ...]:
    return (Window("Asia/Seoul", DAYS, time(start), time(end)),)


NIGHT_HOME = msgspec.structs.replace(HOME_ZONE, schedule=hours(22, 6))
BY_DAY = zone("neighbourhood", 0, 500, schedule=hours(6, 22))
AT_22, AT_6 = 13 * 60, 21 * 60


def test_where_one_window_follows_on_another_both_are_exact() -> None:
    state = state_of(NIGHT_HOME, BY_DAY)
    assert run(state, *walk(300, 300, start=AT_22 - 5), tick(AT_22 - 0.1)) == []
    assert said(run(state, tick(AT_22), start=10)) == [("zone-exit", "raise", "home")]
    assert said(run(state, *walk(0, start=AT_22 + 5), start=11)) == [("zone-exit", "clear", "home")]
    assert said(run(state, tick(AT_6 - 30), *walk(300, 300, start=AT_6 - 29), start=12)) == [
        ("zone-exit", "raise", "home")
    ]
    assert said(run(state, tick(AT_6), start=20)) == [("zone-exit", "clear", "home")]


def test_who_stays_where_a_window_ended_is_safe_until_another_begins() -> None:
    school = msgspec.structs.replace(SCHOOL, schedule=hours(9, 15))
    evening = zone("evening", schedule=hours(18, 8))
    arcade = zone("arcade", 5000, kind="forbidden", schedule=hours(16, 17))  # which asks nobody to be there
    state = state_of(HOME_ZONE, school, evening, arcade)
    at_school = [*walk(1000, 1000), tick(6 * 60), tick(7 * 60), *walk(1000, start=8 * 60), tick(9 * 60 - 1)]
    assert run(state, *at_school) == []
    assert said(run(state, tick(9 * 60), start=20)) == [("zone-exit", "raise", "home")]


def test_who_stayed_where_a_window_ended_and_goes_nowhere_has_left_that_place() -> None:
    state = state_of(HOME_ZONE, msgspec.structs.replace(SCHOOL, notices=False, schedule=hours(9, 15)))
    assert run(state, *walk(1000, 1000), tick(6 * 60)) == []
    assert said(run(state, *walk(600, 600, start=6 * 60 + 5), start=10)) == [("zone-exit", "raise", "school")]


def test_of_the_zones_of_everyone_it_is_the_last_one_that_was_left_and_not_the_nearest() -> None:
    park, village = (
        msgspec.structs.replace(zone(name, east, 300), person_id=None)
        for name, east in (("park", 0), ("village", 2000))
    )
    assert said(run(state_of(park, village, HOME_ZONE), *walk(0, 0, 1400, 1400))) == [
        ("zone-exit", "raise", "home"),
        ("zone-exit", "raise", "park"),
    ]


def test_who_comes_within_the_hour_before_is_safe_and_who_comes_earlier_is_not() -> None:
    school = msgspec.structs.replace(SCHOOL, schedule=hours(11, 15))
    assert said(run(state_of(HOME_ZONE, school), *walk(0, 0, start=60), *walk(1000, 1000, start=62))) == [
        ("arrived", "raise", "school")
    ]
    early = run(state_of(HOME_ZONE, school), *walk(0), *walk(1000, 1000, start=1), tick(60))
    assert said(early) == [
        ("zone-exit", "raise", "home"),
        ("zone-exit", "clear", "home"),
        ("arrived", "raise", "school"),
    ]


def test_who_comes_more_than_an_hour_before_has_arrived_when_that_hour_begins_and_leaves_once_a_day() -> None:
    """They were never told to have arrived, and to have left three days running."""
    noon = msgspec.structs.replace(SCHOOL, schedule=hours(12, 15))
    state = state_of(HOME_ZONE, WAY, noon)
    heard: list[Alert] = []
    for day in range(3):
        for minute in range(20, 420, 10):
            at, east = day * 24 * 60 + minute, 1000 if 20 < minute < 310 else 0
            heard += run(state, [fix(at, east)], [fix(at + 1, east)], tick(at + 2), start=3 * at)
    assert said(heard) == [("arrived", "raise", "school"), ("left", "raise", "school")] * 3
    since = [(alert.starts_at - AT) % timedelta(days=1) for alert in heard[:2]]
    assert since == [timedelta(minutes=120), timedelta(minutes=311)]


def test_who_was_there_only_before_the_hour_or_after_the_window_is_not_spoken_of() -> None:
    noon = msgspec.structs.replace(SCHOOL, schedule=hours(12, 15))
    for begins in (30, 400):
        visit = [*walk(0, 0), *walk(1000, 1000, start=begins), *walk(0, 0, start=begins + 20), tick(begins + 180)]
        assert run(state_of(HOME_ZONE, WAY, noon), *visit) == []


def test_whose_arrival_was_told_their_leaving_is_told_whenever_it_is() -> None:
    """The evening zone says where they should be instead; they stay at school until they go home."""
    school = msgspec.structs.replace(SCHOOL, schedule=hours(9, 15))
    whole_way = msgspec.structs.replace(WAY, schedule=())
    state = state_of(whole_way, zone("evening", schedule=hours(18, 8)), school)
    heard = run(state, *walk(0, 0, 1000, 1000), tick(9 * 60 + 1), *walk(1000, 0, 0, start=9 * 60 + 5))
    heard += run(state, *walk(1000, 1000, start=24 * 60 + 5), start=40)
    assert [kind for kind, *_ in said(heard) if kind != "zone-exit"] == ["arrived", "left", "arrived"]


def test_a_stay_outlives_a_change_of_its_zone_and_a_new_life_of_the_worker() -> None:
    school = msgspec.structs.replace(SCHOOL, schedule=hours(9, 15))
    registry = Registry(HOME_ZONE, school)
    state = state_of(registry=registry)
    assert run(state, *walk(1000, 1000), tick(6 * 60 + 1)) == []
    after = state_of(registry=registry)
    for shard, block in state.changed():
        after.load(shard, block)
    registry.change(HOME_ZONE, msgspec.structs.replace(school, version=2))
    assert run(after, tick(6 * 60 + 2), *walk(1000, 1000, start=6 * 60 + 3), start=9) == []
    assert said(run(after, *walk(0, 0, start=7 * 60), start=12)) == [("left", "raise", "school")]


PLACE = zone("grandmother", 1000, kind="place", notices=True)


def test_a_place_tells_of_arriving_and_leaving_and_is_nothing_else() -> None:
    messages = walk(0, 0, 1000, 1000, 400, 400, 400)
    told = [("arrived", "raise", "grandmother"), ("left", "raise", "grandmother")]
    assert said(run(state_of(PLACE), *messages)) == told
    with_home = said(run(state_of(HOME_ZONE, PLACE), *messages))
    assert with_home == [("zone-exit", "raise", "home"), *told]  # being there is not being safe


EXPECTED = msgspec.structs.replace(SCHOOL, notices=False, schedule=SCHOOL_DAY, expected_by=time(9, 40))


def ticking(*minutes: float, spool_empty: bool = True) -> list:
    """Each with one half a minute before: a door must have ticked for so long before its word counts."""
    halves = sorted({half for minute in minutes for half in (minute - 0.5, minute)})
    return [tick(minute, spool_empty=spool_empty) for minute in halves]


def test_who_is_not_at_school_in_time_is_missed_once_and_found_when_there() -> None:
    state = state_of(HOME_ZONE, EXPECTED)
    messages = [*walk(0, 0), *ticking(30, 39.9, 40, 41, 50)]
    (missed,) = run(state, *messages)
    assert (missed.kind, missed.action, missed.place) == ("not-arrived", "raise", "school")
    assert missed.starts_at == AT + timedelta(minutes=40)
    (found,) = run(state, *walk(1000, start=55), start=20)
    assert (found.kind, found.action, found.id) == ("not-arrived", "clear", missed.id)
    assert run(state, *ticking(60, 120, 24 * 60), start=30) == []


def test_who_is_at_school_in_time_is_not_missed_and_may_leave_later() -> None:
    state = state_of(HOME_ZONE, EXPECTED)
    assert run(state, *walk(0, 1000), *ticking(39, 40, 41)) == []
    assert run(state, *walk(0, 0, start=60), *ticking(70), start=20) == []


def test_nobody_is_missed_while_a_gateway_still_holds_something_back() -> None:
    state = state_of(HOME_ZONE, EXPECTED)
    assert run(state, *walk(0, 0), *ticking(30, 40, 45, spool_empty=False)) == []
    assert said(run(state, *ticking(46), start=20)) == [("not-arrived", "raise", "school")]


def test_of_whom_it_is_not_known_where_they_are_is_missed_too() -> None:
    state = state_of(HOME_ZONE, EXPECTED)
    coarse = [[fix(m, 0, accuracy=400)] for m in range(3)]
    assert said(run(state, *coarse, *ticking(30, 40))) == [("not-arrived", "raise", "school")]


def test_the_next_day_is_not_decided_either_while_a_gateway_still_holds_something_back() -> None:
    state, day = state_of(HOME_ZONE, EXPECTED), 24 * 60
    assert said(run(state, *walk(0, 0), *ticking(30, 40))) == [("not-arrived", "raise", "school")]
    night_lost = ticking(day + 45, spool_empty=False)
    assert said(run(state, *night_lost, start=20)) == [("not-arrived", "clear", "school")]
    (missed,) = run(state, *ticking(day + 47), start=30)
    assert (missed.kind, missed.starts_at) == ("not-arrived", AT + timedelta(minutes=day + 40))


def test_who_is_expected_is_missed_however_long_nothing_was_heard_of_them() -> None:
    """After the summer, too. Of several devices the one that was heard last is remembered, and of whom nobody expects none."""
    other = msgspec.structs.replace(zone("of p2"), person_id="p2")
    state = state_of(HOME_ZONE, EXPECTED, other)
    heard = [fix(0, 0), fix(5, 0, device="lost"), fix(9, 0), fix(9, 0, device="d2", person="p2")]
    run(state, *([one] for one in heard), *ticking(31 * 24 * 60, 32 * 24 * 60))
    assert [state.devices.device(slot) for slot in np.flatnonzero(state.devices.used)] == ["d1"]
    monday = 42 * 24 * 60
    assert said(run(state, *ticking(monday + 39, monday + 40), start=20)) == [("not-arrived", "raise", "school")]


def test_a_zone_that_is_drawn_after_the_time_expects_its_people_from_the_next_day_on() -> None:
    """Those who are in it have not been asked yet."""
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    pupils = [[fix(minute, 1000), fix(minute, 0, device="d2", person="p2")] for minute in range(3)]
    run(state, *pupils, *ticking(30, 50))
    registry.change(HOME_ZONE, msgspec.structs.replace(EXPECTED, person_id=None, person_ids=("p1", "p2")))
    assert run(state, *ticking(55, 60), start=20) == []
    tuesday = 24 * 60
    came = [fix(tuesday + 35, 1000), fix(tuesday + 35, 0, device="d2", person="p2")]
    alerts = run(state, *ticking(tuesday + 30), came, *ticking(tuesday + 40), start=30)
    assert [alert.subject for alert in alerts if alert.kind == "not-arrived"] == ["p2"]


def test_a_zone_that_is_drawn_meanwhile_settles_nothing_about_another_one() -> None:
    registry = Registry(HOME_ZONE, EXPECTED)
    state = state_of(registry=registry)
    assert run(state, *walk(0), *ticking(30), *ticking(45, spool_empty=False)) == []
    late = (Window("Asia/Seoul", DAYS, time(17), time(20)),)
    registry.change(HOME_ZONE, EXPECTED, zone("academy", 3000, schedule=late, expected_by=time(18)))
    assert run(state, *ticking(50, spool_empty=False), start=10) == []
    assert said(run(state, *ticking(55), start=20)) == [("not-arrived", "raise", "school")]


def test_a_late_backlog_that_shows_the_arrival_is_in_time_for_the_decision() -> None:
    state = state_of(HOME_ZONE, EXPECTED)
    assert run(state, *walk(0, 0), *ticking(30, 45, spool_empty=False), [fix(38, 1000, received=46)]) == []
    assert run(state, *ticking(46, 47), start=20) == []


def test_nobody_is_missed_on_a_holiday_and_the_end_of_school_ends_the_search() -> None:
    holiday = msgspec.structs.replace(EXPECTED, holidays=(AT.date(),))
    assert run(state_of(HOME_ZONE, holiday), *walk(0, 0), *ticking(30, 40, 50)) == []
    state = state_of(HOME_ZONE, EXPECTED)
    messages = [*walk(0, 0), *ticking(30, 40, 50, 6 * 60)]
    missed, over = run(state, *messages)
    assert said([missed, over]) == [("not-arrived", "raise", "school"), ("not-arrived", "clear", "school")]
    assert over.moot, "where the child is, nobody knows"


def test_a_zone_that_moves_away_under_somebody_asks_their_next_fixes() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    assert run(state, *walk(0, 0)) == []
    registry.change(msgspec.structs.replace(zone("home", 1000), version=2))
    assert said(run(state, *walk(0, start=2), start=2)) == []
    assert said(run(state, *walk(0, start=3), start=3)) == [("zone-exit", "raise", "home")]


def test_another_persons_zone_changes_and_nothing_is_asked_again() -> None:
    other = msgspec.structs.replace(zone("other"), person_id="p2")
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    assert said(run(state, *walk(0, 400, 400))) == [("zone-exit", "raise", "home")]
    registry.change(other, HOME_ZONE)
    assert run(state, *walk(400, 400, start=3), start=3) == []
    assert said(run(state, *walk(0, start=5), start=5)) == [("zone-exit", "clear", "home")]


def test_a_zone_that_is_removed_from_under_an_alarm_ends_it_and_the_others_go_on() -> None:
    registry = Registry(HOME_ZONE, SCHOOL)
    state = state_of(registry=registry)
    run(state, *walk(1000, 1000, 500, 500))
    registry.change(HOME_ZONE)
    alerts = run(state, tick(5), start=5)
    assert said(alerts) == [("zone-exit", "clear", "school"), ("zone-exit", "raise", "home")]


def test_a_zone_that_is_forbidden_from_now_on_ends_its_old_alarm_and_watches_for_entering() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    run(state, *walk(400, 400))
    registry.change(msgspec.structs.replace(HOME_ZONE, kind="forbidden", version=2))
    assert said(run(state, *walk(0, 0, start=5), start=5)) == [
        ("zone-exit", "clear", "home"),
        ("zone-entry", "raise", "home"),
    ]


def test_a_zone_that_gets_a_new_sharer_is_theirs_from_the_next_fix() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    assert run(state, *walk(400, 400, device="d2", person="p2")) == []
    registry.change(msgspec.structs.replace(HOME_ZONE, person_ids=("p2",), version=2))
    assert said(run(state, *walk(400, 400, start=2, device="d2", person="p2"), start=2)) == [
        ("zone-exit", "raise", "home")
    ]


def test_a_circle_with_many_corners_decides_as_the_circle() -> None:
    ring = [point(100 * np.cos(a), 100 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 65)[:-1]]
    many = msgspec.structs.replace(HOME_ZONE, area=Polygon(((*ring, ring[0]),)))
    random = np.random.default_rng(3)
    xs = np.where(random.random(400) < 0.5, random.normal(0, 60, 400), random.normal(200, 60, 400)).tolist()
    exact, close = (said(run(state_of(z), *walk(*xs))) for z in (HOME_ZONE, many))
    assert exact == close
    assert len(exact) > 10


def test_the_time_a_schedule_began_does_not_raise_twice_with_a_fix_that_comes_a_moment_late() -> None:
    state = state_of(circle(schedule=(Window("Asia/Seoul", DAYS, time(9, 30), time(10, 0)),)))
    run(state, [fix(0, 400)], [fix(1, 400)])
    alerts = run(state, tick(30), [fix(29.99, 400)], tick(30.1), tick(60), [fix(59.99, 400)], tick(60.1), start=2)
    assert told(alerts) == [("raise", "home"), ("clear", "home")]


HALF_PAST = (Window("Asia/Seoul", DAYS, time(9, 30), time(10, 0)),)


@pytest.mark.parametrize(
    ("zones", "before", "late"),
    [
        ((circle(schedule=HALF_PAST),), [*walk(400, 400), tick(30)], [[fix(29.99, 0)]]),
        (
            (zone("river", kind="forbidden", schedule=HALF_PAST),),
            [*walk(0, 0), tick(30)],
            [[fix(29.98, 400)], [fix(29.99, 400)]],
        ),
        ((HOME_ZONE, EXPECTED), [*walk(0, 0), *ticking(30, 40)], [[fix(39.99, 1000)]]),
    ],
    ids=["left", "entered", "missed"],
)
def test_an_alarm_of_a_time_that_has_come_is_never_over_before_it_began(
    zones: tuple[SafeZone, ...], before: list, late: list
) -> None:
    """A clear that is older than its episode is ignored, and the incident would stay."""
    state = state_of(*zones)
    (raised,) = run(state, *before)
    (cleared,) = run(state, *late, start=20)
    assert (cleared.action, cleared.id, cleared.ends_at) == ("clear", raised.id, raised.starts_at)


def test_an_entry_ends_with_the_hours_of_its_zone_and_not_by_a_fix_of_the_time_before_them() -> None:
    state = state_of(zone("river", kind="forbidden", schedule=HALF_PAST))
    (raised,) = run(state, *walk(0, 0), tick(30))
    assert run(state, [fix(29.99, 0)], tick(59), start=10) == []
    (ended,) = run(state, tick(60), start=20)
    assert (ended.id, ended.action, ended.moot) == (raised.id, "clear", True)


def test_nor_is_one_that_ends_with_its_zone_which_shows_the_newest_word_of_any_device() -> None:
    registry = Registry(circle(schedule=HALF_PAST))
    state = state_of(registry=registry)
    (raised,) = run(state, *walk(400, 400), *walk(410, 410, start=2, device="d2"), tick(30))
    registry.change()
    (ended,) = run(state, tick(31), start=20)
    assert (ended.id, ended.action, ended.ends_at) == (raised.id, "clear", raised.starts_at)
    assert ended.because.fixes[-1].at == AT + timedelta(minutes=3)


def test_since_when_somebody_is_expected_outlasts_a_restart_though_nothing_was_heard_meanwhile() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    run(state, [fix(0, 0, device="d2", person="p2")], *walk(0), tick(1))
    registry.change(HOME_ZONE, EXPECTED)
    run(state, *walk(0, start=2), start=10)
    kept = dict(state.changed())
    run(state, *ticking(30), start=20)
    kept |= dict(state.changed())
    other = state_of(registry=registry)
    for shard, block in kept.items():
        other.load(shard, block)
    assert said(run(other, tick(40), tick(40.5), start=30)) == [("not-arrived", "raise", "school")]
