"""Alerts into incidents: in order for one key, and with the registry of this very moment."""

import asyncio
from datetime import date

import pytest

from alerts.intake import in_order
from haechi.domain.people import Guardian, Person
from haechi.errors import TransientError
from haechi.store.registry import GUARDIANS, PEOPLE
from tests.alerts.town import DISTRICT, Town


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
    following = asyncio.create_task(town.people.follow())
    for n in range(5):
        guardian = await town.registry.add(
            GUARDIANS, DISTRICT, Guardian("", "", f"new-{n}", webhook_url="https://phone.example/new")
        )
        person = Person("", "", "Seoyeon", date(2019, 1, 1), "child", (guardian.value.id,), None)
        child = (await town.registry.add(PEOPLE, DISTRICT, person)).value.id
        await town.intake.apply(town.alert(subject=child))
        assert f"new-{n}" in await town.states()
    following.cancel()
