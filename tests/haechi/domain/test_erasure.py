from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from haechi.domain.alerting import Because
from haechi.domain.erasure import ERASED, KEPT_OF_INCIDENT, SETTLE, Erasure, advance, wait, without_person
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident, open_incident
from haechi.domain.people import Position
from tests.haechi.store.conftest import raised

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
KEEPS = {"positions": timedelta(hours=24), "urgent": timedelta(days=7)}
ASKED = Erasure("e", "p", "haneul", "Park", AT, due_at=AT)


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
