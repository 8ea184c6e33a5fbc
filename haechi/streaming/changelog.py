"""Where the blocks of a state are kept: a compacted topic, one key per shard.

Not a Faust table: its recovery reads through the same flow control that leaves holes around a rebalance, and it answers
an exception with a warning; a block that is missing after a recovery is an hour of somebody's life. Reading a partition
from its beginning to its end takes milliseconds and can be trusted.

A block holds where people were last and their devices' ids, so it is sealed with the data key; before, it is packed to a
fifth, because every two seconds all that changed is written anew.
"""

import asyncio
import sys
from collections.abc import Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from haechi.errors import PermanentError, TransientError
from haechi.sealing import Sealer
from haechi.streaming.connection import Connection
from haechi.streaming.records import Record

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_POSITION = "position"
_SEALED = "sealed"
_PACKED = b"zstd"  # the value of that header; of blocks that an older version sealed as they were it is b"1"
_LEVEL = -3  # a sixth faster than level 1, and a tenth larger
_ANSWER_S = 10.0


def changelog_name(app: str, table: str) -> str:
    """The topic, without the configured prefix, of what process `app` keeps in `table`."""
    return f"{app}-{table}-changelog"


class Kept(msgspec.Struct, frozen=True):
    """The blocks of a partition by shard; those of `plain` shards were kept by an older version, unsealed, and are to be
    kept anew."""

    blocks: dict[int, bytes]
    plain: frozenset[int] = frozenset()


class Changelog:
    """Reads and writes the blocks of one state."""

    def __init__(self, connection: Connection, app: str, table: str, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self.topic = changelog_name(app, table)
        self._reading = asyncio.Lock()

    def records(self, partition: int, blocks: Mapping[int, bytes], position: int) -> list[Record]:
        """The records that keep `blocks`, which have applied everything below `position`."""
        headers = ((_POSITION, b"%d" % position), (_SEALED, _PACKED))
        return [
            Record(self.topic, self._seal(shard, block), b"%d" % shard, partition, headers)
            for shard, block in blocks.items()
        ]

    def _seal(self, shard: int, block: bytes) -> bytes:
        return self._sealer.seal(zstd.compress(block, _LEVEL), self._context(shard))

    def _context(self, shard: int) -> bytes:
        return f"{self.topic}:{shard}".encode()

    async def load(self, partition: int) -> Kept:
        """The blocks of a partition. TransientError when Kafka is away, PermanentError in words where the data key is
        another one.

        Of several blocks of a shard the one that has applied most wins: a former owner that stood still may have
        written an old one late.
        """
        try:
            async with self._reading, asyncio.timeout(_ANSWER_S):
                return await self._load(TopicPartition(self._connection.name(self.topic), partition))
        except (KafkaError, OSError) as error:
            raise TransientError(f"The blocks of '{self.topic}' cannot be read: {error!r}") from error

    async def _load(self, place: TopicPartition) -> Kept:
        reader = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **self._connection.options())
        found: dict[int, tuple[int, bytes, bytes | None]] = {}
        try:
            await reader.start()
            reader.assign([place])
            end = (await reader.end_offsets([place]))[place]
            while await reader.position(place) < end:
                for records in (await reader.getmany(timeout_ms=1000)).values():
                    for record in records:
                        shard, headers = int(record.key), dict(record.headers)
                        position = int(headers[_POSITION])
                        if position >= found.get(shard, (-1, b"", None))[0]:
                            found[shard] = position, record.value, headers.get(_SEALED)
        finally:
            await reader.stop()
        return Kept(
            {shard: self._open(shard, block, sealed) for shard, (_, block, sealed) in found.items()},
            frozenset(shard for shard, (_, _, sealed) in found.items() if sealed is None),
        )

    def _open(self, shard: int, block: bytes, sealed: bytes | None) -> bytes:
        if sealed is None:
            return block
        try:
            opened = self._sealer.open(block, self._context(shard))
        except PermanentError as error:
            raise PermanentError(
                f"What is kept in the topic '{self.topic}' was sealed with another HAECHI_DATA_KEY. Start with that key; if "
                "it is lost, delete the topic and run `haechi migrate`: what was learned of each device begins anew."
            ) from error
        return zstd.decompress(opened) if sealed == _PACKED else opened
