from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from haechi.domain.deliveries import Recipient
from haechi.domain.incidents import Acknowledge
from haechi.domain.people import REACHED_WITHIN, reachable
from haechi.domain.signatures import signature
from haechi.ids import new_id
from haechi.store.incidents import Incidents
from haechi.store.outbox import Outbox, Received
from haechi.store.postgres import Pool
from haechi.store.reach import UNREACHABLE, Reaching
from haechi.store.registry import GUARDIANS, PEOPLE, Registry
from tests.haechi.store.conftest import AT, DISTRICT, guardian, person, raised

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (None, False),
        (timedelta(0), True),
        (timedelta(days=29.9), True),
        (REACHED_WITHIN, False),
        (timedelta(90), False),
    ],
)
def test_a_proof_counts_for_thirty_days(ago: timedelta | None, *, expected: bool) -> None:
    assert reachable(None if ago is None else NOW - ago, NOW) is expected


class Family:
    """A mother with two children, and what is sent to her."""

    def __init__(self, pool: Pool, registry: Registry, mother: str, children: list[str]) -> None:
        self.pool, self.registry, self.mother, self.children = pool, registry, mother, children
        self.incidents = Incidents(pool)

    async def tell(self, address: str = "https://phone.example/kim") -> str:
        """A message about somebody else, on its way; its id."""
        to = Recipient("guardian", self.mother, "Kim Minji", "webhook", address)
        at = AT + timedelta(seconds=await self.pool.fetchval("SELECT count(*) FROM incidents"))
        await self.incidents.apply_alert(raised(subject=new_id(), at=at), lambda _: [to])
        (delivery,) = await Outbox(self.pool).lease("w", 10, 60)
        return delivery.id

    async def reached(self) -> list[bool]:
        """As shown for each, and as the list filters."""
        found = await Reaching(self.pool).of(self.children)
        shown = [found[child].reachable for child in self.children]
        unreachable = {row.value.id for row in await self.registry.list(PEOPLE, DISTRICT, only=UNREACHABLE)}
        assert [child not in unreachable for child in self.children] == shown, "the filter says what is shown"
        return shown


@pytest.fixture
async def family(pool: Pool, registry: Registry) -> Family:
    mother = (await registry.add(GUARDIANS, DISTRICT, guardian())).value.id
    children = [(await registry.add(PEOPLE, DISTRICT, person(mother))).value.id for _ in range(2)]
    return Family(pool, registry, mother, children)


async def test_a_message_that_arrived_proves_it_for_everyone_whom_the_guardian_guards(family: Family) -> None:
    assert await family.reached() == [False, False]
    message = await family.tell()
    assert await family.reached() == [False, False], "sent is not arrived"
    await Outbox(family.pool).delivered(Received(message))
    assert await family.reached() == [True, True]
    await family.pool.execute("UPDATE deliveries SET finished_at = finished_at - interval '31 days'")
    assert await family.reached() == [False, False]


async def test_an_address_that_was_given_up_proves_nothing_any_more(family: Family) -> None:
    await Outbox(family.pool).delivered(Received(await family.tell()))
    moved = msgspec.structs.replace(guardian(), webhook_url="https://phone.example/new")
    await family.registry.change(GUARDIANS, DISTRICT, family.mother, moved)
    assert await family.reached() == [False, False]


async def test_nor_does_somebody_who_is_no_guardian_any_more(family: Family) -> None:
    await Outbox(family.pool).delivered(Received(await family.tell()))
    first = (await family.registry.get(PEOPLE, DISTRICT, family.children[0])).value
    await family.registry.change(PEOPLE, DISTRICT, first.id, msgspec.structs.replace(first, guardian_ids=()))
    assert await family.reached() == [False, True]


async def test_a_guardians_own_word_proves_it_for_the_person_it_was_about(family: Family) -> None:
    opened = (await family.incidents.apply_alert(raised(subject=family.children[0]), lambda _: [])).incident
    assert opened is not None
    now = await family.pool.fetchval("SELECT clock_timestamp()")
    await family.incidents.apply_command(opened.id, DISTRICT, Acknowledge("an operator", now))
    assert await family.reached() == [False, False]
    other = raised(kind="tamper", subject=family.children[0])
    second = (await family.incidents.apply_alert(other, lambda _: [])).incident
    assert second is not None
    await family.incidents.apply_command(second.id, DISTRICT, Acknowledge(signature(family.mother), now))
    assert await family.reached() == [True, False]
