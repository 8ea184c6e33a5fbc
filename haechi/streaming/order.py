"""Every offset once and in order, whatever the client does around a rebalance."""

from collections.abc import Callable
from typing import Any

import structlog
from faust.types import TP

from haechi.streaming.acks import Place

log = structlog.get_logger(__name__)


class Order:
    """Admits the messages of each partition in offset order, without holes.

    Around a rebalance Faust hands out messages again (harmless), and loses fetched ones: it drops them while its flow
    stands still, and goes back only in partitions that have a committed offset. Committing past such a hole would lose
    an event for ever, so a hole is closed by reading it again.
    """

    def __init__(self, consumer: Callable[[], Any]) -> None:
        self._consumer = consumer
        self._next: dict[Place, int] = {}
        self._holes: set[Place] = set()

    async def admit(self, place: Place, offset: int) -> bool:
        """Whether this is the next one of its partition; whatever comes too late or too early is let go."""
        expected = self._next.get(place)
        if expected is None:
            known = self._next
            start = await self._start_of(place)
            if known is not self._next:
                return False
            expected = known.setdefault(place, start)
        if offset == expected:
            self._next[place] = offset + 1
            self._holes.discard(place)
            return True
        if offset > expected:
            self._holes.add(place)
        return False

    async def heal(self) -> None:
        """Go back to where the holes begin; called a few times a second until they are closed."""
        for place in list(self._holes):
            expected = self._next[place]
            oldest = await self._oldest(place)
            if place not in self._holes or self._next.get(place) != expected:
                continue
            if oldest > expected:
                log.critical("stream.retention_lost", place=place, first=expected, messages=oldest - expected)
                self._next[place] = oldest
            log.info("stream.hole", place=place, offset=self._next[place])
            await self._consumer().seek(TP(*place), self._next[place])

    def forget(self) -> None:
        """The partitions are being handed out anew."""
        self._next = {}
        self._holes = set()

    async def _start_of(self, place: Place) -> int:
        # Faust keeps what it read from the broker when the partitions were handed out, and offers no public way to it.
        committed: int | None = self._consumer()._committed_offset.get(place)  # noqa: SLF001
        return committed or await self._oldest(place)

    async def _oldest(self, place: Place) -> int:
        offsets = await self._consumer().earliest_offsets(TP(*place))
        return int(offsets.get(place) or 0)
