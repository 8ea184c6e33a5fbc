from collections.abc import Callable

import msgspec
import pytest

from haechi.domain.people import Person
from haechi.errors import Conflict, NotFound
from haechi.ids import new_id
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.incidents import Incidents
from haechi.store.postgres import Pool
from haechi.store.registry import GUARDIANS, PEOPLE, Registry
from tests.haechi.store.conftest import DISTRICT, GUARDIAN, guardian, person, raised

ORDER = "order of the family court, 2026-117"


@pytest.fixture
def bars(pool: Pool) -> Bars:
    return Bars(pool)


@pytest.fixture
async def parents(registry: Registry) -> tuple[str, str]:
    father = msgspec.structs.replace(guardian("Park Jun-ho"), phone="010-9999-1111")
    return (
        (await registry.add(GUARDIANS, DISTRICT, guardian())).value.id,
        (await registry.add(GUARDIANS, DISTRICT, father)).value.id,
    )


@pytest.fixture
async def child(registry: Registry, parents: tuple[str, str]) -> Person:
    return (await registry.add(PEOPLE, DISTRICT, person(*parents))).value


async def test_a_bar_unlinks_the_guardian_and_keeps_the_order_of_the_others(
    pool: Pool, registry: Registry, bars: Bars, child: Person, parents: tuple[str, str]
) -> None:
    mother, father = parents
    await bars.bar(DISTRICT, child.id, father, ORDER, by="clerk")
    assert (await registry.get(PEOPLE, DISTRICT, child.id)).value.guardian_ids == (mother,)
    found = await bars.of(child.id)
    assert [(one.guardian, one.name, one.barred_by, one.reason) for one in found] == [
        (father, "Park Jun-ho", "clerk", ORDER)
    ]
    newest = (await Audit(pool).recent(DISTRICT))[0]
    assert (newest.who, newest.what, newest.subject, newest.reason) == (
        "clerk",
        f"barred guardians:{father}",
        f"people:{child.id}",
        ORDER,
    )


async def test_a_barred_guardian_cannot_be_linked_until_the_bar_is_lifted(
    registry: Registry, bars: Bars, child: Person, parents: tuple[str, str]
) -> None:
    mother, father = parents
    await bars.bar(DISTRICT, child.id, father, ORDER, by="clerk")
    both = msgspec.structs.replace(child, guardian_ids=(mother, father))
    with pytest.raises(Conflict, match="Park Jun-ho is barred from this person"):
        await registry.change(PEOPLE, DISTRICT, child.id, both)
    await bars.lift(DISTRICT, child.id, father, "the order was lifted", by="clerk")
    assert (await registry.get(PEOPLE, DISTRICT, child.id)).value.guardian_ids == (mother,), "nobody linked him"
    await registry.change(PEOPLE, DISTRICT, child.id, both)
    assert (await bars.of(child.id))[0].lifted_words == "the order was lifted"


@pytest.mark.parametrize("phone", ["010 9999 1111", "+82 10-9999-1111", "0082 10 9999 1111"])
async def test_nor_under_a_second_entry_with_the_same_telephone(
    registry: Registry, bars: Bars, child: Person, parents: tuple[str, str], phone: str
) -> None:
    await bars.bar(DISTRICT, child.id, parents[1], ORDER, by="clerk")
    uncle = msgspec.structs.replace(guardian("Uncle Park"), phone=phone)
    again = (await registry.add(GUARDIANS, DISTRICT, uncle)).value.id
    with pytest.raises(Conflict, match="Uncle Park has the telephone of somebody who is barred"):
        await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(child, guardian_ids=(again,)))


async def test_nor_when_a_second_entry_is_given_the_telephone_afterwards(
    registry: Registry, bars: Bars, child: Person, parents: tuple[str, str]
) -> None:
    mother, father = parents
    await bars.bar(DISTRICT, child.id, father, ORDER, by="clerk")
    with pytest.raises(Conflict, match="barred"):
        await registry.change(
            GUARDIANS, DISTRICT, mother, msgspec.structs.replace(guardian(), phone="+82 10 9999 1111")
        )
    await bars.lift(DISTRICT, child.id, father, "the court", by="clerk")
    await registry.change(GUARDIANS, DISTRICT, mother, msgspec.structs.replace(guardian(), phone="+82 10 9999 1111"))


