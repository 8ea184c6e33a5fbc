"""Topics as the design wants them: made once, checked at every start."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from haechi.errors import ConfigError, TransientError
from haechi.streaming.changelog import changelog_name
from haechi.streaming.connection import Connection
from haechi.topics import STATES, TOPICS, Topic

_LEAST_SEGMENT = timedelta(seconds=1)
_SEGMENTS_KEPT = 8  # Kafka never deletes the active segment, so a message may outlive `keep` by one segment


@dataclass(frozen=True)
class Changelog:
    """The changelog of the state that process `app` keeps about `topic`."""

    app: str
    topic: Topic
    table: str = "blocks"


async def ensure_topics(
    connection: Connection, topics: Sequence[Topic], changelogs: Sequence[Changelog] = ()
) -> list[str]:
    """Make what is missing, with its settings, and check what is there; gives the names that were made.

    Raises ConfigError in words where a topic has another number of partitions, TransientError when Kafka is away.
    """
    wanted = [_new_topic(connection, topic) for topic in topics]
    wanted += [_new_changelog(connection, changelog) for changelog in changelogs]
    async with _admin(connection) as admin:
        present = await _partitions(admin, [topic.name for topic in wanted])
        made = [topic for topic in wanted if topic.name not in present]
        if made:
            answer = await admin.create_topics(made)
            for name, code, *rest in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise ConfigError(f"Topic '{name}' cannot be made: {for_code(code).__name__} {rest}.")
            await _appear(admin, [topic.name for topic in made])
    _compare({topic.name: topic.num_partitions for topic in wanted}, present)
    return [topic.name for topic in made]


async def ensure_house(connection: Connection) -> list[str]:
    """Every topic and changelog of the house. As `ensure_topics`."""
    return await ensure_topics(connection, TOPICS, [Changelog(app, topic) for app, topic in STATES.items()])


async def check_topics(connection: Connection, topics: Iterable[Topic], changelogs: Iterable[Changelog] = ()) -> None:
    """ConfigError in words where a topic is missing or has another number of partitions; for a process's start."""
    wanted = {connection.name(topic.name): topic.partitions for topic in topics}
    wanted |= {connection.name(changelog_name(one.app, one.table)): one.topic.partitions for one in changelogs}
    async with _admin(connection) as admin:
        present = await _partitions(admin, list(wanted))
    missing = sorted(wanted.keys() - present.keys())
    if missing:
        raise ConfigError(f"Kafka at {connection.servers[0]} has no topic {', '.join(missing)}; run `haechi migrate`.")
    _compare(wanted, present)


def _compare(wanted: dict[str, int], present: dict[str, int]) -> None:
    for name, partitions in wanted.items():
        if present.get(name, partitions) != partitions:
            raise ConfigError(
                f"Topic '{name}' has {present[name]} partitions, {partitions} are needed. The number is fixed when a "
                "topic is made, because it decides which state belongs where. Set another `kafka.prefix` and run "
                "`haechi migrate`: all topics are made anew; what still lies in the old ones is not read."
            )


def _new_topic(connection: Connection, topic: Topic) -> NewTopic:
    segment = max(topic.keep / _SEGMENTS_KEPT, _LEAST_SEGMENT)
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": _milliseconds(topic.keep - segment),
        "segment.ms": _milliseconds(segment),
        "max.message.bytes": str(topic.max_message_bytes),
        "min.insync.replicas": str(connection.min_insync),
    }
    if topic.broker_time:
        configs["message.timestamp.type"] = "LogAppendTime"
    if topic.keep_bytes is not None:
        configs["retention.bytes"] = str(topic.keep_bytes)
    if topic.segment_bytes is not None:
        configs["segment.bytes"] = str(topic.segment_bytes)
    if topic.flush_each and connection.replication == 1:
        configs["flush.messages"] = "1"
    return NewTopic(connection.name(topic.name), topic.partitions, connection.replication, topic_configs=configs)


def _new_changelog(connection: Connection, changelog: Changelog) -> NewTopic:
    configs = {
        "cleanup.policy": "compact",
        "segment.ms": _milliseconds(timedelta(minutes=10)),
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": _milliseconds(timedelta(hours=12)),  # what was forgotten is gone by then
        "max.message.bytes": str(4 * 1024 * 1024),
        "min.insync.replicas": str(connection.min_insync),
    }
    name = connection.name(changelog_name(changelog.app, changelog.table))
    return NewTopic(name, changelog.topic.partitions, connection.replication, topic_configs=configs)


def _milliseconds(time: timedelta) -> str:
    return str(int(time / timedelta(milliseconds=1)))


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """How many partitions each of `names` has, without those that are missing."""
    there = set(names) & set(await admin.list_topics())
    described = await admin.describe_topics(sorted(there)) if there else []
    return {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}


async def _appear(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Wait until every broker's answer holds the new topics."""
    while len(  # noqa: ASYNC110 - there is no event to wait for: the broker tells nobody
        await _partitions(admin, names)
    ) < len(names):
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(client_id="haechi-admin", **connection.options())
    try:
        async with asyncio.timeout(20):
            await admin.start()
            yield admin
    except (KafkaError, OSError) as error:
        raise TransientError(f"Kafka at {connection.servers[0]} does not answer: {error!r}") from error
    finally:
        await admin.close()
