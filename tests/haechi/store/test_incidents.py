import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from haechi.domain.alerting import CALLS, HOLD, Because, Severity, urgent_alerts
from haechi.domain.deliveries import NO_CHANNEL, Recipient
from haechi.domain.geo import Point
from haechi.domain.incidents import Acknowledge, Close, Incident, Note
from haechi.domain.people import Position, UrgentCall
from haechi.errors import Conflict, NotFound, PermanentError
from haechi.store.incidents import Incidents
from haechi.store.outbox import Outbox
from haechi.store.postgres import Pool
from tests.haechi.store.conftest import AT, DISTRICT, GUARDIAN, POLICE, raised


def both(_: Incident) -> list[Recipient]:
    return [GUARDIAN, POLICE]


def nobody(_: Incident) -> list[Recipient]:
    return []


@pytest.fixture
def incidents(pool: Pool) -> Incidents:
    return Incidents(pool)


async def opened(incidents: Incidents) -> Incident:
    applied = await incidents.apply_alert(raised(), both)
    assert applied.outcome == "opened"
    assert applied.incident is not None
    return applied.incident


async def closed(incidents: Incidents, incident: Incident) -> Incident:
    await incidents.apply_command(incident.id, DISTRICT, Acknowledge("op", AT))
    return await incidents.apply_command(incident.id, DISTRICT, Close("op", AT, "found"))


async def test_a_raise_opens_one_incident_with_its_trail_and_one_delivery_per_recipient(incidents: Incidents) -> None:
    incident = await opened(incidents)
    assert await incidents.get(incident.id, DISTRICT) == incident
    assert [event.kind for event in await incidents.trail(incident.id)] == ["opened"]
    views = await incidents.deliveries(incident.id)
    assert {view.recipient for view in views} == {GUARDIAN, POLICE}
    assert {(view.state, view.attempts, view.reason) for view in views} == {("pending", 0, "opened")}


async def test_a_repeated_alert_is_the_same_incident_and_tells_nobody_again(incidents: Incidents) -> None:
    incident = await opened(incidents)
    again = await incidents.apply_alert(raised(), both)
    assert (again.outcome, again.incident) == ("same", incident)
    assert len(await incidents.deliveries(incident.id)) == 2
    assert len(await incidents.trail(incident.id)) == 1


async def test_many_appliers_at_once_open_one_incident_and_write_one_outbox(incidents: Incidents) -> None:
    alerts = [raised(at=AT + timedelta(seconds=n % 4)) for n in range(16)]
    outcomes = [applied.outcome for applied in await asyncio.gather(*(incidents.apply_alert(a, both) for a in alerts))]
    assert sorted(outcomes) == ["changed"] * 3 + ["opened"] + ["same"] * 12
    (only,) = await incidents.recent(DISTRICT)
    assert only.presses == 4
    assert len(await incidents.deliveries(only.id)) == 2


async def test_a_second_press_updates_the_open_incident_also_when_it_comes_twice(incidents: Incidents) -> None:
    incident = await opened(incidents)
    press = raised(at=AT + timedelta(seconds=20))
    first = await incidents.apply_alert(press, both)
    second = await incidents.apply_alert(press, both)
    assert (first.outcome, second.outcome) == ("changed", "same")
    assert (await incidents.get(incident.id, DISTRICT)).presses == 2
    assert len(await incidents.deliveries(incident.id)) == 2, "the same severity alarms once"


async def test_each_update_of_an_episode_counts_and_each_once(incidents: Incidents) -> None:
    silence = raised(kind="cell-silent")
    incident = (await incidents.apply_alert(silence, both)).incident
    assert incident is not None
    outcomes = []
    for n in (1, 2, 2, 1):
        received = AT + timedelta(minutes=n)
        update = msgspec.structs.replace(silence, action="update", title=f"{n} are silent", received_at=received)
        outcomes.append((await incidents.apply_alert(update, both)).outcome)
    assert outcomes == ["changed", "changed", "same", "same"]
    assert (await incidents.get(incident.id, DISTRICT)).title == "2 are silent"


