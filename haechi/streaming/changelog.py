"""Where the blocks of a state are kept: a compacted topic, one key per shard.

Not a Faust table: its recovery reads through the same flow control that leaves holes around a rebalance, and it answers
an exception with a warning; a block that is missing after a recovery is an hour of somebody's life. Reading a partition
from its beginning to its end takes milliseconds and can be trusted.
"""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from haechi.errors import TransientError
from haechi.streaming.connection import Connection
from haechi.streaming.records import Record

_POSITION = "position"
_ANSWER_S = 10.0


def changelog_name(app: str, table: str) -> str:
    """The topic, without the configured prefix, of what process `app` keeps in `table`."""
    return f"{app}-{table}-changelog"


class Changelog:
    """Reads and writes the blocks of one state."""

    def __init__(self, connection: Connection, app: str, table: str) -> None:
        self._connection = connection
        self.topic = changelog_name(app, table)
        self._reading = asyncio.Lock()

    def records(self, partition: int, blocks: Mapping[int, bytes], position: int) -> list[Record]:
        """The records that keep `blocks`, which have applied everything below `position`."""
        headers = ((_POSITION, b"%d" % position),)
        return [Record(self.topic, block, b"%d" % shard, partition, headers) for shard, block in blocks.items()]

    async def load(self, partition: int) -> dict[int, bytes]:
        """The blocks of a partition by shard; TransientError when Kafka is away.

        Of several blocks of a shard the one that has applied most wins: a former owner that stood still may have
        written an old one late.
        """
        try:
            async with self._reading, asyncio.timeout(_ANSWER_S):
                return await self._load(TopicPartition(self._connection.name(self.topic), partition))
        except (KafkaError, OSError) as error:
            raise TransientError(f"The blocks of '{self.topic}' cannot be read: {error!r}") from error

    async def _load(self, place: TopicPartition) -> dict[int, bytes]:
        reader = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **self._connection.options())
        blocks: dict[int, tuple[int, bytes]] = {}
        try:
            await reader.start()
            reader.assign([place])
            end = (await reader.end_offsets([place]))[place]
            while await reader.position(place) < end:
                for records in (await reader.getmany(timeout_ms=1000)).values():
                    for record in records:
                        shard, position = int(record.key), int(dict(record.headers)[_POSITION])
                        if position >= blocks.get(shard, (-1, b""))[0]:
                            blocks[shard] = position, record.value
        finally:
            await reader.stop()
        return {shard: block for shard, (_, block) in blocks.items()}
