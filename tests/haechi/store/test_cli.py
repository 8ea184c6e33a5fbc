import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from haechi.config import KafkaSettings, PostgresSettings, Settings
from haechi.errors import ConfigError, HaechiError, NotFound
from haechi.sealing import Sealer
from haechi.store.cli import add_commands
from haechi.store.districts import districts
from haechi.store.postgres import Pool, open_pool
from haechi.store.users import Users
from haechi.streaming import connect
from haechi.streaming.admin import Changelog, check_topics
from haechi.topics import STATES, TOPICS
from tests.haechi.store.conftest import DISTRICT


class Line:
    """The command line over a database."""

    def __init__(self, url: str | None, kafka: KafkaSettings | None = None) -> None:
        postgres = PostgresSettings(url=SecretStr(url) if url else None)
        settings = Settings(postgres=postgres, kafka=kafka or KafkaSettings(), district=DISTRICT)
        self._app = typer.Typer()
        add_commands(self._app, lambda _: settings)

    def __call__(self, *words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(self._app, list(words), input=stdin, catch_exceptions=True)


@pytest.fixture
def line(pool: Pool, postgres_database: str) -> Line:
    return Line(postgres_database)


async def say(line: Line, *words: str, stdin: str = "") -> str:
    result = await asyncio.to_thread(line, *words, stdin=stdin)
    if isinstance(result.exception, HaechiError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output.strip()


async def test_migrate_makes_tables_and_the_district_and_can_be_repeated(empty_database: str) -> None:
    line = Line(empty_database)
    assert "the_registry_and_the_incidents" in await say(line, "migrate")
    assert "applied" not in await say(line, "migrate")
    pool = await open_pool(empty_database)
    assert [district.id for district in await districts(pool)] == [DISTRICT]
    await pool.close()


async def test_migrate_makes_the_topics_that_every_process_looks_for(
    pool: Pool, postgres_database: str, kafka_url: str
) -> None:
    kafka = KafkaSettings(url=SecretStr(kafka_url), prefix=f"t{uuid4().hex[:8]}.")
    line = Line(postgres_database, kafka)
    made = await say(line, "migrate")
    await check_topics(connect(kafka), TOPICS, [Changelog(app, topic) for app, topic in STATES.items()])
    assert made.count("made topic") == len(TOPICS) + len(STATES)
    assert "made topic" not in await say(line, "migrate")


async def test_a_user_is_added_listed_given_a_password_and_disabled(line: Line, pool: Pool, tmp_path: Path) -> None:
    await say(line, "user", "add", "kim", "--role", "operator", "--password-file", "-", stdin="a long password\n")
    assert "operator of haneul" in await say(line, "user", "list")
    users = Users(pool)
    assert await users.sign_in("kim", "a long password") is not None
    (tmp_path / "word").write_text("another long one\n")
    await say(line, "user", "password", "kim", "--password-file", str(tmp_path / "word"))
    assert await users.sign_in("kim", "another long one") is not None
    await say(line, "user", "disable", "kim")
    assert await users.sign_in("kim", "another long one") is None


async def test_a_token_is_printed_once_works_and_is_revoked(line: Line, pool: Pool) -> None:
    token = await say(line, "token", "create", "demo", "--role", "administrator", "--days", "30")
    users = Users(pool)
    principal = await users.principal_of(token)
    assert principal is not None
    assert principal.may("write registry", DISTRICT)
    assert token not in await say(line, "token", "list")
    await say(line, "token", "revoke", (await users.tokens())[0].id)
    assert await users.principal_of(token) is None


async def test_wrong_words_are_answered_in_words(line: Line) -> None:
    with pytest.raises(ConfigError, match="no role 'boss'"):
        await say(line, "token", "create", "x", "--role", "boss")
    with pytest.raises(NotFound):
        await say(line, "user", "disable", "nobody")
    with pytest.raises(ConfigError, match="--password-file"):
        await say(line, "user", "add", "kim", "--role", "operator", "--password-file", "missing")
    with pytest.raises(ConfigError, match="HAECHI_POSTGRES__URL"):
        await say(Line(None), "migrate")


async def test_a_key_is_one_that_seals(line: Line) -> None:
    Sealer(await say(line, "key", "create"))