async def test_an_alert_that_comes_again_after_closing_opens_nothing(incidents: Incidents) -> None:
    incident = await opened(incidents)
    press = raised(at=AT + timedelta(seconds=20))
    await incidents.apply_alert(press, both)
    await closed(incidents, incident)
    for late in (raised(), press):
        assert (await incidents.apply_alert(late, both)).outcome == "same"
    assert len(await incidents.recent(DISTRICT)) == 1


async def test_a_new_press_after_closing_opens_a_new_incident_linked_to_the_old(incidents: Incidents) -> None:
    old = await opened(incidents)
    await closed(incidents, old)
    new = (await incidents.apply_alert(raised(at=AT + timedelta(hours=1)), both)).incident
    assert new is not None
    assert new.previous == old.id
    assert new.number > old.number


async def test_a_press_with_the_fix_of_the_one_before_opens_a_new_incident_after_closing(incidents: Incidents) -> None:
    """Indoors a phone gives each press the time of its last fix, and so the same id."""
    old = await opened(incidents)
    await closed(incidents, old)
    press = msgspec.structs.replace(raised(), received_at=AT + timedelta(minutes=5))
    first, second = [await incidents.apply_alert(press, both) for _ in ("by Kafka", "by the inbox")]
    assert (first.outcome, second.outcome) == ("opened", "same")
    assert first.incident is not None
    assert second.incident is not None
    assert second.incident.id == first.incident.id != old.id
    assert (first.incident.previous, first.incident.starts_at) == (old.id, old.starts_at)
    assert len(await incidents.deliveries(first.incident.id)) == 2
    await closed(incidents, first.incident)
    assert (await incidents.apply_alert(press, both)).outcome == "same"
    third = await incidents.apply_alert(msgspec.structs.replace(press, received_at=AT + timedelta(hours=1)), both)
    assert third.outcome == "opened"


async def test_what_a_broker_kept_of_a_closed_call_opens_nothing_and_what_nobody_has_heard_of_does(
    incidents: Incidents,
) -> None:
    """A broker says a retained message again to whoever subscribes: at each start of ours, and after each lost connection."""
    old = await opened(incidents)
    await closed(incidents, old)
    kept = msgspec.structs.replace(raised(), received_at=AT + timedelta(days=2), retained=True)
    assert (await incidents.apply_alert(kept, both)).outcome == "same"
    never_heard = msgspec.structs.replace(raised(at=AT + timedelta(hours=1)), retained=True)
    assert (await incidents.apply_alert(never_heard, both)).outcome == "opened"


async def test_a_press_of_a_door_whose_clock_is_off_is_itself_by_the_slower_road_and_another_the_next_time(
    incidents: Incidents,
) -> None:
    """Closed by the clock of the database, and received by another: neither may make two of one press, nor one of two."""
    ahead = msgspec.structs.replace(raised(), received_at=AT + timedelta(minutes=5))
    copy = msgspec.structs.replace(ahead, received_at=AT + timedelta(minutes=5, milliseconds=80))
    incident = (await incidents.apply_alert(ahead, both)).incident
    assert incident is not None
    assert (await incidents.apply_alert(copy, both)).outcome == "same"
    await closed(incidents, incident)
    for slower_road in (ahead, copy):
        assert (await incidents.apply_alert(slower_road, both)).outcome == "same"
    behind = msgspec.structs.replace(raised(), received_at=AT - timedelta(minutes=5))
    assert (await incidents.apply_alert(behind, both)).outcome == "opened"


async def test_what_is_no_call_for_help_comes_again_under_its_id_and_opens_nothing(incidents: Incidents) -> None:
    gas = raised(kind="gas")
    incident = (await incidents.apply_alert(gas, both)).incident
    assert incident is not None
    await closed(incidents, incident)
    replayed = msgspec.structs.replace(gas, received_at=AT + timedelta(minutes=5))
    assert (await incidents.apply_alert(replayed, both)).outcome == "same"


