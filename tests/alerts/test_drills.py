"""Tests of button and telephones: told to guardians only, ended by themselves, and never at the cost of something real."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from alerts.drills import DrillRounds
from haechi.clock import utc_now
from haechi.domain.alerting import Alert, Severity, urgent_alert, urgent_alerts
from haechi.domain.incidents import Acknowledge, Close, Incident
from haechi.domain.people import UrgentKind
from haechi.domain.signatures import signature
from haechi.errors import Conflict, NotFound
from haechi.store.drills import Drills
from tests.alerts.town import DISTRICT, EVERYONE, Town

GUARDIANS = {"mother", "father"}


def drills(town: Town) -> Drills:
    return Drills(town.pool)


def rounds(town: Town, days: int = 30) -> DrillRounds:
    return DrillRounds(drills(town), town.incidents, town.intake.apply, utc_now, "Asia/Seoul", days)


async def window(town: Town) -> None:
    await drills(town).open_window(DISTRICT, town.child, by=signature(town.ids["mother"]))


def press(town: Town, seconds: float = 0, kind: UrgentKind = "sos") -> Alert:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return urgent_alert(town.call(kind=kind, at=at, received_at=datetime.now(UTC)), datetime.now(UTC))


async def opened(town: Town, alert: Alert) -> Incident:
    incident = (await town.intake.apply(alert)).incident
    assert incident is not None
    return incident


async def test_the_first_press_in_the_window_is_a_test_told_to_guardians_only(town: Town) -> None:
    await window(town)
    test = await opened(town, press(town))
    assert (test.status, test.severity, test.place) == ("Test", Severity.ADVISORY, "test")
    assert "the test that a guardian asked for" in test.because.words
    assert set(await town.states()) == GUARDIANS
    newest = await drills(town).newest(town.child)
    assert newest is not None
    assert newest.received_at == test.received_at


async def test_a_second_press_in_the_window_is_real_and_everybody_is_told(town: Town) -> None:
    await window(town)
    test = await opened(town, press(town))
    real = await opened(town, press(town, 0.5))
    assert (real.status, real.severity, real.place) == ("Actual", Severity.LIFE_SAFETY, "-")
    assert real.id != test.id
    assert set(await town.states()) == set(EVERYONE)


async def test_a_second_test_while_the_first_is_unanswered_is_told_too_and_the_page_has_heard_of_it(
    town: Town,
) -> None:
    """Whoever tests the watch after the phone, and hears nothing, presses once more: that calls the police."""
    await window(town)
    first = await opened(town, press(town))
    await window(town)
    second = press(town, 0.5)
    assert (await opened(town, second)).id == first.id
    newest = await drills(town).newest(town.child)
    assert newest is not None
    assert newest.received_at == second.received_at
    told = [view.recipient.name for view in await town.incidents.deliveries(first.id)]
    assert sorted(told) == sorted([*GUARDIANS, *GUARDIANS])


async def test_what_opens_beside_a_window_is_said_for_a_press_is_real_then(town: Town) -> None:
    await window(town)
    before = await drills(town).newest(town.child)
    await opened(town, town.alert("zone-exit"))
    after = await drills(town).newest(town.child)
    assert before is not None
    assert after is not None
    assert (before.real_open, after.real_open) == (False, True)


async def test_both_roads_of_the_same_press_are_one_test(town: Town) -> None:
    await window(town)
    alert = press(town)
    both = await asyncio.gather(*(town.intake.apply(alert) for _ in range(6)))
    assert {applied.incident.id for applied in both if applied.incident} == {
        both[0].incident.id if both[0].incident else ""
    }
    [only] = await town.open_incidents()
    assert only.status == "Test"


async def test_of_many_presses_at_once_exactly_one_is_the_test(town: Town) -> None:
    await window(town)
    await asyncio.gather(*(town.intake.apply(press(town, n / 100)) for n in range(8)))
    found = await town.open_incidents()
    assert sorted(incident.status for incident in found) == ["Actual", "Test"]
    assert next(incident.presses for incident in found if incident.status == "Actual") == 7


@pytest.mark.parametrize("seconds", [-30, 900])
async def test_a_press_that_happened_outside_the_window_is_real(town: Town, seconds: float) -> None:
    await window(town)
    assert (await opened(town, press(town, seconds))).status == "Actual"


async def test_a_press_that_comes_when_the_window_is_over_is_real_whenever_it_happened(town: Town) -> None:
    await window(town)
    await town.pool.execute("UPDATE button_tests SET ends_at = clock_timestamp()")
    assert (await opened(town, press(town, -0.001))).status == "Actual"


@pytest.mark.parametrize("kind", ["man-down", "strap-cut", "tamper"])
async def test_nothing_but_the_button_is_ever_a_test(town: Town, kind: UrgentKind) -> None:
    await window(town)
    assert (await opened(town, press(town, kind=kind))).status == "Actual"


async def test_while_something_real_is_open_no_press_is_a_test_and_no_window_opens(town: Town) -> None:
    await window(town)
    left = await opened(town, town.alert("zone-exit"))
    assert (await opened(town, press(town))).status == "Actual"
    with pytest.raises(Conflict, match="An incident of this person is open"):
        await window(town)
    for incident in await town.open_incidents():
        await town.incidents.apply_command(incident.id, DISTRICT, Acknowledge("desk", utc_now()))
        await town.incidents.apply_command(incident.id, DISTRICT, Close("desk", utc_now(), "home"))
    assert not (await town.incidents.get(left.id, DISTRICT)).open
    await window(town)


@pytest.mark.parametrize("overtakes", [False, True])
async def test_a_cancel_of_the_device_belongs_to_the_test_and_ends_nothing(town: Town, overtakes: bool) -> None:
    await window(town)
    pressed, at = press(town), datetime.now(UTC)
    cancel = urgent_alerts(town.call(kind="cancel", at=at, received_at=at), at)
    for alert in (*cancel, pressed) if overtakes else (pressed, *cancel):
        await town.intake.apply(alert)
    (test,) = await town.open_incidents()
    assert (test.status, test.place, test.state, test.severity) == ("Test", "test", "unacknowledged", Severity.ADVISORY)
    assert test.point is None, "a test says nobody where somebody is"
    assert [line.kind for line in await town.incidents.trail(test.id)] == ["opened", "updated"]
    assert {view.reason for view in await town.incidents.deliveries(test.id)} == {"opened"}


async def test_nobody_opens_a_window_for_whom_they_do_not_know(town: Town) -> None:
    for person in ("not an id", "0b9c6a0e-0000-4000-8000-000000000001"):
        with pytest.raises(NotFound):
            await drills(town).open_window(DISTRICT, person, by="x")
    with pytest.raises(NotFound):
        await drills(town).open_window("bada", town.child, by="x")


async def test_a_test_that_nobody_answers_ends_by_itself_and_nothing_real_does(town: Town) -> None:
    await window(town)
    test = await opened(town, press(town))
    real = await opened(town, press(town, 0.5))
    await rounds(town).round()
    assert (await town.incidents.get(test.id, DISTRICT)).open
    await town.pool.execute("UPDATE incidents SET opened_at = opened_at - interval '11 minutes'")
    await rounds(town).round()
    ended = await town.incidents.get(test.id, DISTRICT)
    assert (ended.open, ended.closed_by, ended.acknowledged_by) == (False, "system", None)
    assert (await town.incidents.get(real.id, DISTRICT)).open


async def test_asked_for_every_guardian_gets_a_test_message_once(town: Town) -> None:
    due = await drills(town).ask_phones(DISTRICT, town.child, by="desk")
    assert await drills(town).ask_phones(DISTRICT, town.child, by="desk") == due
    await asyncio.gather(*(rounds(town).round() for _ in range(3)))
    [asked] = await town.open_incidents()
    assert (asked.kind, asked.status) == ("phone-test", "Test")
    assert set(await town.states()) == GUARDIANS
    await rounds(town).round()
    assert len(await town.open_incidents()) == 1


async def test_a_crash_between_asking_and_saying_so_asks_once(town: Town) -> None:
    class Crashes(Drills):
        async def asked(self, *_: object) -> None:
            raise ConnectionError

    await drills(town).ask_phones(DISTRICT, town.child, by="desk")
    crashing = DrillRounds(Crashes(town.pool), town.incidents, town.intake.apply, utc_now, "Asia/Seoul", 30)
    with pytest.raises(ConnectionError):
        await crashing.round()
    await rounds(town).round()
    assert len(await town.open_incidents()) == 1
    assert not await drills(town).due("Asia/Seoul")


async def test_a_month_after_they_were_registered_guardians_are_asked_by_day(town: Town) -> None:
    await drills(town).enrol(timedelta(days=30))
    await drills(town).enrol(timedelta(days=30))
    assert not await drills(town).due("Asia/Seoul")
    due = await town.pool.fetchval("SELECT due_at FROM phone_tests")
    assert timedelta(days=29) < due - datetime.now(UTC) < timedelta(days=38)
    await town.pool.execute("UPDATE phone_tests SET due_at = clock_timestamp() - interval '1 hour'")
    hour = await town.pool.fetchval("SELECT extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC')::int")
    noon, night = (hour_to_zone(hour, wanted) for wanted in (13, 3))
    assert not await drills(town).due(night)
    assert [test.person for test in await drills(town).due(noon)] == [town.child]


def hour_to_zone(utc_hour: int, wanted: int) -> str:
    """A time zone in which it is `wanted` o'clock now; POSIX signs are the other way round."""
    offset = (wanted - utc_hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}"


async def test_with_no_days_set_nobody_is_asked_unless_somebody_asks(town: Town) -> None:
    await town.pool.execute(
        "INSERT INTO phone_tests (person_id, due_at) VALUES ($1, clock_timestamp() - interval '1 hour')", town.child
    )
    await rounds(town, days=0).round()
    assert not await town.open_incidents()
    await drills(town).ask_phones(DISTRICT, town.child, by="desk")
    await rounds(town, days=0).round()
    assert len(await town.open_incidents()) == 1


async def test_a_drill_of_the_centre_is_never_taken_for_a_guardians_test(town: Town) -> None:
    await window(town)
    exercise = msgspec.structs.replace(press(town), status="Exercise")
    assert (await opened(town, exercise)).status == "Exercise"
    assert (await opened(town, press(town, 0.2))).place == "test"
