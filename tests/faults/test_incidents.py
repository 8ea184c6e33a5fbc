"""The road through Kafka: alerts become incidents and reach people, also across kill -9."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from haechi import topics
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.streaming import Connection, Producer, Record, connect
from haechi.streaming.admin import ensure_topics
from tests.alerts.receivers import Receivers, until
from tests.alerts.town import EVERYONE, Town
from tests.faults.processes import started

pytestmark = pytest.mark.faults


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:8]}."


@pytest.fixture
def environment(settings: dict[str, str], kafka_url: str, prefix: str) -> dict[str, str]:
    return settings | {"HAECHI_KAFKA__URL": kafka_url, "HAECHI_KAFKA__PREFIX": prefix}


@pytest.fixture
async def producer(kafka_url: str, prefix: str) -> AsyncIterator[Producer]:
    connection: Connection = connect(KafkaSettings(url=kafka_url, prefix=prefix))
    await ensure_topics(connection, [topics.ALERTS, topics.ALERTS_URGENT, topics.DEAD_LETTERS])
    it = Producer(connection, "test")
    yield it
    await it.stop()


def record(alert: Alert, topic: topics.Topic = topics.ALERTS_URGENT) -> Record:
    return Record(topic.name, wire.ALERT.encode(alert), key=alert.subject.encode(), partition=0)


async def opened(town: Town, *kinds: str) -> bool:
    return sorted(incident.kind for incident in await town.open_incidents()) == sorted(kinds)


async def all_delivered(town: Town) -> bool:
    states = await town.states()
    return bool(states) and set(states.values()) == {"delivered"}


async def test_alerts_of_both_topics_become_incidents_and_reach_exactly_their_people(
    town: Town, receivers: Receivers, environment: dict[str, str], producer: Producer, tmp_path: Path
) -> None:
    exit_, gas = town.alert("zone-exit"), town.alert("gas", subject="sensor-1")
    async with AsyncExitStack() as stack:
        for name in ("incidents", "sender"):
            await stack.enter_async_context(started("alerts", name, tmp_path, environment))
        await producer.send(record(exit_), record(exit_), record(gas, topics.ALERTS))
        await until(lambda: opened(town, "zone-exit", "gas"), 90)
        await until(lambda: all_delivered(town), 60)
    told = {name: [post.said["kind"] for post in posts] for name, posts in receivers.posts.items()}
    assert told.pop("desk") in (["zone-exit", "gas"], ["gas", "zone-exit"])
    assert told == {"mother": ["zone-exit"], "father": ["zone-exit"], "fire": ["gas"]}


@pytest.mark.parametrize(
    "place", ["alerts.before_commit", "incidents.before_commit", "alerts.after_commit", "streaming.after_handle"]
)
async def test_killed_around_the_commit_there_is_one_incident_and_one_row_for_each(
    place: str, town: Town, environment: dict[str, str], producer: Producer, tmp_path: Path
) -> None:
    alert = town.alert()
    await producer.send(record(alert))
    async with started("alerts", "incidents", tmp_path, environment, f"{place}=kill@1") as dying:
        await dying.died_at(place, 90)
    async with started("alerts", "incidents", tmp_path, environment):
        later = msgspec.structs.replace(town.alert("zone-exit"))
        await producer.send(record(later))
        await until(lambda: opened(town, "sos", "zone-exit"), 90)
    sos = next(incident for incident in await town.open_incidents() if incident.kind == "sos")
    assert sos.presses == 1
    assert len(await town.incidents.deliveries(sos.id)) == len(EVERYONE)


async def test_an_alert_that_does_not_decode_is_told_to_the_desk_and_stops_nobody(
    town: Town, environment: dict[str, str], producer: Producer, tmp_path: Path
) -> None:
    broken = Record(topics.ALERTS_URGENT.name, b"\x93 nonsense", key=b"?", partition=0)
    async with started("alerts", "incidents", tmp_path, environment):
        await producer.send(broken, record(town.alert()))
        await until(lambda: opened(town, "sos", "dead-letter"), 90)
    letter = next(incident for incident in await town.open_incidents() if incident.kind == "dead-letter")
    assert {view.recipient.kind for view in await town.incidents.deliveries(letter.id)} == {"desk"}
    assert letter.subject == "alerts.urgent"


async def test_it_stops_when_asked_to(
    environment: dict[str, str], producer: Producer, town: Town, tmp_path: Path
) -> None:
    for name in ("incidents", "sender", "callbacks"):
        async with started("alerts", name, tmp_path, environment) as process:
            assert await process.stop() == 0, process.log.read_text()