async def test_a_rise_of_severity_tells_again_under_new_ids(incidents: Incidents) -> None:
    low = raised(kind="gas", severity=Severity.URGENT)
    incident = (await incidents.apply_alert(low, both)).incident
    assert incident is not None
    high = msgspec.structs.replace(low, action="update", severity=Severity.LIFE_SAFETY, received_at=AT + timedelta(1))
    assert (await incidents.apply_alert(high, both)).outcome == "changed"
    assert (await incidents.apply_alert(high, both)).outcome == "same"
    views = await incidents.deliveries(incident.id)
    assert [view.reason for view in views] == ["opened"] * 2 + ["severity rose"] * 2
    assert len({view.id for view in views}) == 4


@pytest.mark.parametrize(("kind", "action"), [("zone-exit", "clear"), ("zone-exit", "update"), ("sos", "clear")])
async def test_what_belongs_to_no_open_incident_is_ignored(incidents: Incidents, kind: str, action: str) -> None:
    applied = await incidents.apply_alert(msgspec.structs.replace(raised(kind=kind), action=action), both)
    assert (applied.incident, applied.outcome) == (None, "ignored")


async def test_the_guardian_who_heard_of_it_hears_that_it_is_over(incidents: Incidents, pool: Pool) -> None:
    father = msgspec.structs.replace(GUARDIAN, id="father")

    def family(_: Incident) -> list[Recipient]:
        return [GUARDIAN, father, POLICE]

    gone = raised(kind="zone-exit")
    incident = (await incidents.apply_alert(gone, family)).incident
    assert incident is not None
    outbox = Outbox(pool)
    sent = [one for one in await outbox.lease("w", 10, 30) if one.recipient != father]
    await outbox.first_attempt(*(one.id for one in sent))
    back = msgspec.structs.replace(gone, action="clear", ends_at=AT + timedelta(minutes=9))
    for _ in range(2):
        await incidents.apply_alert(back, family)
    views = await incidents.deliveries(incident.id)
    assert [view.recipient for view in views if view.reason == "cleared"] == [GUARDIAN]
    urgency = await pool.fetchval("SELECT severity FROM deliveries WHERE reason = 'cleared'")
    assert urgency == Severity.ADVISORY, "before no call for help"
    (over,) = await outbox.lease("w", 10, 30)
    assert (over.recipient, over.incident.ends_at) == (GUARDIAN, back.ends_at)


async def test_a_leave_out_of_a_backlog_is_told_after_what_comes_behind_it_once_with_the_return(
    incidents: Incidents, pool: Pool
) -> None:
    old = Position("d1", "p1", AT, AT + timedelta(hours=1), Point(126.98, 37.57))
    gone = msgspec.structs.replace(
        raised(kind="zone-exit"), received_at=old.received_at, because=Because("zone:safe", "is outside", fixes=(old,))
    )
    incident = (await incidents.apply_alert(gone, both)).incident
    assert incident is not None
    outbox = Outbox(pool)
    assert await outbox.lease("w", 10, 30) == []
    back = msgspec.structs.replace(gone, action="clear", ends_at=AT + timedelta(minutes=9))
    await incidents.apply_alert(back, both)
    views = await incidents.deliveries(incident.id)
    assert {(view.reason, round((view.due_at - view.created_at) / HOLD, 1)) for view in views} == {("opened", 1.0)}
    await pool.execute("UPDATE deliveries SET due_at = clock_timestamp()")
    due = await outbox.lease("w", 10, 30)
    assert {one.recipient for one in due} == {GUARDIAN, POLICE}
    assert {one.incident.ends_at for one in due} == {back.ends_at}


async def cancel(incidents: Incidents, at: datetime, subject: str = "p1") -> dict[str, str]:
    """The outcome by kind."""
    call = UrgentCall("c", "cancel", "abcdefgh", subject, DISTRICT, at, at, Point(126.98, 37.57))
    return {alert.kind: (await incidents.apply_alert(alert, both)).outcome for alert in urgent_alerts(call, at)}


