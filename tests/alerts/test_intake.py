"""Alerts into incidents: in order for one key, and with the registry of this very moment."""

import asyncio
from datetime import date

import msgspec
import pytest

from alerts.intake import in_order
from haechi.clock import utc_now
from haechi.domain.alerting import CALLS, KINDS, urgent_alerts
from haechi.domain.people import Device, Guardian, Person, UrgentCall
from haechi.errors import TransientError
from haechi.store.districts import ensure_district
from haechi.store.registry import DEVICES, GUARDIANS, PEOPLE
from tests.alerts.town import DISTRICT, EVERYONE, Town


async def test_items_of_one_key_go_one_after_the_other_and_keys_beside_each_other() -> None:
    under_way: set[str] = set()
    most = 0
    done: list[str] = []

    async def do(item: str) -> None:
        nonlocal most
        assert item[0] not in under_way
        under_way.add(item[0])
        most = max(most, len(under_way))
        await asyncio.sleep(0.01)
        under_way.remove(item[0])
        done.append(item)

    await in_order(["a1", "a2", "b1", "a3", "b2"], lambda item: item[0], do)
    assert [item for item in done if item[0] == "a"] == ["a1", "a2", "a3"]
    assert [item for item in done if item[0] == "b"] == ["b1", "b2"]
    assert most == 2


async def test_an_error_stops_its_own_key_and_is_raised_when_the_others_have_ended() -> None:
    done: list[str] = []

    async def do(item: str) -> None:
        if item == "a1":
            raise TransientError("away")
        await asyncio.sleep(0.01)
        done.append(item)

    with pytest.raises(TransientError):
        await in_order(["a1", "a2", "b1", "b2"], lambda item: item[0], do)
    assert done == ["b1", "b2"]


async def test_the_guardians_of_somebody_registered_this_very_moment_are_told(town: Town) -> None:
    """Also where nobody has followed the registry since."""
    guardian = await town.registry.add(
        GUARDIANS, DISTRICT, Guardian("", "", "new", webhook_url="https://phone.example/new")
    )
    person = Person("", "", "Seoyeon", date(2019, 1, 1), "child", (guardian.value.id,), None)
    child = (await town.registry.add(PEOPLE, DISTRICT, person)).value.id
    await town.intake.apply(town.alert(subject=child))
    assert "new" in await town.states()


async def watch_of_the_child(town: Town) -> Device:
    device = Device("", "", town.child, "watch", serial="359710042436064")
    return (await town.registry.add(DEVICES, DISTRICT, device)).value


def not_looked_up(town: Town, device: str, **changes: object) -> UrgentCall:
    """As a door makes it whose look-up in the registry takes too long."""
    return town.call(device=device, person=None, source="203.0.113.7", **changes)


async def press(town: Town, *calls: UrgentCall) -> None:
    for call in calls:
        for alert in urgent_alerts(call, utc_now()):
            await town.intake.apply(alert)


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("first", ["known", "not looked up"])
async def test_a_call_whose_door_did_not_know_the_device_in_time_is_the_same_incident(
    town: Town, first: str, kind: str
) -> None:
    device = (await watch_of_the_child(town)).id
    known = town.call(device=device, kind=kind)
    other = msgspec.structs.replace(known, person=None, source="203.0.113.7")
    cancel = not_looked_up(town, device, kind="cancel")
    await press(town, *((known, other) if first == "known" else (other, known)), cancel)
    (incident,) = await town.open_incidents()
    assert (incident.subject, incident.presses, incident.title) == (town.child, 1, KINDS[kind].title)
    *_, shown = await town.incidents.trail(incident.id)
    assert "a person must decide" in shown.words
    assert set(await town.states()) == set(EVERYONE)


async def test_a_serial_names_a_device_only_where_a_server_of_its_district_has_said_it(town: Town) -> None:
    serial = (await watch_of_the_child(town)).serial
    await ensure_district(town.pool, "bada", "Bada-dong")
    await press(town, not_looked_up(town, serial), not_looked_up(town, serial, on_behalf=True, district="bada"))
    assert {incident.subject for incident in await town.open_incidents()} == {"unknown:203.0.113.7"}
    await press(town, not_looked_up(town, serial, on_behalf=True))
    assert {incident.subject for incident in await town.open_incidents()} == {"unknown:203.0.113.7", town.child}


async def test_a_device_that_was_removed_is_nobodys(town: Town) -> None:
    device = (await watch_of_the_child(town)).id
    await town.registry.remove(DEVICES, DISTRICT, device)
    await press(town, not_looked_up(town, device))
    assert [incident.subject for incident in await town.open_incidents()] == ["unknown:203.0.113.7"]
