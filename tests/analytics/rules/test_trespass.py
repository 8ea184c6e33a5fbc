"""People in forbidden zones, frame by frame."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analytics.rules.trespass import Rule, Watch, elapse, step
from haechi.domain.alerting import Alert
from haechi.domain.geo import Point
from haechi.domain.schedule import DAYS, Window
from haechi.domain.video import BoundingBox, Camera, CameraZone, Sighting, Sightings, TrackId

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)  # 23:00 in Seoul
NIGHT = (Window("Asia/Seoul", DAYS, time(22, 0), time(6, 0)),)
YARD = CameraZone("z1", "school yard", "forbidden", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), NIGHT)
CAMERA = Camera("c1", "haneul", "School yard", "rtsp://x", Point(126.92, 37.61), (YARD,))
RULE = Rule(frames=3, quiet_s=10)
IN_YARD = BoundingBox(0.4, 0.3, 0.1, 0.4)  # feet at 0.7
ON_WALL = BoundingBox(0.4, 0.0, 0.1, 0.4)  # feet at 0.4


def frame(second: float, *boxes: BoundingBox, label: str = "person", at: datetime = AT) -> Sightings:
    when = at + timedelta(seconds=second)
    sightings = tuple(Sighting(TrackId("c1", 1, i), label, box, 0.9) for i, box in enumerate(boxes))  # type: ignore[arg-type]
    return Sightings("c1", int(second * 10), when, when, sightings, "ab" * 32 if boxes else None)


def run(*frames: Sightings) -> list[Alert]:
    watch, alerts = Watch(), []
    for seen in frames:
        watch, said = step(watch, RULE, CAMERA, YARD, seen)
        alerts.extend(said)
    return alerts


def test_three_of_five_frames_with_feet_in_the_zone_raise_once_with_the_picture() -> None:
    frames = [
        frame(0, IN_YARD),
        frame(0.2),
        frame(0.4, IN_YARD),
        frame(0.6),
        *(frame(0.8 + i, IN_YARD) for i in range(5)),
    ]
    (alert,) = run(*frames)
    assert alert.action == "raise"
    assert alert.evidence == "ab" * 32
    assert alert.because.words == "one person in school yard, seen by School yard"


def test_a_flicker_of_two_frames_says_nothing() -> None:
    assert run(frame(0, IN_YARD), frame(0.2, IN_YARD), *(frame(0.4 + i / 5) for i in range(9))) == []


def test_feet_outside_the_zone_do_not_count_though_the_box_reaches_into_it() -> None:
    assert run(*(frame(i, ON_WALL) for i in range(9))) == []


def test_a_car_is_no_trespasser() -> None:
    assert run(*(frame(i, IN_YARD, label="car") for i in range(9))) == []


def test_by_day_the_yard_is_everybodys() -> None:
    noon = AT + timedelta(hours=13)
    assert run(*(frame(i, IN_YARD, at=noon) for i in range(9))) == []


def test_a_quiet_while_clears_the_same_alert() -> None:
    raised, cleared = run(*(frame(i / 5, IN_YARD) for i in range(5)), *(frame(i) for i in range(1, 15)))
    assert (raised.action, cleared.action) == ("raise", "clear")
    assert raised.id == cleared.id


def test_time_alone_clears_when_the_camera_says_nothing_more() -> None:
    watch = Watch()
    for i in range(5):
        watch, _ = step(watch, RULE, CAMERA, YARD, frame(i / 5, IN_YARD))
    watch, said = elapse(watch, RULE, CAMERA, YARD, AT + timedelta(seconds=60))
    assert [a.action for a in said] == ["clear"]
    assert elapse(watch, RULE, CAMERA, YARD, AT + timedelta(seconds=61)) == (watch, ())


def test_the_morning_ends_the_episode() -> None:
    dawn = datetime(2026, 11, 22, 20, 59, 58, tzinfo=UTC)
    raised, cleared = run(*(frame(i / 2, IN_YARD, at=dawn) for i in range(8)))
    assert cleared.because.words == "the schedule has ended: school yard"
    assert raised.id == cleared.id


@given(st.lists(st.tuples(st.floats(0, 15), st.booleans()), max_size=60))
def test_raise_and_clear_always_alternate(gaps: list[tuple[float, bool]]) -> None:
    second, frames = 0.0, []
    for gap, someone in gaps:
        second += gap
        frames.append(frame(second, *([IN_YARD] if someone else [])))
    actions = [a.action for a in run(*frames)]
    assert actions == ["raise", "clear"] * (len(actions) // 2) + ["raise"] * (len(actions) % 2)