async def lines(incidents: Incidents, incident: Incident) -> list[tuple[str, str]]:
    return [(event.kind, event.words) for event in await incidents.trail(incident.id)]


CANCELLED = ("updated", "Device abcdef… sent a cancel; a person must decide")


@pytest.mark.parametrize("kind", CALLS)
async def test_a_cancel_that_overtakes_its_raise_is_shown_with_it_once_and_ends_nothing(
    incidents: Incidents, pool: Pool, kind: str
) -> None:
    at = AT + timedelta(seconds=5)
    for _ in range(2):
        assert await cancel(incidents, at) == dict.fromkeys(CALLS, "kept")
    kept = await pool.fetchval("SELECT string_agg(alert::text, '') FROM early_cancels")
    assert "126.98" not in kept, "where it was pressed is not kept"
    incident = (await incidents.apply_alert(raised(kind=kind), both)).incident
    assert incident is not None
    assert (incident.state, incident.ends_at, incident.presses) == ("unacknowledged", None, 1)
    assert incident.point == raised().point
    assert await lines(incidents, incident) == [("opened", "SOS pressed"), CANCELLED]
    assert {view.reason for view in await incidents.deliveries(incident.id)} == {"opened"}
    assert await cancel(incidents, at) == dict.fromkeys(CALLS, "kept") | {kind: "same"}, "by the other road"
    assert (await incidents.apply_alert(raised(kind=kind), both)).outcome == "same", "by the other road"
    assert {row["kind"] for row in await pool.fetch("SELECT kind FROM early_cancels")} == {*CALLS} - {kind}


async def test_a_cancel_is_shown_with_everything_that_the_person_has_open(incidents: Incidents) -> None:
    made = [(await incidents.apply_alert(raised(kind=kind), both)).incident for kind in ("sos", "strap-cut")]
    outcomes = await cancel(incidents, AT + timedelta(seconds=5))
    assert outcomes == {"sos": "changed", "man-down": "kept", "strap-cut": "changed", "tamper": "kept"}
    for incident in made:
        assert incident is not None
        assert (await incidents.get(incident.id, DISTRICT)).state == "unacknowledged"
        assert (await lines(incidents, incident))[1:] == [CANCELLED]
        assert {view.reason for view in await incidents.deliveries(incident.id)} == {"opened"}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_cancel_is_not_shown_with_another_press_than_its_own(incidents: Incidents, kind: str) -> None:
    await cancel(incidents, AT - timedelta(seconds=1))
    await cancel(incidents, AT + timedelta(seconds=1), "p2")
    incident = (await incidents.apply_alert(raised(kind=kind), both)).incident
    assert incident is not None
    assert [event.kind for event in await incidents.trail(incident.id)] == ["opened"]


async def test_a_cancel_of_the_second_of_its_press_is_its_own(incidents: Incidents) -> None:
    """Devices stamp whole seconds."""
    await cancel(incidents, AT)
    incident = (await incidents.apply_alert(raised(), both)).incident
    assert incident is not None
    assert (await lines(incidents, incident))[1:] == [CANCELLED]


async def test_of_two_cancels_before_the_press_the_newer_is_kept_whichever_came_last(incidents: Incidents) -> None:
    for seconds in (5, -5):
        await cancel(incidents, AT + timedelta(seconds=seconds))
    incident = (await incidents.apply_alert(raised(), both)).incident
    assert incident is not None
    assert (await lines(incidents, incident))[1:] == [CANCELLED]


async def test_a_cancel_before_the_press_does_not_hide_that_no_consent_covers_it(incidents: Incidents) -> None:
    stranger_to_the_ledger = "0b9c6a0e-0000-4000-8000-000000000001"
    await cancel(incidents, AT + timedelta(seconds=5), stranger_to_the_ledger)
    incident = (await incidents.apply_alert(raised(subject=stranger_to_the_ledger), both)).incident
    assert incident is not None
    assert "no valid consent" in incident.because.words


