"""From the press to the incident and its life: one open per key, no step loses what people must see."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.alerting import CALLS, HOLD, KINDS, Alert, Severity, hold_of, urgent_alert, urgent_alerts
from haechi.domain.geo import Point
from haechi.domain.incidents import (
    Acknowledge,
    Close,
    EndTest,
    Incident,
    Note,
    Own,
    apply_alert,
    apply_command,
    open_incident,
)
from haechi.domain.people import UrgentCall, UrgentKind
from haechi.errors import Conflict

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def call(second: float = 0, kind: str = "sos", person: str | None = "p1", source: str | None = None) -> UrgentCall:
    return UrgentCall(
        "c", kind, "device-1", person, "haneul", later(second), later(second), Point(126.9, 37.6), 8, 50, source
    )  # type: ignore[arg-type]


def alert(second: float = 0, **changes: object) -> Alert:
    return msgspec.structs.replace(urgent_alert(call(second), later(second + 0.1)), **changes)


def incident(**changes: object) -> Incident:
    opened = open_incident(alert(), "i1", 7, later(0.2), None).incident
    return msgspec.structs.replace(opened, **changes)


def test_a_press_is_as_old_as_the_press_and_its_place_as_old_as_the_fix() -> None:
    pressed = msgspec.structs.replace(call(1200), fixed_at=AT)
    alert = urgent_alert(pressed, later(1201))
    assert (alert.starts_at, alert.because.fixes[0].at) == (later(1200), AT)
    assert alert.id != urgent_alert(call(), AT).id, "it is another press"


@pytest.mark.parametrize(
    ("kind", "age_s", "changes", "held"),
    [
        ("zone-exit", 121, {}, True),
        ("zone-entry", 3600, {}, True),
        ("zone-exit", 119, {}, False),
        ("zone-exit", 3600, {"ends_at": AT}, False),
        ("not-arrived", 3600, {}, False),
        ("sos", 3600, {}, False),
        ("silent", 3600, {}, False),
        ("a kind of a newer version", 3600, {}, False),
    ],
)
def test_only_what_an_old_fix_shows_of_a_zone_waits_for_what_comes_behind_it(
    kind: str, age_s: float, changes: dict[str, object], held: bool
) -> None:
    old = alert(kind=kind, received_at=later(age_s), **changes)
    assert old.because.fixes[-1].at == AT
    assert hold_of(old) == (HOLD if held else timedelta(0))
    assert not hold_of(msgspec.structs.replace(old, because=msgspec.structs.replace(old.because, fixes=())))


def test_both_roads_make_the_same_alert() -> None:
    assert urgent_alert(call(), later(1)).id == urgent_alert(call(), later(9)).id


def test_another_press_is_another_raise_of_the_same_subject_and_place() -> None:
    first, second = urgent_alert(call(), AT), urgent_alert(call(30), AT)
    assert first.id != second.id
    assert (first.kind, first.subject, first.place) == (second.kind, second.subject, second.place) == ("sos", "p1", "-")


def test_an_unknown_device_is_its_own_subject_by_source_address() -> None:
    unknown = urgent_alert(call(person=None, source="10.1.2.3"), AT)
    assert unknown.subject == "unknown:10.1.2.3"
    assert unknown.title == "SOS from an unknown device"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "SOS pressed on device device…, by its clock 2 h before it reached us"),
        ({"kind": "man-down"}, "Man down on device device…, by its clock 2 h before it reached us"),
        ({"person": None}, "SOS from a device that nobody registered, by its clock 2 h before it reached us"),
        (
            {"kind": "cancel"},
            "Device device… sent a cancel; a person must decide, by its clock 2 h before it reached us",
        ),
        ({"point": None}, "SOS pressed on device device…, by its clock 2 h before it reached us"),
        ({"received_at": later(60)}, "SOS pressed on device device…"),
    ],
)
def test_a_call_that_reached_us_late_says_how_long_before_it_happened(changes: dict[str, object], words: str) -> None:
    late = msgspec.structs.replace(call(), **{"received_at": later(7200)} | changes)
    for alert in urgent_alerts(late, later(7201)):
        assert alert.because.words == words
        assert (alert.starts_at, alert.received_at) == (AT, late.received_at)


def test_only_a_call_for_help_that_is_over_a_minute_old_came_late() -> None:
    assert incident(received_at=later(61)).came_late
    assert not incident(received_at=later(60)).came_late
    assert not incident(kind="silent", received_at=later(7200)).came_late


def test_the_first_raise_opens_and_tells() -> None:
    step = open_incident(alert(), "i1", 7, later(0.2), "i0")
    assert step.tell
    assert (step.incident.state, step.incident.previous, step.incident.number) == ("unacknowledged", "i0", 7)
    assert [e.kind for e in step.events] == ["opened"]


def test_a_raise_that_is_over_already_opens_as_returned_in_one_step_and_its_clear_changes_nothing() -> None:
    over = alert(kind="zone-exit", ends_at=later(60))
    step = open_incident(over, "i1", 7, later(90), None)
    assert step.tell
    assert (step.incident.state, step.incident.ends_at) == ("returned-unacknowledged", later(60))
    assert [e.kind for e in step.events] == ["opened", "cleared"]
    assert apply_alert(step.incident, msgspec.structs.replace(over, action="clear"), later(91)).events == ()


def test_who_left_again_and_is_back_already_is_told_of_as_returned() -> None:
    gone = incident(state="acknowledged", ends_at=later(10))
    step = apply_alert(gone, alert(30, ends_at=later(60)), later(61))
    assert step.tell
    assert (step.incident.state, step.incident.ends_at) == ("returned-unacknowledged", later(60))


def test_who_left_again_left_at_that_time_and_nobody_is_on_it_yet() -> None:
    """Whoever was on it when the child left this morning knows nothing of this afternoon."""
    gone = incident(
        kind="zone-exit",
        state="acknowledged",
        acknowledged_at=later(5),
        acknowledged_by="guardian:kim",
        first_attempt_at=later(1),
        ends_at=later(10),
    )
    step = apply_alert(gone, alert(7200, kind="zone-exit"), later(7201))
    again = step.incident
    assert (again.state, again.acknowledged_at, again.acknowledged_by) == ("unacknowledged", None, None)
    assert (again.starts_at, again.received_at, again.decided_at) == (later(7200), later(7200), later(7200.1))
    assert again.first_attempt_at is None
    assert apply_alert(again, alert(60, kind="zone-exit", action="clear", ends_at=later(60)), later(7202)).events[
        0
    ].words == ("a clear older than the episode")


@pytest.mark.parametrize("kind", ["zone-exit", "zone-entry", "not-arrived", "silent"])
def test_another_episode_is_told_also_where_nobody_could_know_that_the_first_was_over(kind: str) -> None:
    """A consent was paused while the child was out: what a rule knew of them was forgotten, and they were home meanwhile."""
    open_still = incident(kind=kind, state="acknowledged", acknowledged_at=later(5), acknowledged_by="kim")
    step = apply_alert(open_still, alert(7200, kind=kind), later(7201))
    assert step.tell
    assert (step.incident.state, step.incident.starts_at) == ("unacknowledged", later(7200))
    assert step.incident.acknowledged_by is None
    assert not apply_alert(step.incident, alert(60, kind=kind), later(7202)).tell, (
        "an older one that comes late is none"
    )


def test_what_became_worse_is_on_nobody_yet_and_goes_on_since_it_began() -> None:
    mild = incident(state="acknowledged", severity=Severity.URGENT, acknowledged_at=later(5), acknowledged_by="kim")
    worse = apply_alert(mild, alert(60), later(61)).incident
    assert (worse.state, worse.acknowledged_by, worse.starts_at) == ("unacknowledged", None, mild.starts_at)


def test_a_second_press_leaves_it_to_whoever_is_on_it() -> None:
    seen = incident(state="acknowledged", acknowledged_at=later(5), acknowledged_by="kim")
    pressed = apply_alert(seen, alert(60), later(61)).incident
    assert (pressed.acknowledged_by, pressed.starts_at, pressed.presses) == ("kim", seen.starts_at, 2)


def test_what_follows_from_the_hour_began_at_the_hour_however_long_before_the_last_fix_reached_us() -> None:
    """Whose phone was heard last at midnight is missed since 8:40, and not since midnight."""
    asked = alert(kind="not-arrived", starts_at=later(0), received_at=later(-31200), decided_at=later(0.5))
    opened = open_incident(asked, "i1", 1, later(1), None).incident
    assert (opened.starts_at, opened.received_at) == (later(0), later(-31200))


def test_a_fix_by_a_clock_that_is_ahead_was_no_later_than_what_was_decided_of_it() -> None:
    ahead = alert(kind="zone-exit", starts_at=later(90), received_at=later(0), decided_at=later(0.5))
    assert open_incident(ahead, "i1", 1, later(1), None).incident.starts_at == later(0.5)


def test_the_same_raise_again_changes_nothing() -> None:
    assert apply_alert(incident(), alert(), later(5)).events == ()


def test_a_second_press_updates_and_tells_nobody_again() -> None:
    step = apply_alert(incident(state="acknowledged"), alert(30), later(31))
    assert (step.incident.presses, step.incident.state, step.tell) == (2, "acknowledged", False)


def test_the_place_follows_the_newest_fix_and_not_the_newest_message() -> None:
    moved = msgspec.structs.replace(call(30), point=Point(127.0, 37.7))
    second = apply_alert(incident(), urgent_alert(moved, later(30)), later(31)).incident
    assert second.point == Point(127.0, 37.7)
    buffered = apply_alert(second, alert(10), later(40)).incident
    assert (buffered.presses, buffered.point, buffered.seen_at) == (3, second.point, later(30))


@pytest.mark.parametrize("kind", CALLS)
def test_a_cancel_from_the_device_is_shown_and_never_closes(kind: UrgentKind) -> None:
    raised = urgent_alert(call(0, kind), AT)
    (cancel,) = [one for one in urgent_alerts(call(60, "cancel"), later(60)) if one.kind == kind]
    assert (cancel.action, cancel.subject, cancel.place) == ("update", "p1", "-"), "of the open incident of this kind"
    opened = open_incident(raised, "i1", 7, later(1), None).incident
    step = apply_alert(opened, cancel, later(61))
    assert not step.tell
    assert (step.incident.state, step.incident.presses) == ("unacknowledged", 1)
    assert (step.incident.title, step.incident.severity) == (KINDS[kind].title, KINDS[kind].severity)
    (line,) = step.events
    assert (line.kind, line.words) == ("updated", "Device device… sent a cancel; a person must decide")
    assert step.incident.because == raised.because, "what decided the alarm is the call, and not its cancel"


@pytest.mark.parametrize("kind", CALLS)
def test_a_call_is_one_alert_and_a_cancel_is_one_of_each_kind_that_it_may_mean(kind: UrgentKind) -> None:
    assert urgent_alerts(call(0, kind), AT) == (urgent_alert(call(0, kind), AT),)
    assert [one.kind for one in urgent_alerts(call(0, "cancel"), AT)] == list(CALLS)


def test_rising_severity_asks_for_a_person_again() -> None:
    low = incident(severity=Severity.ADVISORY, state="acknowledged")
    step = apply_alert(low, alert(5), later(6))
    assert (step.incident.state, step.tell, step.incident.severity) == ("unacknowledged", True, Severity.LIFE_SAFETY)


def test_a_cleared_incident_that_nobody_has_seen_stays() -> None:
    cleared = apply_alert(incident(), alert(9, action="clear", ends_at=later(9)), later(9)).incident
    assert (cleared.state, cleared.ends_at) == ("returned-unacknowledged", later(9))
    assert (
        apply_alert(incident(state="acknowledged"), alert(9, action="clear"), later(9)).incident.state == "acknowledged"
    )


@pytest.mark.parametrize(
    ("kind", "moot", "told"),
    [
        ("zone-exit", False, True),
        ("zone-entry", False, True),
        ("not-arrived", False, True),
        ("silent", False, True),
        ("zone-exit", True, False),
        ("not-arrived", True, False),
        ("battery-low", False, False),
        ("trespass", False, False),
    ],
)
def test_a_guardian_hears_of_a_return_and_never_of_an_end_that_is_none(kind: str, *, moot: bool, told: bool) -> None:
    step = apply_alert(incident(kind=kind), alert(9, action="clear", ends_at=later(9), moot=moot), later(9))
    assert (step.tell, step.tell_end, step.incident.moot) == (False, told, moot)


def test_who_leaves_again_is_watched_again() -> None:
    ended = incident(kind="zone-exit", ends_at=later(10), moot=True)
    assert apply_alert(ended, alert(20), later(21)).incident.moot is False


def test_a_clear_older_than_the_episode_is_ignored_and_said() -> None:
    step = apply_alert(incident(), alert(-60, action="clear", ends_at=later(-50)), later(1))
    assert step.incident == incident()
    assert [e.kind for e in step.events] == ["ignored"]


def test_a_raise_after_a_clear_asks_for_a_person_again() -> None:
    step = apply_alert(incident(state="acknowledged", ends_at=later(10)), alert(20), later(21))
    assert (step.incident.state, step.incident.ends_at) == ("unacknowledged", None)


def test_the_first_acknowledgement_is_kept_and_the_second_says_nothing() -> None:
    first = apply_command(incident(), Acknowledge("kim", later(3))).incident
    assert (first.acknowledged_by, first.owner, first.state) == ("kim", "kim", "acknowledged")
    again = apply_command(first, Acknowledge("lee", later(4)))
    assert (again.incident.acknowledged_by, again.events) == ("kim", ())


def test_an_incident_is_closed_only_after_somebody_has_acknowledged_it() -> None:
    with pytest.raises(Conflict, match="acknowledge it before closing"):
        apply_command(incident(), Close("kim", later(3), "found"))
    closed = apply_command(incident(state="acknowledged"), Close("kim", later(3), "found")).incident
    assert (closed.open, closed.closed_by) == (False, "kim")


def test_a_closed_incident_takes_notes_and_nothing_else() -> None:
    closed = incident(state="closed", closed_by="kim")
    assert apply_command(closed, Note("lee", later(9), "called back")).events[0].words == "called back"
    for command in (Acknowledge("lee", AT), Own("lee", AT, "lee"), Close("lee", AT, "x")):
        with pytest.raises(Conflict, match="closed by kim"):
            apply_command(closed, command)


def test_only_a_test_ends_by_itself() -> None:
    end = EndTest("system", later(600), "its time is over")
    assert apply_command(incident(status="Test"), end).incident.state == "closed"
    for status in ("Actual", "Exercise"):
        with pytest.raises(Conflict, match="is no test; a person closes it"):
            apply_command(incident(status=status), end)


def test_a_guardians_statement_ends_nothing() -> None:
    step = apply_command(incident(), Note("guardian", later(9), "false alarm"))
    assert step.incident == incident()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("raise"), st.integers(0, 100)),
        st.tuples(st.just("clear"), st.integers(0, 100)),
        st.tuples(st.just("acknowledge"), st.integers(0, 100)),
        st.tuples(st.just("close"), st.integers(0, 100)),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_happens_only_a_person_closes_and_severity_never_falls(sequence: list[tuple[str, int]]) -> None:
    current = incident()
    for what, second in sequence:
        before = current
        if what in ("raise", "clear"):
            current = apply_alert(current, alert(second, action=what, ends_at=later(second)), later(second)).incident
            assert current.open
        else:
            command = (
                Acknowledge("kim", later(second)) if what == "acknowledge" else Close("kim", later(second), "done")
            )
            try:
                current = apply_command(current, command).incident
            except Conflict:
                assert current == before
        assert current.severity <= before.severity
        assert current.version >= before.version
        if not current.open:
            assert before.acknowledged_at is not None
            break
