import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from haechi.config import PostgresSettings
from haechi.errors import ConfigError, HaechiError, PermanentError, TransientError
from haechi.store.postgres import Hint, Pool, migrate, open_pool, shipped, translate_errors
from tests.cut import wire_to

PATIENCE_S = 60


async def test_two_migrators_at_once_apply_every_file_once(empty_database: str) -> None:
    applied = await asyncio.gather(migrate(empty_database), migrate(empty_database))
    assert sorted(applied, key=len) == [[], sorted(shipped())]


async def test_a_second_migration_applies_only_what_is_new(empty_database: str) -> None:
    await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x int)"})
    again = await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x int)", "2_b.sql": "CREATE TABLE b (x int)"})
    assert again == ["2_b.sql"]


async def test_migrations_are_applied_in_the_order_of_their_names(empty_database: str) -> None:
    files = {"2_b.sql": "ALTER TABLE a ADD y int", "1_a.sql": "CREATE TABLE a (x int)"}
    assert await migrate(empty_database, files) == ["1_a.sql", "2_b.sql"]


async def test_a_migration_that_was_edited_after_it_was_applied_is_refused_in_words(empty_database: str) -> None:
    await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x int)"})
    with pytest.raises(ConfigError, match=r"1_a\.sql was edited after it was applied"):
        await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x bigint)"})


async def test_a_database_of_a_newer_version_is_refused(empty_database: str) -> None:
    await migrate(empty_database, {"1_a.sql": "SELECT 1", "2_b.sql": "SELECT 1"})
    with pytest.raises(ConfigError, match=r"newer Haechi \(2_b\.sql"):
        await migrate(empty_database, {"1_a.sql": "SELECT 1"})


async def test_a_migration_that_fails_half_way_leaves_nothing_behind(empty_database: str) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x int); SELECT 1/0"})
    assert await migrate(empty_database, {"1_a.sql": "CREATE TABLE a (x int)"}) == ["1_a.sql"]


async def test_a_pool_opens_without_postgresql_and_its_use_says_in_words_that_it_is_away(unused_tcp_port: int) -> None:
    away = await open_pool(f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x")
    with pytest.raises(TransientError, match="PostgreSQL is away"), translate_errors():
        await away.fetchval("SELECT 1")
    assert not await away.hint("x").wait(0.05)
    await away.close()


async def test_a_wrong_password_is_a_matter_of_settings(empty_database: str) -> None:
    user = empty_database.split("//")[1].split(":", maxsplit=1)[0]
    wrong = empty_database.replace(empty_database.split(f"{user}:")[1].split("@", maxsplit=1)[0], "wrong")
    with pytest.raises(ConfigError, match="HAECHI_POSTGRES__URL"), translate_errors():
        await migrate(wrong)


async def test_without_an_url_the_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="HAECHI_POSTGRES__URL"):
        await open_pool(PostgresSettings())


async def test_a_full_pool_is_transient(empty_database: str) -> None:
    small = await Pool(empty_database, 1, acquire_s=0.2)
    async with small.acquire(timeout=60):  # to connect takes as long as it takes
        with pytest.raises(TransientError, match="no answer in time"), translate_errors():
            await small.fetchval("SELECT 1")
    assert await small.fetchval("SELECT 1") == 1
    await small.close()


@pytest.mark.parametrize(
    ("met", "said", "words"),
    [
        (ConnectionRefusedError("nobody listens at 10.0.0.1"), TransientError, "nobody listens at"),
        (ConnectionResetError(), TransientError, "ConnectionResetError"),
        (TimeoutError(), TransientError, "no answer in time"),
        (asyncpg.InterfaceError("pool is closing"), TransientError, "pool is closing"),
        (asyncpg.InterfaceError("another operation is in progress"), asyncpg.InterfaceError, "another operation"),
        (asyncpg.InternalClientError("cannot switch to state 15"), TransientError, "has ended the connection"),
        (asyncpg.InternalClientError("unknown protocol state 3"), asyncpg.InternalClientError, "unknown protocol"),
    ],
)
def test_what_a_connection_meets_is_said_in_words_and_a_mistake_of_ours_stays_one(
    met: Exception, said: type[Exception], words: str
) -> None:
    with pytest.raises(said, match=words), translate_errors():
        raise met