async def test_a_cancel_whose_press_never_came_is_forgotten_after_a_day(incidents: Incidents, pool: Pool) -> None:
    await cancel(incidents, AT)
    await pool.execute("UPDATE early_cancels SET kept_at = clock_timestamp() - interval '25 hours'")
    await cancel(incidents, AT, "p2")
    assert {row["subject"] for row in await pool.fetch("SELECT subject FROM early_cancels")} == {"p2"}


async def test_a_clear_older_than_the_episode_is_ignored_and_said(incidents: Incidents) -> None:
    incident = await opened(incidents)
    old = msgspec.structs.replace(raised(), action="clear", ends_at=AT - timedelta(minutes=1))
    assert (await incidents.apply_alert(old, both)).outcome == "ignored"
    assert [event.kind for event in await incidents.trail(incident.id)] == ["opened", "ignored"]
    assert (await incidents.get(incident.id, DISTRICT)).state == "unacknowledged"


async def test_an_alert_of_a_district_that_nobody_made_is_not_lost(incidents: Incidents) -> None:
    applied = await incidents.apply_alert(raised(district="new-town"), nobody)
    assert applied.outcome == "opened"
    assert len(await incidents.recent("new-town")) == 1


async def test_acknowledging_twice_changes_nothing_and_cancels_no_delivery(incidents: Incidents) -> None:
    incident = await opened(incidents)
    first = await incidents.apply_command(incident.id, DISTRICT, Acknowledge("op", AT))
    second = await incidents.apply_command(incident.id, DISTRICT, Acknowledge("other", AT))
    assert first == second
    assert first.acknowledged_by == "op"
    assert {view.state for view in await incidents.deliveries(incident.id)} == {"pending"}


async def test_closing_ends_retries_but_not_what_was_never_tried(incidents: Incidents, pool: Pool) -> None:
    incident = await opened(incidents)
    outbox = Outbox(pool)
    (tried,) = await outbox.lease("w", 1, 30)
    await outbox.first_attempt(tried.id)
    await outbox.retry(tried.id, "502", 30)
    await closed(incidents, incident)
    states = {view.id: view.state for view in await incidents.deliveries(incident.id)}
    assert states.pop(tried.id) == "cancelled"
    assert list(states.values()) == ["pending"]


async def test_closing_what_nobody_acknowledged_is_a_conflict_in_words(incidents: Incidents) -> None:
    incident = await opened(incidents)
    with pytest.raises(Conflict, match="not acknowledged yet"):
        await incidents.apply_command(incident.id, DISTRICT, Close("op", AT, "x"))


async def test_a_note_is_a_line_in_the_trail(incidents: Incidents) -> None:
    incident = await opened(incidents)
    await incidents.apply_command(incident.id, DISTRICT, Note("op", AT, "called the school"))
    assert [event.words for event in await incidents.trail(incident.id)][-1] == "called the school"


@pytest.mark.parametrize("incident_id", ["5b2f7f2e-8d0c-4f7e-9a55-0c8a7f6f2a11", "not-an-id", ""])
async def test_an_unknown_incident_is_not_found(incidents: Incidents, incident_id: str) -> None:
    with pytest.raises(NotFound):
        await incidents.get(incident_id, DISTRICT)


async def test_an_incident_of_another_district_does_not_exist(incidents: Incidents) -> None:
    incident = await opened(incidents)
    with pytest.raises(NotFound):
        await incidents.get(incident.id, "other")
    with pytest.raises(NotFound):
        await incidents.apply_command(incident.id, "other", Acknowledge("op", AT))
    assert await incidents.recent("other") == []


async def test_recent_pages_backwards_and_can_leave_out_the_closed(incidents: Incidents) -> None:
    for n in range(4):
        await incidents.apply_alert(raised(subject=f"p{n}"), nobody, AT + timedelta(minutes=n))
    newest = await incidents.recent(DISTRICT, limit=2)
    assert [incident.subject for incident in newest] == ["p3", "p2"]
    older = await incidents.recent(DISTRICT, before=newest[-1].opened_at)
    assert [incident.subject for incident in older] == ["p1", "p0"]
    await closed(incidents, older[0])
    assert [incident.subject for incident in await incidents.recent(DISTRICT, open_only=True)] == ["p3", "p2", "p0"]


