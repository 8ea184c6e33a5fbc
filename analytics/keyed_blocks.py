"""Small states by key (a sensor and a rule, a camera and a zone), kept in one block per logical shard."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

from haechi.ids import shard_of

S = TypeVar("S", bound=msgspec.Struct)


class KeyedBlocks(Generic[S]):
    """`subject` (a sensor, a camera) decides the shard; `part` tells apart what is remembered of one subject."""

    def __init__(self, kind: type[S], empty: S) -> None:
        self._empty = empty
        self._shards: dict[int, dict[str, dict[str, S]]] = {}
        self._applied: dict[int, int] = {}
        self._dirty: set[int] = set()
        self._decoder = msgspec.msgpack.Decoder(tuple[int, dict[str, dict[str, kind]]])  # type: ignore[valid-type]  # a runtime type

    def fresh(self, subject: str, offset: int) -> bool:
        """Whether the subject's shard has not applied the offset yet."""
        return self._applied.get(shard_of(subject), -1) < offset

    def get(self, subject: str, part: str) -> S:
        """What is remembered, or the empty state."""
        return self._shards.get(shard_of(subject), {}).get(subject, {}).get(part, self._empty)

    def put(self, subject: str, part: str, state: S) -> None:
        """Remember; the empty state takes no room."""
        shard = shard_of(subject)
        parts = self._shards.setdefault(shard, {}).setdefault(subject, {})
        if parts.get(part, self._empty) == state:
            return
        self._dirty.add(shard)
        if state == self._empty:
            parts.pop(part, None)
        else:
            parts[part] = state

    def items(self) -> Iterator[tuple[str, str, S]]:
        """(subject, part, state) of all that is remembered."""
        for subjects in list(self._shards.values()):
            for subject, parts in list(subjects.items()):
                for part, state in list(parts.items()):
                    yield subject, part, state

    def applied(self, subject: str, offset: int) -> None:
        """The subject's shard has now applied the offset."""
        shard = shard_of(subject)
        self._applied[shard] = offset
        self._dirty.add(shard)

    def load(self, shard: int, block: bytes) -> None:
        """Take back a shard's block."""
        self._applied[shard], self._shards[shard] = self._decoder.decode(block)

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """The blocks of the shards that changed since the last call."""
        for shard in self.take_dirty():
            yield shard, self.block(shard)

    def take_dirty(self) -> list[int]:
        """The shards that changed since the last call, ascending."""
        dirty, self._dirty = self._dirty, set()
        return sorted(dirty)

    def block(self, shard: int) -> bytes:
        """All of a shard."""
        return msgspec.msgpack.encode((self._applied.get(shard, -1), self._shards.get(shard, {})))