async def test_a_server_that_has_said_goodbye_and_not_yet_hung_up_is_away(empty_database: str) -> None:
    """An idle connection hears of a shutdown some time before its end; asyncpg then calls its own state broken."""
    async with wire_to(empty_database) as (url, wire):
        wire.holds_ends = True
        pool = await open_pool(url, size=1)
        pid = await pool.fetchval("SELECT pg_backend_pid()")
        other = await asyncpg.connect(empty_database)
        await other.execute("SELECT pg_terminate_backend($1, 10000)", pid)
        await other.execute("SELECT 1")  # the goodbye was there before: with this answer it is read
        await other.close()
        with pytest.raises(TransientError, match="has ended the connection"), translate_errors():
            async with pool.acquire() as connection, connection.transaction():
                pass
        assert await pool.fetchval("SELECT 1") == 1, "on a new connection"
        await pool.close()


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        *((code, TransientError) for code in ("08006", "25006", "25P03", "40001", "40P01", "53100", "53200", "53300")),
        *((code, TransientError) for code in ("55P03", "57014", "57P01", "57P02", "57P03")),
        *((code, PermanentError) for code in ("22021", "22P05")),
        *((code, ConfigError) for code in ("28000", "3D000")),
    ],
)
async def test_what_the_server_says_is_a_reason_to_try_again_or_to_give_up_or_to_change_a_setting(
    pool: Pool, sqlstate: str, said: type[HaechiError]
) -> None:
    with pytest.raises(said), translate_errors():
        await pool.execute(f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{sqlstate}'; END $$")


@pytest.mark.parametrize("held", [False, True])
async def test_a_pool_that_closes_cuts_who_does_not_let_go_and_leaves_nobody_there(
    empty_database: str, held: bool
) -> None:
    pool = await open_pool(empty_database, size=1)
    assert await pool.hint("things").wait(PATIENCE_S), "it listens"
    async with AsyncExitStack() as stack:
        if held:
            await stack.enter_async_context(pool.acquire())
        await pool.close()
    other = await asyncpg.connect(empty_database)
    async with asyncio.timeout(PATIENCE_S):
        while await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'haechi'"):
            await asyncio.sleep(0.05)
    await other.close()


async def test_a_session_is_in_utc_and_forgets_no_transaction(pool: Pool) -> None:
    """One that stays open would hold back every change feed."""
    assert await pool.fetchval("SHOW timezone") == "UTC"
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"


async def test_our_own_mistakes_are_not_called_transient(pool: Pool) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError), translate_errors():
        await pool.execute("SELEKT 1")


async def hinted(hint: Hint) -> None:
    """A connection that a busy server did not make in time is made by the next wait."""
    async with asyncio.timeout(60):
        while not await hint.wait(10):
            pass


async def test_a_hint_that_comes_while_nobody_waits_is_kept(pool: Pool) -> None:
    hint = pool.hint("things")
    await hint.wait(0.5)  # starts listening
    await pool.execute("NOTIFY things")
    await asyncio.sleep(0.1)
    await hinted(hint)
    assert not await hint.wait(0.05)


async def test_who_comes_later_hears_another_channel_and_wakes_nobody_else(pool: Pool) -> None:
    first = pool.hint("things")
    assert await first.wait(PATIENCE_S), "it listens"
    second = pool.hint("others")
    assert await second.wait(PATIENCE_S), "and so does this one"
    await pool.execute("NOTIFY others")
    assert await second.wait(PATIENCE_S)
    assert not await first.wait(0.05)


async def test_all_who_wait_at_once_share_one_connection_that_listens(pool: Pool) -> None:
    connected = "SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()"
    before = await pool.fetchval(connected)
    hints = [pool.hint(channel) for channel in ("things", "others", "things")]
    assert all(await asyncio.gather(*(hint.wait(PATIENCE_S) for hint in hints))), "each listens"
    assert len(set(await pool.fetchval(connected)) - set(before)) == 1


async def test_who_waits_for_hints_of_a_database_that_is_not_there_polls(empty_database: str) -> None:
    """What they ask it then says which setting is wrong."""
    nowhere = await open_pool(f"{empty_database}_and_not_there")
    assert not await nowhere.hint("things").wait(0.5)
    await nowhere.close()


async def test_a_hint_listens_again_after_its_connection_was_killed(pool: Pool) -> None:
    hint = pool.hint("things")
    await hint.wait(0.5)
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    while await hint.wait(0.2):  # the new connection says once that something may have been missed
        pass
    await hint.wait(0.5)
    await pool.execute("NOTIFY things")
    await hinted(hint)


async def test_a_call_that_broke_off_before_it_was_sent_leaves_nothing_to_the_next_user(empty_database: str) -> None:
    """asyncpg prepares and executes in two steps, and the transaction that the first began ends with the second."""
    pool = await open_pool(empty_database, size=1)
    with pytest.raises(asyncpg.DataError):
        await pool.fetchval("SELECT $1::int", "no number")
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        assert await connection.fetchval("SELECT 1") == 1
    await pool.close()
