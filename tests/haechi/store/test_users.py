from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from haechi.clock import utc_now
from haechi.domain.signatures import signature
from haechi.errors import Conflict, NotFound, PermanentError
from haechi.store.audit import Audit
from haechi.store.districts import District, districts, ensure_district
from haechi.store.postgres import Pool
from haechi.store.users import Principal, Users
from tests.haechi.store.conftest import DISTRICT

PASSWORD = "correct horse battery"


@pytest.fixture
def users(pool: Pool) -> Users:
    return Users(pool, PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


async def test_a_user_signs_in_with_name_and_password_only(users: Users, pool: Pool) -> None:
    await users.add_user("kim", PASSWORD, [("operator", DISTRICT), ("auditor", "other")])
    grants = frozenset({("operator", DISTRICT), ("auditor", "other")})
    assert await users.sign_in("kim", PASSWORD) == Principal("kim", grants)
    assert await users.sign_in("kim", PASSWORD + "!") is None
    assert await users.sign_in("lee", PASSWORD) is None
    stored = await pool.fetchval("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$")


async def test_a_session_ends_with_the_password_and_with_the_user(users: Users) -> None:
    await users.add_user("kim", PASSWORD, [("operator", DISTRICT)])
    stamp = await users.stamp_of("kim")
    assert stamp is not None
    assert await users.principal_of_session("one", "kim", stamp) is not None
    await users.set_password("kim", "another long password")
    assert await users.principal_of_session("one", "kim", stamp) is None
    fresh = await users.stamp_of("kim")
    await users.disable("kim")
    assert await users.principal_of_session("one", "kim", fresh or "") is None
    assert await users.sign_in("kim", "another long password") is None
    assert (await users.users())[0].disabled_at is not None


async def test_a_session_that_was_ended_opens_nothing_and_is_remembered_no_longer_than_it_would_have_lasted(
    users: Users, pool: Pool
) -> None:
    await users.add_user("kim", PASSWORD, [("operator", DISTRICT)])
    stamp = await users.stamp_of("kim")
    assert stamp is not None
    await users.end_session("old", timedelta(seconds=-1))
    for _ in range(2):
        await users.end_session("one", timedelta(hours=12))
    assert await users.principal_of_session("one", "kim", stamp) is None
    assert await users.principal_of_session("another", "kim", stamp) is not None
    assert [row["id"] for row in await pool.fetch("SELECT id FROM ended_sessions")] == ["one"]


@pytest.mark.parametrize("password", ["", "short", "x" * 2000])
async def test_a_weak_or_endless_password_is_refused(users: Users, password: str) -> None:
    with pytest.raises(PermanentError, match="12 to 1024"):
        await users.add_user("kim", password, [])


async def test_nobody_is_called_as_a_guardian_signs(users: Users) -> None:
    with pytest.raises(PermanentError, match="is how a guardian signs"):
        await users.add_user(signature("00000000-0000-4000-8000-000000000001"), PASSWORD, [("operator", DISTRICT)])


async def test_a_name_is_taken_once_and_districts_must_exist(users: Users) -> None:
    await users.add_user("kim", PASSWORD, [])
    with pytest.raises(Conflict):
        await users.add_user("kim", PASSWORD, [])
    with pytest.raises(NotFound):
        await users.add_user("lee", PASSWORD, [("operator", "nowhere")])
    assert [user.name for user in await users.users()] == ["kim"], "nothing of a failed addition stays"


async def test_unknown_users_and_tokens_are_said_in_words(users: Users) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await users.disable("nobody")
    with pytest.raises(NotFound, match="haechi token list"):
        await users.revoke_token("not-an-id")


async def test_a_token_opens_until_it_is_revoked_or_over(users: Users, pool: Pool) -> None:
    token = await users.add_token("dispatch", "dispatcher", DISTRICT)
    assert await users.principal_of(token) == Principal("token dispatch", frozenset({("dispatcher", DISTRICT)}))
    assert await users.principal_of(token[:-1]) is None
    over = await users.add_token("old", "auditor", DISTRICT, utc_now() - timedelta(seconds=1))
    assert await users.principal_of(over) is None
    (listed,) = (one for one in await users.tokens() if one.name == "dispatch")
    await users.revoke_token(listed.id)
    assert await users.principal_of(token) is None
    assert token.encode() not in await pool.fetchval("SELECT hash FROM tokens WHERE name = 'dispatch'")
    with pytest.raises(NotFound):
        await users.add_token("x", "auditor", "nowhere")


async def test_the_audit_is_read_newest_first_by_district(pool: Pool) -> None:
    audit = Audit(pool)
    await audit.write("kim", "looked", "people:1", DISTRICT, "an incident")
    await audit.write("kim", "changed", "people:1", DISTRICT)
    await audit.write("lee", "looked", "people:2", "other")
    assert [(entry.who, entry.what, entry.reason) for entry in await audit.recent(DISTRICT)] == [
        ("kim", "changed", ""),
        ("kim", "looked", "an incident"),
    ]
    assert len(await audit.recent(DISTRICT, limit=1)) == 1


async def test_a_real_district_never_becomes_a_sample(pool: Pool) -> None:
    assert await ensure_district(pool, "demo", "Haneul", sample=True) == District("demo", "Haneul", True)
    assert await ensure_district(pool, "demo", "Another name", sample=True) == District("demo", "Haneul", True)
    with pytest.raises(Conflict, match="real one"):
        await ensure_district(pool, DISTRICT, "x", sample=True)
    assert [district.id for district in await districts(pool)] == ["demo", DISTRICT, "other"]
