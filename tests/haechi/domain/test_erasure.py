from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from haechi.domain.alerting import Because
from haechi.domain.erasure import (
    ERASED,
    KEPT_OF_INCIDENT,
    LOOK_AGAIN,
    SETTLE,
    Erasure,
    Waiting,
    advance,
    ask,
    wait,
    waits,
    without_person,
)
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident, open_incident
from haechi.domain.people import Position
from ingest.urgent import PERSEVERANCE_S
from tests.haechi.store.conftest import raised

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
KEEPS = {"positions": timedelta(hours=24), "urgent": timedelta(days=7)}
ASKED = ask("e", "p", "haneul", "Park", AT)


def after(erasure: Erasure, seconds: float, *, unclosed: tuple[int, ...] = (), locked: tuple[int, ...] = ()) -> Erasure:
    return advance(erasure, {"devices": 1, "zones": 0}, unclosed, locked, KEEPS, AT + timedelta(seconds=seconds))


def test_an_open_incident_is_waited_for_and_named() -> None:
    waiting = wait(ASKED, [41, 42], AT)
    assert (waiting.state, waiting.incidents, waiting.due_at) == ("waiting", (41, 42), AT + timedelta(seconds=10))
    assert after(waiting, 20).incidents == ()


def test_a_receipt_is_final_when_the_last_stream_has_ended() -> None:
    erasing = after(ASKED, 1)
    assert (erasing.state, erasing.due_at) == ("erasing", AT + timedelta(seconds=1) + SETTLE)
    erased = after(erasing, 61)
    at = AT + timedelta(seconds=61)
    assert (erased.state, erased.erased_at) == ("erased", at)
    assert erased.streams == {"positions": at + timedelta(hours=24), "urgent": at + timedelta(days=7)}
    assert erased.due_at == at + timedelta(days=7)
    final = after(erased, 700_000)
    assert (final.state, final.due_at, final.final_at) == ("final", None, AT + timedelta(seconds=700_000))
    assert final.counts == {"devices": 3}


def test_the_second_look_comes_when_nothing_can_be_in_hand_any_more_and_as_soon_as_the_receipt_says() -> None:
    assert timedelta(seconds=PERSEVERANCE_S) <= SETTLE, "a door offers a call for help so long"
    assert timedelta(minutes=2) > SETTLE + LOOK_AGAIN
    assert "within two minutes" in after(ASKED, 1).words


def test_the_stores_are_empty_within_24_hours_of_the_request_when_what_holds_it_is_closed_in_time() -> None:
    within = AT + timedelta(hours=24)
    assert ASKED.stores_by == within
    for closed in (timedelta(0), timedelta(hours=12), timedelta(hours=23, minutes=58)):
        erasure, now = ASKED, AT
        while erasure.state in {"waiting", "erasing"}:
            assert erasure.due_at is not None
            now = erasure.due_at  # whoever works on it comes when it is due
            held = now < AT + closed and erasure.state == "waiting"
            erasure = wait(erasure, [41], now) if held else advance(erasure, {}, (), (), KEEPS, now)
        assert (erasure.state, erasure.erased_at) == ("erased", now)
        assert now <= within, closed
        assert max(erasure.streams.values()) == now + timedelta(days=7), "what is left in streams, and until when"


def test_a_receipt_says_in_words_what_is_done_and_what_ends_later() -> None:
    states = [ASKED, after(ASKED, 1), after(after(ASKED, 1), 61), after(after(after(ASKED, 1), 61), 700_000)]
    said = {one.state: one.words for one in states}
    assert set(said) == {"waiting", "erasing", "erased", "final"}
    assert "12 hours" in said["waiting"]
    assert "at most 7 days" in said["erased"]
    assert "opaque id" in said["erased"]
    assert len(set(said.values())) == 4


def test_that_it_waits_is_one_alert_of_the_receipt_and_over_when_it_begins() -> None:
    half = AT + timedelta(hours=12)
    waiting = wait(ASKED, [41, 42], half)
    first, again = (waits(Waiting(waiting, half + timedelta(minutes=n))) for n in (0, 5))
    assert (first.action, first.kind, first.subject, first.starts_at) == ("raise", "erasure-waits", "e", half)
    assert first.id == again.id
    assert "Close incident 41, 42" in first.because.words
    assert "2026-11-23 08:30 UTC" in first.because.words
    assert "analytics.archive" in waits(Waiting(ASKED, half)).because.words, "or nobody works on it"
    over = waits(Waiting(after(waiting, 60_000), half + timedelta(hours=5)))
    assert (over.action, over.id, over.ends_at) == ("clear", first.id, half + timedelta(hours=5))


@pytest.mark.parametrize("left", [{"locked": (7,)}, {"unclosed": (8,)}], ids=["a lock", "a late call"])
def test_what_must_stay_keeps_a_receipt_from_being_final(left: dict[str, tuple[int, ...]]) -> None:
    erased = after(after(ASKED, 1), 61)
    still = after(erased, 700_000, **left)
    assert (still.state, still.due_at) == ("erased", AT + timedelta(seconds=700_000, hours=1))
    assert after(still, 710_000).state == "final"


def test_of_an_incident_only_what_names_nobody_is_left() -> None:
    fix = Position("device", "p1", AT, AT, Point(1, 2))
    opened = open_incident(raised(), "i", 7, AT, None).incident
    because = Because("urgent", "SOS of Jihoon", (fix,), zone="home", values=(("metres", 20.0),))
    changes = {field.name: "Jihoon" for field in msgspec.structs.fields(Incident) if field.name not in KEPT_OF_INCIDENT}
    told = msgspec.structs.replace(
        opened, **changes | {"because": because}, acknowledged_by="guardian:kim", closed_by="Park Ha-neul"
    )
    bare = without_person(told)
    assert bare.because == Because("urgent", ERASED)
    assert (bare.acknowledged_by, bare.closed_by, bare.subject) == ("a guardian", "Park Ha-neul", "p1")
    assert b"Jihoon" not in msgspec.json.encode(bare)
    assert without_person(bare) == bare


def test_a_new_field_of_an_incident_is_erased_unless_somebody_says_that_it_stays() -> None:
    names = {field.name for field in msgspec.structs.fields(Incident)}
    assert names >= KEPT_OF_INCIDENT
    for field in msgspec.structs.fields(Incident):
        if field.name not in KEPT_OF_INCIDENT | {"title", "because"}:
            assert field.default is not msgspec.NODEFAULT, f"{field.name} has no default to go back to"