async def test_of_what_is_open_the_most_urgent_come_first_and_strangers_after_those_who_are_registered(
    incidents: Incidents,
) -> None:
    told = [
        ("p0", Severity.LIFE_SAFETY),
        ("p1", Severity.LIFE_SAFETY),
        ("p2", Severity.ADVISORY),
        ("unknown:203.0.113.1", Severity.LIFE_SAFETY),
        ("unknown:203.0.113.2", Severity.LIFE_SAFETY),
        ("p3", Severity.URGENT),
    ]
    for n, (subject, severity) in enumerate(told):
        await incidents.apply_alert(raised(subject=subject, severity=severity), nobody, AT + timedelta(minutes=n))
    await closed(incidents, (await incidents.recent(DISTRICT))[-1])
    found = [incident.subject for incident in await incidents.most_urgent(DISTRICT, 10)]
    assert found == ["p1", "unknown:203.0.113.2", "unknown:203.0.113.1", "p3", "p2"]
    assert [incident.subject for incident in await incidents.most_urgent(DISTRICT, 1)] == ["p1"]


async def test_an_incidents_pictures_are_held_without_an_end(incidents: Incidents, pool: Pool) -> None:
    first, second = "ab" * 32, "cd" * 32
    applied = await incidents.apply_alert(msgspec.structs.replace(raised(), evidence=first), both)
    assert applied.incident is not None
    later = msgspec.structs.replace(raised(at=AT + timedelta(seconds=20)), evidence=second)
    await incidents.apply_alert(later, both)
    rows = await pool.fetch("SELECT sha256, owner, expires_at FROM evidence_references")
    assert {(row["sha256"], row["expires_at"]) for row in rows} == {(first, None), (second, None)}
    assert {row["owner"] for row in rows} == {f"incident:{applied.incident.id}"}


async def test_a_trail_is_bounded_and_keeps_its_newest_lines(
    incidents: Incidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haechi.store.incidents.TRAIL_LINES", 3)
    incident = await opened(incidents)
    for n in range(5):
        await incidents.apply_command(incident.id, DISTRICT, Note("op", AT, str(n)))
    assert [event.words for event in await incidents.trail(incident.id)] == ["2", "3", "4"]


async def test_words_that_cannot_be_kept_are_refused_in_words(incidents: Incidents) -> None:
    incident = await opened(incidents)
    with pytest.raises(PermanentError, match="NUL"):
        await incidents.apply_command(incident.id, DISTRICT, Note("op", AT, "a\0b"))


async def test_who_cannot_be_told_is_seen_by_everybody_and_sent_to_by_nobody(incidents: Incidents, pool: Pool) -> None:
    mute = Recipient("guardian", "aunt", "Lee Sora", NO_CHANNEL, "cannot be told: no webhook address is registered")
    applied = await incidents.apply_alert(raised(), lambda _: [mute, POLICE])
    assert applied.incident is not None
    views = {view.recipient.name: view for view in await incidents.deliveries(applied.incident.id)}
    told = views["Lee Sora"]
    assert (told.state, told.attempts, told.last_error) == ("failed", 0, mute.address)
    assert told.finished_at is not None
    assert [delivery.recipient for delivery in await Outbox(pool).lease("w", 10, 5)] == [POLICE]


async def test_an_incident_is_found_by_its_number_its_id_and_any_alert_of_it(incidents: Incidents) -> None:
    incident = await opened(incidents)
    second = raised(at=AT + timedelta(seconds=30))
    await incidents.apply_alert(second, both)
    for name in (str(incident.number), incident.id, incident.alert_id, second.id):
        assert (await incidents.find(name)).id == incident.id
    for name in ("0", "9" * 30, "not an id", "\x00", second.id.replace("0", "1").replace("2", "3")):
        with pytest.raises(NotFound, match="the number that the wall shows"):
            await incidents.find(name)
