"""Who is heard in one partition: a slot per device, shared by all watches, bounded and given back."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns
from haechi.domain.people import PositionBatch
from haechi.ids import SHARDS, shard_of

Slots = NDArray[np.int64]

_FIRST_ROOM = 64
# `seen` is the newest event time of a device, microseconds since 1970, whatever the fix was worth.
_DEVICE = np.dtype([("seen", "<i8")])


class Devices:
    """Slots 0 … `room` − 1; `used` (room,) says which are somebody's, `shard` (room,) whose logical shard it is.

    A slot belongs to a device *of a person*: the same device on another person's wrist starts anew, in another slot.
    `dirty` (256,) says which shards must be kept at the next checkpoint; a watch that changes something without a
    position (at a tick) calls `touch`.
    """

    def __init__(self) -> None:
        self.used = np.zeros(0, dtype=bool)
        self.shard = np.zeros(0, dtype=np.uint8)
        self.dirty = np.zeros(SHARDS, dtype=bool)
        self.columns = Columns(_DEVICE, (0,))
        self._ids: list[str] = []
        self._persons: list[str] = []
        self._slot: dict[str, int] = {}
        self._free: list[int] = []
        self._of_shard: dict[int, set[int]] = defaultdict(set)

    @property
    def room(self) -> int:
        return len(self._ids)

    def __len__(self) -> int:
        return len(self._slot)

    def device(self, slot: int) -> str:
        """The device's id, its credential: it is never shown whole."""
        return self._ids[slot]

    def person(self, slot: int) -> str:
        """The opaque id of who wears it."""
        return self._persons[slot]

    def seen(self, slots: Slots) -> NDArray[np.int64]:
        """(n,) the newest event time of each, microseconds since 1970."""
        seen: NDArray[np.int64] = self.columns.rows["seen"][slots]
        return seen

    def of_shard(self, shard: int) -> Slots:
        """The slots of a shard, ascending."""
        return np.array(sorted(self._of_shard[shard]), dtype=np.int64)

    def slots_of(self, batch: PositionBatch) -> Slots:
        """(n,) the slot of each row; new devices are given one. A device that came to another person has moved."""
        wearer = np.zeros(len(batch.devices), dtype=np.int64)
        wearer[batch.device] = batch.person
        slots = []
        for device, person in zip(batch.devices, wearer.tolist(), strict=True):
            slot = self._slot.get(device, -1)
            if slot < 0 or self._persons[slot] != batch.persons[person]:
                slot = self.add(device, batch.persons[person])
            slots.append(slot)
        return np.array(slots, dtype=np.int64)[batch.device]

    def add(self, device: str, person: str) -> int:
        """A slot for a device of a person; its old one, if it was another person's, is unused from now on."""
        if (old := self._slot.get(device)) is not None:
            if self._persons[old] == person:
                return old
            self.used[old] = False  # the watches still hold it; `orphans` gives it back
        if not self._free:
            self._grow(max(_FIRST_ROOM, 2 * self.room))
        slot = self._slot[device] = self._free.pop()
        self._ids[slot], self._persons[slot] = device, person
        self.used[slot], self.shard[slot] = True, shard_of(person)
        self._of_shard[int(self.shard[slot])].add(slot)
        self.touch(np.array([slot]))
        return slot

    def touch(self, slots: Slots) -> None:
        """What is known of these has changed."""
        self.dirty[self.shard[slots]] = True

    def hear(self, slots: Slots, at: NDArray[np.int64]) -> None:
        """These were heard; several rows of one device are welcome."""
        np.maximum.at(self.columns.rows["seen"], slots, at)

    def orphans(self) -> Slots:
        """Slots of devices that have moved to another person."""
        return np.array(sorted(slot for of in self._of_shard.values() for slot in of if not self.used[slot]), np.int64)

    def oldest(self, count: int) -> Slots:
        """The `count` devices that have been silent longest."""
        used = np.flatnonzero(self.used)
        return used[np.argsort(self.seen(used), kind="stable")[:count]]

    def forget(self, slots: Slots) -> None:
        """Give the slots back; the watches have been told."""
        self.touch(slots)
        for slot in slots.tolist():
            if self._slot.get(self._ids[slot]) == slot:
                del self._slot[self._ids[slot]]
            self._of_shard[int(self.shard[slot])].discard(slot)
            self._ids[slot] = self._persons[slot] = ""
            self._free.append(slot)
        self.used[slots] = False
        self.columns.clear(slots)

    def _grow(self, room: int) -> None:
        self._free.extend(range(room - 1, self.room - 1, -1))
        more = room - self.room
        self._ids.extend([""] * more)
        self._persons.extend([""] * more)
        self.used = np.append(self.used, np.zeros(more, dtype=bool))
        self.shard = np.append(self.shard, np.zeros(more, dtype=np.uint8))
        self.columns.resize(room)
