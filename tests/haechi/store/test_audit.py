from haechi.ids import new_id
from haechi.store.audit import Audit, Look, look
from haechi.store.postgres import Pool
from tests.haechi.store.conftest import DISTRICT

CHILD = new_id()


def one(who: str = "Park Ha-neul", shown: str = "trail of 14:00 to 15:00", person: str = CHILD) -> Look:
    return Look(person, DISTRICT, who, "operator", shown, "the mother asked")


async def test_a_look_says_who_saw_what_of_whom_as_what_and_why(pool: Pool) -> None:
    audit = Audit(pool)
    await audit.look(one(), one("Kim"))
    await audit.look(one(person=new_id()))
    await audit.write("Kim", "looked at", f"people:{CHILD}", DISTRICT)
    looks = await audit.looks(CHILD)
    assert [entry.who for entry in looks] == ["Kim", "Park Ha-neul"]
    assert (looks[1].role, looks[1].shown, looks[1].reason) == (
        "operator",
        "trail of 14:00 to 15:00",
        "the mother asked",
    )
    assert len(await audit.recent(DISTRICT)) == 4, "the audit of the district has them all"


async def test_a_look_of_a_transaction_that_was_rolled_back_was_none(pool: Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await look(connection, one())
        await transaction.rollback()
    assert await Audit(pool).looks(CHILD) == []


async def test_a_marker_that_stays_in_sight_is_one_entry_for_each_pair_of_eyes(pool: Pool) -> None:
    audit = Audit(pool)
    for _ in range(3):
        await audit.follow(one(shown="incident 7"), one("Kim", "incident 7"))
    await audit.follow(one(shown="incident 8"))
    assert sorted((entry.who, entry.shown) for entry in await audit.looks(CHILD)) == [
        ("Kim", "incident 7"),
        ("Park Ha-neul", "incident 7"),
        ("Park Ha-neul", "incident 8"),
    ]
