"""What may be committed: one position per partition, moved forward only by whoever has finished everything below it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from haechi.failpoints import failpoint
from haechi.streaming.metrics import StreamMetrics


class Place(NamedTuple):
    """A partition of a topic; `topic` is the name on the cluster. Equal to Faust's own TP."""

    topic: str
    partition: int


class Acks:
    """Acknowledged positions of the partitions that are ours now, and committing them.

    Faust's own acknowledgement is off: it commits past events in flight, and acknowledges events that it skips after a
    rebalance.
    """

    def __init__(self, commit: Callable[[Mapping[Place, int]], Awaitable[bool]], metrics: StreamMetrics) -> None:
        self._commit = commit
        self._metrics = metrics
        self._positions: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._lock = asyncio.Lock()
        self.total = 0

    def done(self, place: Place, position: int, events: int, topic: str) -> None:
        """All events of `place` below `position` are done for good; `events` of them since the last call."""
        if position < self._positions.get(place, 0):
            raise AssertionError(f"{place} acknowledged backwards: {position} after {self._positions[place]}")
        self._positions[place] = position
        self.total += events
        self._metrics.acked.labels(topic).inc(events)

    def position(self, place: Place) -> int | None:
        """The next offset that is not yet acknowledged, where any was."""
        return self._positions.get(place)

    async def commit(self) -> None:
        """Tell the broker what has been acknowledged since the last time."""
        async with self._lock:
            ahead = {place: at for place, at in self._positions.items() if self._committed.get(place) != at}
            if ahead:
                failpoint("streaming.before_commit")
                if await self._commit(ahead):
                    self._committed.update(ahead)
                failpoint("streaming.after_commit")

    def forget(self) -> None:
        """The partitions are being handed out anew."""
        self._positions.clear()
        self._committed.clear()
