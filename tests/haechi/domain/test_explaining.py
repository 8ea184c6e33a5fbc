"""Why an alert came, in words that whoever asks can check."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.alerting import Because, Severity, Status
from haechi.domain.coverage import Watcher
from haechi.domain.deliveries import NO_CHANNEL, DeliveryView, Recipient, RecipientKind
from haechi.domain.explaining import Explanation, explain
from haechi.domain.geo import Circle, Point
from haechi.domain.incidents import Incident, IncidentEvent, for_people
from haechi.domain.people import Position, SafeZone
from haechi.domain.places import PlaceWords
from haechi.domain.scene import Scene

AT = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
HOME = SafeZone("z1", "haneul", "child", "Home", Circle(Point(127.0, 37.5), 50), (), version=3)
OUT = Point(127.00113, 37.5)  # 100 m east of the middle


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def fix(seconds: float, point: Point) -> Position:
    return Position("abcdefgh", "child", later(seconds), later(seconds + 0.2), point, 8.0, battery=31.0)


def left_home(**changes: object) -> Incident:
    plain = Incident(
        id="i",
        alert_id="a",
        number=42,
        kind="zone-exit",
        subject="child",
        place="z1",
        district="haneul",
        severity=Severity.LIFE_SAFETY,
        status="Actual",
        state="acknowledged",
        title="Left safe zone Home",
        starts_at=AT,
        received_at=later(0.2),
        decided_at=later(0.25),
        opened_at=later(0.3),
        because=Because(
            "safe-zone",
            "is outside: Home",
            fixes=(fix(-60, Point(127.0, 37.5)), fix(0, OUT)),
            values=(("buffer_m", 20.0), ("confirmations", 2.0), ("fix_age_s", 0.5)),
            zone="z1",
            zone_version=3,
        ),
        first_attempt_at=later(0.4),
        acknowledged_at=later(190),
        acknowledged_by="Kim Minji (guardian)",
        point=OUT,
        accuracy_m=8.0,
        scene=Scene(
            OUT,
            8.0,
            AT,
            PlaceWords("at School Gate", "정문 앞"),
            battery=31.0,
            cameras=(Watcher("c", "Gate", 45, "sees"),),
        ),
    )
    return msgspec.structs.replace(plain, **changes)


def delivery(kind: RecipientKind, name: str, **changes: object) -> DeliveryView:
    to = Recipient(kind, name, name, "webhook", "https://example.org/secret")
    plain = DeliveryView("d", to, "opened", "delivered", 1, AT, AT, later(0.4), later(0.45))
    return msgspec.structs.replace(plain, **changes)


MUTE = DeliveryView(
    "m",
    Recipient("guardian", "aunt", "Lee Sora", NO_CHANNEL, "cannot be told"),
    "opened",
    "failed",
    0,
    AT,
    AT,
    last_error="cannot be told: no webhook address is registered",
)
TOLD = (
    delivery("guardian", "Kim Minji"),
    delivery("desk", "Desk", state="pending", attempts=3, last_error="503"),
    MUTE,
)


def why(incident: Incident, told: tuple[DeliveryView, ...] = TOLD, zone: SafeZone | None = HOME) -> Explanation:
    trail = [IncidentEvent("opened", later(0.3), "rule", "is outside: Home")]
    return explain(incident, trail, told, zone, later(600), ZoneInfo("Asia/Seoul"))


def section(explanation: Explanation, title: str) -> str:
    return "\n".join(next(s for s in explanation.sections if s.title == title).lines)


def test_times_are_shown_as_times_and_answers_as_answers() -> None:
    values = (("outside_since_at", later(-600).timestamp()), ("walked", 1.0), ("empty_at", later(3600).timestamp()))
    because = msgspec.structs.replace(left_home().because, values=values)
    shown = section(why(left_home(because=because)), "Why")
    assert "outside since 2026-05-04 15:20:00, walked: yes, empty 2026-05-04 16:30:00" in shown


def test_it_names_the_zone_with_its_version_the_thresholds_and_how_far_outside_each_fix_was() -> None:
    explanation = why(left_home())
    assert "zone Home (z1, version 3)" in section(explanation, "Why")
    assert "buffer 20 m, confirmations 2, fix age 0.5 s" in section(explanation, "Why")
    first, second = section(explanation, "Fixes that decided it").splitlines()
    assert "15:29:00" in first
    assert "inside Home" in first
    assert "37.50000, 127.00113 ±8 m · 50 m outside Home · battery 31 % · had after 0.20 s" in second


def test_a_zone_that_was_changed_since_is_said_and_no_distance_to_the_new_one_is_told() -> None:
    explanation = why(left_home(), zone=msgspec.structs.replace(HOME, version=5))
    assert "at version 5 now" in section(explanation, "Why")
    assert "outside Home" not in section(explanation, "Fixes that decided it")
    assert "not there any more" in section(why(left_home(), zone=None), "Why")


def test_it_says_when_each_step_was() -> None:
    steps = section(why(left_home()), "When").splitlines()
    assert steps == [
        "happened 2026-05-04 15:30:00 KST",
        "received after 0.20 s",
        "decided after 0.25 s",
        "incident opened after 0.30 s",
        "first attempt to tell someone after 0.40 s",
        "acknowledged after 3 min",
    ]


def test_it_says_where_with_the_age_then_and_now_and_which_cameras_see_it() -> None:
    scene = Scene(
        OUT, 8.0, later(-240), PlaceWords("at School Gate", "정문 앞"), cameras=(Watcher("c", "Gate", 45, "sees"),)
    )
    where = section(why(left_home(scene=scene)), "Where")
    assert "at School Gate (정문 앞); 37.50000, 127.00113 ±8 m" in where
    assert "4 min before the alert; 14 min ago now" in where
    assert "battery 31 %" in section(why(left_home()), "Where")
    assert "camera Gate sees it from 45 m" in where


def test_it_says_who_was_told_and_why_and_who_was_not_and_why() -> None:
    explanation = why(left_home())
    told, untold = section(explanation, "Who was told"), section(explanation, "Who was not told")
    assert "Kim Minji (guardian) by webhook, because guards the person" in told
    assert "taken after 0.45 s" in told
    assert "Desk (desk)" in told
    assert "3 attempts; last answer: 503" in told
    assert "Lee Sora (guardian): cannot be told: no webhook address" in untold
    assert "police: alerts of the kind zone-exit do not go there" in untold
    assert "Lee Sora" not in told


def test_what_came_before_its_time_is_said_to_have_come_before() -> None:
    early = msgspec.structs.replace(fix(0, OUT), received_at=later(-5))
    because = msgspec.structs.replace(left_home().because, fixes=(early,))
    assert "had 5.00 s before" in section(why(left_home(because=because)), "Fixes that decided it")


def test_what_arrived_in_the_end_is_told_without_the_failures_before_it() -> None:
    late = delivery("guardian", "Kim Minji", attempts=2, last_error="503")
    told = section(why(left_home(), told=(late,)), "Who was told")
    assert told.endswith("taken after 0.45 s, 2 attempts")


def test_when_nobody_could_be_told_it_says_so() -> None:
    assert section(why(left_home(), told=(MUTE,)), "Who was told") == "nobody"


def test_of_a_drill_it_says_that_no_agency_hears() -> None:
    for status in ("Exercise", "Test"):
        explanation = why(left_home(kind="sos", status=status), told=TOLD[:1])
        assert f"police: status {status}: an agency never hears of it" in section(explanation, "Who was not told")
        assert status.upper() in explanation.headline


def test_no_address_and_no_credential_is_in_it() -> None:
    text = why(left_home()).text()
    assert "secret" not in text
    assert "abcdefgh" not in text


def test_without_a_place_it_says_whether_none_was_known_or_none_is_shown() -> None:
    for incident, words in (
        (left_home(point=None, scene=None), "the place was not known"),
        (for_people(left_home(status="Test")), "a drill tells no place"),
        (for_people(left_home(), places=False), "not shown"),
    ):
        assert words in section(why(incident), "Where")


@given(
    st.sampled_from(["Actual", "Exercise", "Test"]),
    st.lists(st.sampled_from(TOLD), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_known_something_is_said_and_each_kind_of_recipient_is_accounted_for(
    status: Status, told: list[DeliveryView], placed: bool, zoned: bool
) -> None:
    incident = left_home(status=status)
    if not placed:
        incident = msgspec.structs.replace(incident, point=None, scene=None, because=Because("urgent", "SOS"))
    text = why(incident, tuple(told), HOME if zoned else None).text()
    for kind in ("guardian", "police", "fire", "desk"):
        assert kind in text


def test_of_who_was_never_heard_it_says_so_and_claims_no_place() -> None:
    words = "was expected, and none of their devices was heard since we began to watch them: School"
    because = Because("zone:safe", words, values=(("buffer_m", 20.0),), zone="z1", zone_version=3)
    missed = left_home(
        kind="not-arrived", title="Has not arrived at School", because=because, point=None, accuracy_m=None, scene=None
    )
    explained = explain(missed, (), (), HOME, later(600), UTC)
    lines = {section.title: section.lines for section in explained.sections}
    assert lines["Why"][0] == f"{words} (rule zone:safe)"
    assert lines["Where"] == ("the place was not known",)
    assert "Fixes that decided it" not in lines
