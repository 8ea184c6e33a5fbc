"""A place that police or fire were sent is on the person's list of looks, on the real PostgreSQL."""

import msgspec
import pytest

from alerts.payload import disclosure
from haechi.store.audit import Audit, AuditEntry
from haechi.store.outbox import Outbox, Received
from tests.alerts.receivers import Receivers, status
from tests.alerts.test_sender import delivered, none_left, sending, until
from tests.alerts.town import DISTRICT, EVERYONE, Town


async def disclosed(town: Town) -> list[AuditEntry]:
    looks = await Audit(town.pool).looks(town.child)
    return sorted((one for one in looks if one.what == "disclosed the place"), key=lambda one: one.role)


async def test_police_and_fire_who_were_sent_a_place_are_on_the_list_with_the_incident(town: Town) -> None:
    await town.intake.apply(town.alert())
    (incident,) = await town.open_incidents()
    async with sending(town):
        await delivered(town, *EVERYONE)
    shown = f"incident {incident.number}"
    assert [(one.who, one.role, one.shown, one.reason, one.district) for one in await disclosed(town)] == [
        ("fire", "fire", shown, "sent with an alarm", DISTRICT),
        ("police", "police", shown, "sent with an alarm", DISTRICT),
    ]


@pytest.mark.parametrize("kind", ["trespass", "gas", "zone-exit"])
async def test_what_tells_no_agency_where_a_person_is_is_no_line(town: Town, kind: str) -> None:
    subject = None if kind == "zone-exit" else town.ids["mother"]  # a camera's id is such an id as well
    await town.intake.apply(town.alert(kind, subject=subject))
    async with sending(town):
        await until(lambda: none_left(town))
    assert await town.pool.fetchval("SELECT count(*) FROM audit WHERE what = 'disclosed the place'") == 0


async def test_a_press_without_a_place_and_one_of_a_stranger_are_none(town: Town) -> None:
    await town.intake.apply(msgspec.structs.replace(town.alert(), point=None))
    await town.intake.apply(town.alert(subject="unknown:198.51.100.7"))
    async with sending(town):
        await until(lambda: none_left(town))
    assert await disclosed(town) == []


async def test_only_what_was_taken_is_a_line_and_what_is_told_again_is_another(
    town: Town, receivers: Receivers
) -> None:
    receivers.answers["police"] = [status(500), status(204)]
    receivers.answers["fire"] = [status(410)]
    await town.intake.apply(town.alert())
    async with sending(town):
        await delivered(town, "police")
    assert [one.role for one in await disclosed(town)] == ["police"], "one, though it was posted twice"


async def test_what_was_cancelled_before_it_was_known_to_be_there_is_no_line(town: Town) -> None:
    await town.intake.apply(town.alert())
    outbox = Outbox(town.pool)
    leased = await outbox.lease("w", 10, 30)
    received = [Received(one.id, disclosure(one)) for one in leased]
    assert [one.disclosed is not None for one in received] == [
        one.recipient.kind in {"police", "fire"} for one in leased
    ]
    await town.pool.execute("UPDATE deliveries SET state = 'cancelled' WHERE recipient->>'kind' = 'fire'")
    await outbox.delivered(*received)
    await outbox.delivered(*received)
    assert [one.role for one in await disclosed(town)] == ["police"]
