"""Who is heard in one partition: a slot per device, shared by all watches, bounded and given back."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.quality import Gate, Tracks
from haechi.domain.people import PositionBatch
from haechi.ids import SHARDS, shard_of

_FIRST_ROOM = 64
MOST_WORN = 8  # devices of one person that are looked at together; of more, the newest
# `seen` is the newest event time of a device, microseconds since 1970, whatever the fix was worth.
_DEVICE = np.dtype([("seen", "<i8")])


class Devices:
    """Slots 0 … `room` − 1; `used` (room,) says which are somebody's, `shard` (room,) whose logical shard it is.

    A slot belongs to a device *of a person*: the same device on another person's wrist starts anew, in another slot.
    People have rows of their own, 0 … `people_room` − 1: `wearer` (room,) is the row of a slot's person, `worn` (p, 8) the
    slots of a person's devices (−1: none), `shared` (room,) says that the wearer has another one.

    `tracks` holds the newest good fix of each, and what is doubted.

    `dirty` (256,) says which shards must be kept at the next checkpoint; a watch that changes something without a
    position (at a tick) calls `touch`.
    """

    def __init__(self, gate: Gate | None = None) -> None:
        self.tracks = Tracks(gate or Gate())
        self.used = np.zeros(0, dtype=bool)
        self.shard = np.zeros(0, dtype=np.uint8)
        self.wearer = np.zeros(0, dtype=np.int64)
        self.shared = np.zeros(0, dtype=bool)
        self.worn = np.zeros((0, MOST_WORN), dtype=np.int64)
        self.dirty = np.zeros(SHARDS, dtype=bool)
        self.columns = Columns(_DEVICE, (0,))
        self._ids: list[str] = []
        self._persons: list[str] = []
        self._slot: dict[str, int] = {}
        self._free: list[int] = []
        self._row: dict[str, int] = {}
        self._free_rows: list[int] = []
        self._wears: list[int] = []  # how many slots a row's person has, also those beyond MOST_WORN
        self._of_shard: dict[int, set[int]] = defaultdict(set)

    @property
    def room(self) -> int:
        return len(self._ids)

    @property
    def people_room(self) -> int:
        return len(self.worn)

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

    def by_shard(self, shards: NDArray[np.int64]) -> list[Slots]:
        """The used slots of each of the shards (ascending), ascending."""
        used = np.flatnonzero(self.used)
        used = used[np.argsort(self.shard[used], kind="stable")]
        starts, ends = (np.searchsorted(self.shard[used], shards, side) for side in ("left", "right"))
        return [used[start:end] for start, end in zip(starts, ends, strict=True)]

    def slots_of(self, batch: PositionBatch) -> Slots:
        """(n,) the slot of each row; new devices are given one. A device that came to another person has moved."""
        wearer = np.full(len(batch.devices), -1, dtype=np.int64)
        wearer[batch.device] = batch.person
        slots = []
        for device, person in zip(batch.devices, wearer.tolist(), strict=True):
            slot = self._slot.get(device, -1)
            if person >= 0 and (slot < 0 or self._persons[slot] != batch.persons[person]):
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
        self._wear(slot, person)
        self.touch(np.array([slot]))
        return slot

    def leavers(self, slots: Slots) -> NDArray[np.int64]:
        """Rows of the people all of whose devices are among `slots`."""
        people = np.unique(self.wearer[slots])
        worn = self.worn[people]
        gone: NDArray[np.int64] = people[(np.isin(worn, slots) | (worn < 0)).all(axis=1)]
        return gone

    def heard_at(self, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """(p,) the newest event time of any of their devices, of each row; 0: none was ever heard."""
        worn = self.worn[people]
        newest: NDArray[np.int64] = np.where(worn >= 0, self.seen(worn), 0).max(axis=1, initial=0)
        return newest

    def unheard(self) -> Slots:
        """The slots of devices that have said nothing yet, ascending."""
        return np.flatnonzero(self.used & (self.columns.rows["seen"] == 0))

    def strangers(self, persons: Iterable[str]) -> list[str]:
        """Those of the people who have no slot here."""
        return [person for person in persons if person not in self._row]

    def rows_of(self, persons: Iterable[str]) -> NDArray[np.int64]:
        """Rows of those of the people who are heard here, ascending."""
        rows = (self._row.get(person) for person in persons)
        return np.array(sorted(row for row in rows if row is not None), dtype=np.int64)

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
            self._take_off(slot)
            self._ids[slot] = self._persons[slot] = ""
            self._free.append(slot)
        self.used[slots] = False
        self.columns.clear(slots)
        self.tracks.columns.clear(slots)

    def _wear(self, slot: int, person: str) -> None:
        row = self._row.get(person)
        if row is None:
            if not self._free_rows:
                room = max(_FIRST_ROOM, 2 * self.people_room)
                self._free_rows.extend(range(room - 1, self.people_room - 1, -1))
                self._wears.extend([0] * (room - self.people_room))
                self.worn = np.vstack((self.worn, np.full((room - self.people_room, MOST_WORN), -1)))
            row = self._row[person] = self._free_rows.pop()
        self.wearer[slot] = row
        self._wears[row] += 1
        free = np.flatnonzero(self.worn[row] < 0)
        column = free[0] if len(free) else np.argmin(self.seen(self.worn[row]))
        self.worn[row, column] = slot
        self._share(row)

    def _take_off(self, slot: int) -> None:
        row = int(self.wearer[slot])
        self.worn[row, self.worn[row] == slot] = -1
        self._share(row)
        self._wears[row] -= 1
        if self._wears[row] == 0:
            del self._row[self._persons[slot]]
            self._free_rows.append(row)

    def _share(self, row: int) -> None:
        worn = self.worn[row, self.worn[row] >= 0]
        self.shared[worn] = len(worn) > 1

    def _grow(self, room: int) -> None:
        self._free.extend(range(room - 1, self.room - 1, -1))
        more = room - self.room
        self._ids.extend([""] * more)
        self._persons.extend([""] * more)
        self.used = np.append(self.used, np.zeros(more, dtype=bool))
        self.shard = np.append(self.shard, np.zeros(more, dtype=np.uint8))
        self.wearer = np.append(self.wearer, np.zeros(more, dtype=np.int64))
        self.shared = np.append(self.shared, np.zeros(more, dtype=bool))
        self.columns.resize(room)
        self.tracks.columns.resize(room)
