"""What is frozen with an incident, and what a second press makes of it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import shapely

from haechi.domain.alerting import Alert, Status, urgent_alert
from haechi.domain.coverage import CameraSite, Coverage
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident, apply_alert, open_incident
from haechi.domain.people import Position, UrgentCall
from haechi.domain.places import Gazetteer, NamedPlace
from haechi.domain.scene import FIXES, Scene, last_before, scene_of

AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
HERE, THERE = Point(127.0, 37.5), Point(127.001, 37.5)
MAP = Gazetteer([NamedPlace("gate", "School Gate", "정문", shapely.Point(127.0, 37.5))], HERE)
CAMERAS = Coverage([CameraSite("cam", "haneul", "Gate", HERE)])


def fix(seconds: float, point: Point = HERE, battery: float | None = None) -> Position:
    at = AT + timedelta(seconds=seconds)
    return Position("abcdefghijkl", "child", at, at, point, 8.0, battery=battery)


def press(seconds: float, point: Point | None) -> Alert:
    at = AT + timedelta(seconds=seconds)
    call = UrgentCall(f"c{seconds}", "sos", "abcdefghijkl", "child", "haneul", at, at, point, 8.0, 40.0)
    return urgent_alert(call, at)


def scene(alert: Alert, *fixes: Position) -> Scene:
    return scene_of(alert.point, alert.accuracy_m, alert.starts_at, fixes, None, "haneul", MAP, CAMERAS)


def opened(alert: Alert, *fixes: Position) -> Incident:
    return open_incident(alert, "i", 1, AT, None, scene(alert, *fixes)).incident


def test_a_press_with_a_fix_is_at_its_own_place_and_remembers_the_fixes_before() -> None:
    incident = opened(press(0, HERE), fix(-60, THERE, battery=55), fix(-120, THERE), fix(30, THERE))
    assert incident.scene is not None
    assert (incident.point, incident.seen_at) == (HERE, AT)
    assert [f.at for f in incident.scene.fixes] == [AT - timedelta(seconds=120), AT - timedelta(seconds=60)]
    assert incident.scene.battery == 55
    assert incident.scene.place is not None
    assert incident.scene.place.en == "at School Gate"
    assert [camera.name for camera in incident.scene.cameras] == ["Gate"]


def test_a_press_without_a_fix_is_at_the_last_one_and_says_how_old_that_is() -> None:
    incident = opened(press(0, None), fix(-600))
    assert incident.point == HERE
    assert AT - incident.seen_at == timedelta(minutes=10)


def test_without_any_fix_the_incident_opens_without_a_place() -> None:
    incident = opened(press(0, None))
    assert (incident.point, incident.scene) == (None, Scene())


def test_no_credential_of_a_device_is_kept_and_no_more_fixes_than_help() -> None:
    fixes = last_before([fix(-n) for n in range(50)], AT)
    assert len(fixes) == FIXES
    assert {f.device for f in fixes} == {"abcdef…"}
    assert last_before(fixes, AT) == fixes
    assert press(0, HERE).because.fixes[0].device == "abcdef…"


def test_a_second_press_moves_the_place_and_one_that_comes_late_does_not() -> None:
    first = opened(press(0, HERE))
    later = press(30, THERE)
    second = apply_alert(first, later, AT, scene(later)).incident
    assert (second.point, second.presses) == (THERE, 2)
    late = press(10, HERE)
    third = apply_alert(second, late, AT, scene(late)).incident
    assert (third.point, third.presses) == (THERE, 3)
    assert third.scene == second.scene


def test_a_press_that_knows_no_place_leaves_the_one_that_is_known() -> None:
    first = opened(press(0, HERE))
    bare = press(30, None)
    assert apply_alert(first, bare, AT, scene(bare, fix(-60, THERE))).incident.point == HERE


def test_a_clock_that_is_ahead_makes_no_place_newer_than_what_we_heard_since() -> None:
    """A watch that gives its local time for UTC is nine hours ahead: for so long its place was that of now."""
    received = AT + timedelta(seconds=1)
    ahead = UrgentCall("c", "sos", "abcdefghijkl", "child", "haneul", AT + timedelta(hours=9), received, HERE)
    first = open_incident(urgent_alert(ahead, received), "i", 1, received, None).incident
    assert (first.starts_at, first.seen_at) == (received, received)
    assert apply_alert(first, press(30, THERE), received).incident.point == THERE


def test_a_press_without_a_fix_is_at_the_last_one_also_where_that_clock_is_ahead() -> None:
    nine_hours = timedelta(hours=9)
    old, new = (msgspec.structs.replace(one, at=one.at + nine_hours) for one in (fix(-9 * 3600, THERE), fix(-60)))
    incident = opened(press(0, None), old, new)
    assert (incident.point, incident.seen_at) == (HERE, AT - timedelta(seconds=60))


def test_a_cancel_is_told_and_ends_nothing() -> None:
    first = opened(press(0, HERE))
    at = AT + timedelta(seconds=5)
    cancel = urgent_alert(UrgentCall("c", "cancel", "abcdefgh", "child", "haneul", at, at), at, "sos")
    step = apply_alert(first, cancel, at, scene(cancel))
    assert (step.incident.open, step.incident.ends_at, step.incident.presses) == (True, None, 1)
    assert "cancel" in step.events[0].words


def test_when_nothing_could_be_looked_up_the_alerts_own_place_moves_it() -> None:
    first = opened(press(0, HERE))
    step = apply_alert(first, press(30, THERE), AT, None)
    assert step.incident.point == THERE
    assert step.incident.seen_at == AT + timedelta(seconds=30)


@pytest.mark.parametrize("status", ["Test", "Exercise"])
def test_a_drill_about_a_person_is_kept_without_a_scene_and_one_at_a_camera_with_it(status: Status) -> None:
    drill, again = (msgspec.structs.replace(press(second, HERE), status=status) for second in (0, 30))
    first = opened(drill, fix(-60, THERE))
    assert (first.point, first.scene) == (None, Scene())
    second = apply_alert(first, again, AT, scene(again, fix(-60, THERE))).incident
    assert (second.point, second.scene) == (None, Scene())
    assert opened(msgspec.structs.replace(drill, kind="trespass", subject="cam")).point == HERE
