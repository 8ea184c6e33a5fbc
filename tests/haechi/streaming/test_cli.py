"""`haechi dead-letters`: what is shown at the server itself is written down first."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner

from haechi import topics
from haechi.config import KafkaSettings, PostgresSettings, Settings
from haechi.errors import PermanentError, TransientError
from haechi.sealing import Sealer, create_key
from haechi.store.audit import Audit
from haechi.store.cli import write_down
from haechi.store.postgres import Pool
from haechi.streaming import Producer, connect
from haechi.streaming.admin import ensure_topics
from haechi.streaming.cli import WriteDown, dead_letters_app
from haechi.streaming.dead_letters import DeadLetter, seal
from tests.haechi.store.conftest import DISTRICT, pool

__all__ = ["pool"]
AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def settings(kafka_url: str, postgres_database: str) -> Settings:
    """With two letters: of a topic, and of the MQTT door."""
    key = create_key()
    kafka = KafkaSettings(url=SecretStr(kafka_url), prefix=f"{uuid.uuid4().hex[:12]}.")
    await ensure_topics(connect(kafka), [topics.DEAD_LETTERS, topics.URGENT])
    producer = Producer(connect(kafka), "test")
    for topic, partition in (("urgent", 3), ("owntracks/k3jf9a…/phone", -1)):
        letter = DeadLetter("app", topic, partition, 9, None, b"at 126.9", (), AT, AT, "unreadable")
        await producer.send(seal(letter, Sealer(key)))
    await producer.stop()
    postgres = PostgresSettings(url=SecretStr(postgres_database))
    return Settings(kafka=kafka, postgres=postgres, district=DISTRICT, data_key=SecretStr(key))


async def say(settings: Settings, *words: str, write: WriteDown = write_down) -> tuple[str, BaseException | None]:
    """What is printed, and how it failed."""
    app = typer.Typer()
    app.add_typer(dead_letters_app(lambda _: settings, write), name="dead-letters")
    done = await asyncio.to_thread(CliRunner().invoke, app, ["dead-letters", *words])
    return done.output, done.exception


async def test_a_dead_letter_that_is_shown_or_replayed_is_a_line_in_the_audit(settings: Settings, pool: Pool) -> None:
    shown, failed = await say(settings, "show", "0")
    assert failed is None
    assert b"at 126.9".hex(" ", 4) in shown
    assert "urgent/3" in (await say(settings, "replay", "0"))[0]
    lines = [(entry.who, entry.what, entry.subject) for entry in await Audit(pool).recent(DISTRICT)]
    assert lines == [
        ("command line", "replayed a dead letter", "dead-letter:0"),
        ("command line", "looked at a dead letter", "dead-letter:0"),
    ]
    assert isinstance((await say(settings, "replay", "1"))[1], PermanentError), "it came by no topic"

    async def away(*_: object) -> None:
        raise TransientError("PostgreSQL is away")

    shown, failed = await say(settings, "show", "0", write=away)
    assert isinstance(failed, TransientError)
    assert shown == ""
