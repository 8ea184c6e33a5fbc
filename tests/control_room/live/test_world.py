from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from control_room.live.sources import Registry
from control_room.live.view import Audience
from control_room.live.world import TRAIL, World
from haechi.domain.alerting import Status
from haechi.domain.geo import Point
from haechi.domain.people import Position
from haechi.domain.scene import Scene
from tests.control_room.district import CAMERAS, SENSORS, ZONES, D, incident, people, walk
from tests.control_room.stand_ins import Rows, everyone_of

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def world() -> World:
    return World(Registry(Rows(people("")), Rows(CAMERAS), Rows(SENSORS), Rows(ZONES)), lambda _: "somewhere")


def position(person: str, after_s: float = 0) -> Position:
    at = NOW + timedelta(seconds=after_s)
    return Position("d", person, at, at, Point(126.92, 37.61))


def test_a_view_holds_nothing_of_another_district() -> None:
    here = world()
    here.replace_incidents([incident(1, "sos", "p2", "-", "SOS pressed", 1, NOW)])
    here.put_everyone({p.id: position(p.id) for p in people("")}, NOW)
    view = here.view(everyone_of("elsewhere"), NOW)
    assert not view.incidents
    assert not view.people
    assert not view.cameras
    assert not view.sensors
    assert not view.zones
    assert not view.counts
    assert view.reporting == 0
    assert here.view(everyone_of(D), NOW).incidents


def test_who_may_not_see_where_people_are_is_told_neither_a_place_nor_words_that_may_say_it() -> None:
    here = world()
    opened = incident(
        1, "zone-exit", "p2", next(iter(ZONES)).id, "Left safe zone school", 1, NOW, words="50 m from Dallae-ro"
    )
    thing = incident(2, "gas", "s1", "gas", "Gas", 1, NOW, words="34 % LEL")
    here.replace_incidents([opened, thing])
    here.put_positions({"p2": position("p2")})
    view = here.view(Audience(frozenset({D}), frozenset()), NOW)
    assert (view.trails, view.zones) == ({}, {})
    hidden, gas = view.incidents
    assert (hidden.point, hidden.scene, hidden.because.fixes, hidden.title) == (None, None, (), "Left safe zone")
    assert "Dallae-ro" not in hidden.because.words
    assert gas == thing
    assert here.view(everyone_of(D), NOW).trails


def test_only_subjects_of_open_incidents_have_a_place_of_their_own() -> None:
    here = world()
    opened = incident(1, "sos", "p2", "-", "SOS pressed", 1, NOW)
    here.put_incidents([opened])
    assert here.subjects == {"p2"}
    here.put_positions({"p1": position("p1"), "p2": position("p2")})
    view = here.view(everyone_of(D), NOW)
    assert set(view.trails) == {opened.id}
    assert set(view.people) == {"p2"}
    assert b"Oh Mal-sun" not in msgspec.json.encode([view.people, view.incidents, view.trails])


@pytest.mark.parametrize("status", ["Test", "Exercise"])
def test_a_drill_shows_nobodys_place_not_even_one_that_was_stored_with_it(status: Status) -> None:
    here = world()
    fixes = walk("p1", NOW)
    drill = incident(
        1,
        "sos",
        "p1",
        "test",
        "SOS",
        1,
        NOW,
        fixes=fixes,
        status=status,
        scene=Scene(fixes[-1].point),
        point=fixes[-1].point,
    )
    here.replace_incidents([drill])
    assert not here.subjects
    here.put_positions({"p1": position("p1")})
    view = here.view(everyone_of(D), NOW)
    assert not view.trails
    (shown,) = view.incidents
    assert (shown.point, shown.scene, shown.because.fixes) == (None, None, ())


def test_a_drill_beside_something_real_takes_nothing_of_its_place() -> None:
    here = world()
    here.put_incidents(
        [
            incident(1, "sos", "p1", "test", "SOS", 1, NOW, status="Test"),
            incident(2, "sos", "p1", "-", "SOS pressed", 1, NOW),
        ]
    )
    here.put_positions({"p1": position("p1")})
    assert set(here.view(everyone_of(D), NOW).trails) == {"i2"}


def test_an_exercise_at_a_camera_is_on_the_map() -> None:
    here = world()
    where = CAMERAS[0].location
    here.put_incidents([incident(1, "trespass", "c1", "z1", "Trespass", 1, NOW, status="Exercise", point=where)])
    assert here.view(everyone_of(D), NOW).incidents[0].point == where


def test_a_trail_ends_with_its_incident() -> None:
    here = world()
    opened = incident(1, "zone-exit", "p1", "home", "Left safe zone", 1, NOW, fixes=walk("p1", NOW), zone="home")
    here.put_incidents([opened])
    assert len(here.view(everyone_of(D), NOW).trails[opened.id]) == len(walk("p1", NOW))
    here.put_incidents([msgspec.structs.replace(opened, state="closed", version=9)])
    view = here.view(everyone_of(D), NOW)
    assert not view.incidents
    assert not view.trails
    assert not here.subjects


def test_a_trail_is_bounded_and_ignores_what_is_older_than_its_end() -> None:
    here = world()
    here.put_incidents([incident(1, "sos", "p2", "-", "SOS pressed", 1, NOW)])
    for second in range(TRAIL + 50):
        here.put_positions({"p2": position("p2", second)})
    here.put_positions({"p2": position("p2", 3)})
    (trail,) = here.view(everyone_of(D), NOW).trails.values()
    assert len(trail) == TRAIL
    assert trail[-1].at == NOW + timedelta(seconds=TRAIL + 49)


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    here = world()
    newer = msgspec.structs.replace(incident(1, "sos", "p2", "-", "SOS", 1, NOW), version=3, owner="desk 1")
    here.put_incidents([newer])
    here.put_incidents([msgspec.structs.replace(newer, version=2, owner=None)])
    assert here.view(everyone_of(D), NOW).incidents == (newer,)


def test_a_note_or_a_delivery_is_told_although_the_incident_is_the_same() -> None:
    here = world()
    same = incident(1, "sos", "p2", "-", "SOS", 1, NOW)
    here.put_incidents([same])
    before, revision = here.view(everyone_of(D), NOW).touched[same.id], here.revision
    here.put_incidents([same])
    assert here.view(everyone_of(D), NOW).touched[same.id] == before + 1
    assert here.revision != revision


def test_a_device_that_was_silent_for_ten_minutes_does_not_report() -> None:
    here = world()
    everyone = [p.id for p in people("")]
    here.put_everyone({p: position(p, -600) for p in everyone}, NOW)
    assert here.view(everyone_of(D), NOW).reporting == 0
    here.put_everyone({p: position(p, -10) for p in everyone}, NOW)
    assert here.view(everyone_of(D), NOW).reporting == len(everyone)
    assert [cell.people for cell in here.view(everyone_of(D), NOW).counts] == [len(everyone)]


def test_a_process_that_was_running_and_is_not_now_is_gone_until_it_is_back() -> None:
    here = world()
    gone = lambda: here.view(everyone_of(D), NOW).gone
    here.put_running(["wall", "alerts.sender", "something else"])
    assert gone() == ()
    here.put_running(["wall"])
    assert gone() == ("alerts.sender",)
    here.put_running(["wall", "alerts.sender"])
    assert gone() == ()
