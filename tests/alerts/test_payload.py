"""A message says enough to act on, and no more than its reader may know."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.links import Links
from alerts.payload import Payload, payload_of
from haechi.domain.alerting import Because, Status
from haechi.domain.coverage import Watcher
from haechi.domain.deliveries import Recipient, RecipientKind
from haechi.domain.incidents import Incident
from haechi.domain.places import PlaceWords
from haechi.domain.scene import Scene
from tests.alerts.build import AT, delivery, incident

LINKS = Links("a key", "http://127.0.0.1:8080")
SEOUL = ZoneInfo("Asia/Seoul")
MIDNIGHT = datetime(2027, 1, 1, tzinfo=SEOUL)  # the end of the last day of 2026


def sent_to(kind: RecipientKind, about: Incident | None = None) -> Payload:
    to = Recipient(kind, "someone", "Someone", "webhook", "https://example.org/hook")
    return payload_of(delivery(recipient=to, incident=about or incident()), LINKS, AT + timedelta(seconds=4), SEOUL)


@pytest.mark.parametrize("kind", ["guardian", "police", "fire"])
def test_who_goes_there_is_told_the_place_its_accuracy_and_its_age(kind: RecipientKind) -> None:
    point = sent_to(kind).point
    assert point is not None
    assert (point.lon, point.lat, point.accuracy_m, point.age_s) == (126.978, 37.5665, 12.0, 4.0)


def test_an_agency_is_told_the_place_in_words_and_which_cameras_see_it_a_guardian_only_the_place() -> None:
    words = PlaceWords("at School Gate", "정문 앞")
    watchers = (Watcher("c1", "Gate", 45, "sees"),)
    scene = Scene(incident().point, 12.0, AT, words, battery=31.0, cameras=watchers)
    for kind, names in (("police", ("Gate",)), ("fire", ("Gate",)), ("guardian", ()), ("desk", ())):
        payload = sent_to(kind, incident(scene=scene))
        assert payload.cameras == names, kind
        assert (payload.point.words if payload.point else None) == (None if kind == "desk" else words)
        assert b"battery" not in msgspec.json.encode(payload)


def test_the_age_is_that_of_the_fix_and_not_that_of_the_press() -> None:
    old = Scene(incident().point, 12.0, AT - timedelta(minutes=10))
    point = sent_to("police", incident(scene=old)).point
    assert point is not None
    assert point.age_s == 604.0


@pytest.mark.parametrize("status", ["Test", "Exercise"])
def test_a_drill_tells_no_place_not_even_one_that_was_stored_with_it(status: Status) -> None:
    payload = sent_to("guardian", incident(status=status, scene=Scene(incident().point, 12.0, AT)))
    assert payload.point is None


def test_the_desk_is_told_no_place() -> None:
    assert sent_to("desk").point is None


def test_a_guardian_gets_a_link_and_an_agency_an_address_to_answer() -> None:
    guardian, police = sent_to("guardian"), sent_to("police")
    assert guardian.link is not None
    assert guardian.reply_to is None
    assert LINKS.open_guardian(guardian.link.rsplit("/", 1)[1], AT).holder == "someone"
    assert police.link is None
    assert police.reply_to is not None
    assert LINKS.open_agency(police.reply_to.rsplit("/", 1)[1], AT).holder == "msg_1"


@pytest.mark.parametrize("kind", ["guardian", "desk"])
def test_whatever_a_zone_is_called_the_title_is_one_line_that_nothing_turns_around(kind: RecipientKind) -> None:
    """A guardian names zones too, and the others get the title as a text."""
    named = "Left safe zone home\r\nFrom: the police\u2028\u202eevil\0\x1b[2J"
    because = Because("zone", "left", zone_name=named.removeprefix("Left safe zone "))
    left = incident(kind="zone-exit", title=named, because=because)
    to = Recipient(
        kind, "someone", "Someone", "webhook", "https://example.org/hook", "en" if kind == "guardian" else ""
    )
    title = payload_of(delivery(recipient=to, incident=left), LINKS, AT, SEOUL, "Ji\nhoon").title
    assert title.isprintable()
    assert "home From: the police evil" in title


@given(st.text(max_size=30_000))
def test_it_stays_below_twenty_kilobytes_whatever_an_alert_is_titled(title: str) -> None:
    body = msgspec.json.encode(payload_of(delivery(incident=incident(title=title)), LINKS, AT, SEOUL))
    assert len(body) < 20_000


def test_it_carries_no_name_and_no_words_of_the_rule() -> None:
    body = msgspec.json.encode(sent_to("guardian")).decode()
    assert "Kim Minji" not in body
    assert "device" not in body


def test_a_guardian_reads_what_it_is_in_their_language_and_a_test_is_marked_first() -> None:
    def title(language: str, **changes: object) -> str:
        to = Recipient("guardian", "g", "G", "webhook", "https://example.org/hook", language)
        return payload_of(
            delivery(recipient=to, incident=incident(**{"point": None} | changes)), LINKS, AT, SEOUL
        ).title

    assert title("ko") == "SOS 버튼이 눌렸습니다 · 위치를 알 수 없습니다"
    assert title("ko", status="Test") == "[시험] SOS 버튼이 눌렸습니다"
    assert title("en", status="Test", kind="phone-test") == "[TEST] Does this message reach you?"
    assert sent_to("desk", incident(status="Exercise")).title == "EXERCISE · SOS pressed"


def test_a_press_that_reached_us_two_hours_later_says_its_age_with_a_place_and_without() -> None:
    late = {"starts_at": AT - timedelta(hours=2), "received_at": AT}
    nowhere = incident(point=None, scene=None, **late)

    def title(kind: RecipientKind, language: str, about: Incident) -> str:
        to = Recipient(kind, "x", "X", "webhook", "https://example.org/hook", language)
        return payload_of(delivery(recipient=to, incident=about), LINKS, AT, SEOUL, "Jihoon").title

    assert title("guardian", "en", nowhere) == "Jihoon · SOS pressed · 2 h ago · The place is not known"
    assert title("guardian", "ko", nowhere) == "Jihoon · SOS 버튼이 눌렸습니다 · 2시간 전 · 위치를 알 수 없습니다"
    assert title("guardian", "en", incident(**late)) == "Jihoon · SOS pressed · 2 h ago · place 2 h old"
    assert title("guardian", "", nowhere) == "SOS pressed · 2 h ago"
    assert title("police", "", nowhere) == "SOS pressed · 2 h ago"
    assert title("desk", "", msgspec.structs.replace(nowhere, status="Exercise")) == "EXERCISE · SOS pressed · 2 h ago"
    sent = sent_to("police", nowhere)
    assert (sent.starts_at, sent.received_at) == (AT - timedelta(hours=2), AT)


def test_a_press_that_came_at_once_says_no_age_however_late_its_message_is_sent() -> None:
    to = Recipient("guardian", "g", "G", "webhook", "https://example.org/hook", "en")
    sent = payload_of(delivery(recipient=to, incident=incident(point=None)), LINKS, AT + timedelta(hours=1), SEOUL)
    assert sent.title == "SOS pressed · The place is not known"


def test_a_guardian_reads_who_left_which_zone_how_old_the_place_is_and_that_it_is_over() -> None:
    because = Because("zone:safe", "is outside: Home", zone_name="Home")
    about = incident(kind="zone-exit", because=because, scene=Scene(incident().point, 12.0, AT - timedelta(minutes=5)))

    def title(language: str, address: str = "https://example.org/hook", **changes: object) -> str:
        to = Recipient("guardian", "g", "G", "webhook", address, language)
        sent = delivery(recipient=to, incident=msgspec.structs.replace(about, **changes))
        return payload_of(sent, LINKS, AT, SEOUL, "Jihoon").title

    assert title("en") == "Jihoon · Left the safe zone · Home · place 5 min old"
    assert title("ko") == "Jihoon · 안심구역을 벗어났습니다 · Home · 5분 전 위치"
    old = Scene(about.point, 12.0, AT - timedelta(days=3))
    assert title("ko", scene=old) == "Jihoon · 안심구역을 벗어났습니다 · Home · 3일 전 위치"
    moot = title("en", ends_at=AT, moot=True)
    assert "is back" not in moot, "the hours of the zone ended, and nobody knows where they are"
    assert "no longer watched" in moot


def test_that_somebody_is_back_is_read_first_where_a_telephone_shows_the_first_words_only() -> None:
    because = Because("zone:safe", "is back inside: Home", zone_name="Home")
    back = incident(kind="zone-exit", because=because, ends_at=AT)

    def title(language: str) -> str:
        to = Recipient("guardian", "g", "G", "webhook", "https://example.org/hook", language)
        return payload_of(delivery(recipient=to, incident=back), LINKS, AT, SEOUL, "Jihoon").title

    clock = f"{AT.astimezone(SEOUL):%H:%M}"
    assert title("en") == f"Jihoon · is back inside ({clock}) · Home · before: Left the safe zone"
    assert title("ko") == f"Jihoon · 다시 안으로 돌아왔습니다 ({clock}) · Home · 앞서: 안심구역을 벗어났습니다"


def test_the_name_goes_to_guardians_over_tls_or_within_this_machine_and_to_nobody_else() -> None:
    for kind, address, named in (
        ("guardian", "https://example.org/hook", True),
        ("guardian", "http://example.org/hook", False),
        ("guardian", "http://127.0.0.1:8081/hook", True),
        ("guardian", "http://[::1]:8081/hook", True),
        ("guardian", "http://127.0.0.1.example.org/hook", False),
        ("guardian", "http://127.0.0.1:8081@example.org/hook", False),
        ("police", "http://127.0.0.1:8081/hook", False),
        ("police", "https://example.org/hook", False),
        ("desk", "https://example.org/hook", False),
    ):
        to = Recipient(kind, "x", "X", "webhook", address, "en")  # type: ignore[arg-type]  # as the table has it
        body = msgspec.json.encode(payload_of(delivery(recipient=to), LINKS, AT, SEOUL, "Jihoon"))
        assert (b"Jihoon" in body) is named, (kind, address)


def test_a_silence_says_what_explains_it() -> None:
    def title(language: str, **values: float) -> str:
        to = Recipient("guardian", "g", "G", "webhook", "https://example.org/hook", language)
        because = Because("silence", "x", values=tuple(values.items()))
        about = incident(kind="silent", because=because, point=None)
        return payload_of(delivery(recipient=to, incident=about), LINKS, AT, SEOUL).title

    assert title("en", inside=0.0, battery_explains=0.0) == "The device has fallen silent"
    assert title("en", other_heard_s=30.0) == "The device has fallen silent · another device of theirs is still heard"
    assert title("en", inside=1.0) == "The device has fallen silent · in a safe zone when last heard"
    explained = "The device has fallen silent · the battery was all but empty · battery 2 %"
    assert title("en", battery_explains=1.0, battery=2.0) == explained
    assert title("ko", other_heard_s=30.0) == "기기의 연락이 끊겼습니다 · 다른 기기는 아직 연락됩니다"


def test_the_battery_and_the_consent_say_until_when() -> None:
    def title(kind: str, **values: float) -> str:
        to = Recipient("guardian", "g", "G", "webhook", "https://example.org/hook", "en")
        because = Because("x", "x", values=tuple(values.items()))
        about = incident(kind=kind, because=because, point=None)
        return payload_of(delivery(recipient=to, incident=about), LINKS, AT, SEOUL).title

    later = AT + timedelta(hours=2)
    battery = "The device's battery is low · battery 12 %, empty at about 17:30"
    assert title("battery-low", battery=12.4, empty_at=later.timestamp()) == battery
    assert title("consent-ends", days_left=7, ends_at=MIDNIGHT.timestamp()).endswith("until 2026-12-31")
    consent = "The consent to use the place ends soon · days left: 7, until 2026-05-04"
    assert title("consent-ends", days_left=7, ends_at=later.timestamp()) == consent