async def test_whom_a_bar_must_know_again_is_not_removed_while_it_stands(
    registry: Registry, bars: Bars, child: Person, parents: tuple[str, str]
) -> None:
    """Without the telephone the next import would register them anew, and link them."""
    _, father = parents
    await bars.bar(DISTRICT, child.id, father, ORDER, by="clerk")
    with pytest.raises(Conflict, match="a bar"):
        await registry.remove(GUARDIANS, DISTRICT, father)
    await bars.lift(DISTRICT, child.id, father, "the court", by="clerk")
    await registry.remove(GUARDIANS, DISTRICT, father)


async def test_a_barred_guardian_without_a_telephone_bars_nobody_else_without_one(
    registry: Registry, bars: Bars, child: Person
) -> None:
    first, second = [
        (await registry.add(GUARDIANS, DISTRICT, msgspec.structs.replace(guardian(name), phone=None))).value.id
        for name in ("Lee", "Choi")
    ]
    await bars.bar(DISTRICT, child.id, first, ORDER, by="clerk")
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(child, guardian_ids=(second,)))
    assert (await registry.get(PEOPLE, DISTRICT, child.id)).value.guardian_ids == (second,)


async def test_a_bar_is_of_one_person_only(
    pool: Pool, registry: Registry, bars: Bars, child: Person, parents: tuple[str, str]
) -> None:
    sister = (await registry.add(PEOPLE, DISTRICT, person(*parents))).value
    father = msgspec.structs.replace(GUARDIAN, id=parents[1])
    incidents = Incidents(pool)
    opened = [
        (await incidents.apply_alert(raised(subject=one.id), lambda _: [father])).incident for one in (child, sister)
    ]
    await bars.bar(DISTRICT, child.id, parents[1], ORDER, by="clerk")
    messages = [await incidents.deliveries(one.id) for one in opened if one is not None]
    assert [[one.state for one in of] for of in messages] == [["cancelled"], ["pending"]]
    assert (await registry.get(PEOPLE, DISTRICT, sister.id)).value.guardian_ids == parents


@pytest.mark.parametrize("spelled", [str.upper, "{{{}}}".format, "urn:uuid:{}".format])
async def test_an_id_in_another_spelling_bars_nobody_by_halves(
    pool: Pool, bars: Bars, child: Person, parents: tuple[str, str], spelled: Callable[[str], str]
) -> None:
    """PostgreSQL finds the row, and the messages, which name it as text, would go out all the same."""
    father = msgspec.structs.replace(GUARDIAN, id=parents[1])
    opened = (await Incidents(pool).apply_alert(raised(subject=child.id), lambda _: [father])).incident
    assert opened is not None
    for whom, barred in ((spelled(child.id), parents[1]), (child.id, spelled(parents[1]))):
        with pytest.raises(NotFound):
            await bars.bar(DISTRICT, whom, barred, ORDER, by="clerk")
    await bars.bar(DISTRICT, child.id, parents[1], ORDER, by="clerk")
    assert [one.state for one in await Incidents(pool).deliveries(opened.id)] == ["cancelled"]


async def test_what_cannot_be_barred_or_lifted_is_said(bars: Bars, child: Person, parents: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        await bars.bar("other", child.id, parents[0], ORDER, by="clerk")
    for nobody in (new_id(), "nobody"):
        with pytest.raises(NotFound):
            await bars.bar(DISTRICT, child.id, nobody, ORDER, by="clerk")
        with pytest.raises(NotFound):
            await bars.lift(DISTRICT, child.id, nobody, "", by="clerk")
    await bars.bar(DISTRICT, child.id, parents[0], ORDER, by="clerk")
    with pytest.raises(Conflict, match="already"):
        await bars.bar(DISTRICT, child.id, parents[0], ORDER, by="clerk")
