"""The memory of the safe zones: a row per device, a cell per device and zone, kept in blocks of bytes per shard."""

from collections import defaultdict

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.zone_book import ZoneBook
from haechi.domain.geo import Point
from haechi.domain.people import Position, PositionBatch
from haechi.domain.time import instant_of
from haechi.ids import shard_of

UNKNOWN, INSIDE, OUTSIDE = 0, 1, 2
KEPT_FIXES = 4
FORGET_AFTER_US = 30 * 24 * 3600 * 1_000_000

# Times are microseconds since 1970; `cursor` counts the fixes, the last few of which are kept in a ring.
_DEVICE = np.dtype(
    [
        ("last_at", "<i8"),
        ("cursor", "<u4"),
        ("at", "<i8", KEPT_FIXES),
        ("received", "<i8", KEPT_FIXES),
        ("lon", "<f8", KEPT_FIXES),
        ("lat", "<f8", KEPT_FIXES),
        ("accuracy", "<f4", KEPT_FIXES),
    ]
)
# `zone` is a row of the book or -1, `outside` counts fixes in a row, `alerted` is the open episode's start or 0.
_PAIR = np.dtype([("zone", "<i4"), ("where", "i1"), ("outside", "<i2"), ("alerted", "<i8")])
_NO_PAIR = np.array((-1, UNKNOWN, 0, 0), dtype=_PAIR)


class _Block(msgspec.Struct, array_like=True):
    """A shard as it is kept: `zones` are (id, version), to which the pairs' `zone` refers."""

    offset: int
    devices: list[str]
    persons: list[str]
    rows: bytes
    columns: int
    pairs: bytes
    zones: list[tuple[str, int]]


class DeviceTable:
    """`devices` is (n,) of _DEVICE, `pairs` (n, k) of _PAIR; a slot is a row in both."""

    def __init__(self, book: ZoneBook) -> None:
        self.book = book
        self.devices = np.zeros(64, dtype=_DEVICE)
        self.pairs = np.full((64, 1), _NO_PAIR, dtype=_PAIR)
        self._slot: dict[str, int] = {}
        self._ids: list[str] = []
        self._persons: list[str] = []
        self._shards = np.zeros(64, dtype=np.uint8)
        self._of_shard: dict[int, list[int]] = defaultdict(list)

    def slots(self, batch: PositionBatch) -> NDArray[np.int64]:
        """(d,) the slot of each device of the batch's dictionary; new ones are added."""
        known = [self._slot.get(device, -1) for device in batch.devices]
        for i, slot in enumerate(known):
            if slot < 0:
                row = int(np.argmax(batch.device == i))
                known[i] = self._add(batch.devices[i], batch.persons[batch.person[row]])
        return np.array(known, dtype=np.int64)

    def remember(self, slot: NDArray[np.int64], batch: PositionBatch, rows: NDArray[np.int64]) -> None:
        """Put one fix per slot, newer than its last, into the ring."""
        ring = self.devices["cursor"][slot] % KEPT_FIXES
        for name in ("at", "received", "lon", "lat", "accuracy"):
            self.devices[name][slot, ring] = getattr(batch, name)[rows]
        self.devices["cursor"][slot] += 1
        self.devices["last_at"][slot] = batch.at[rows]

    def last_at(self, slot: int) -> int:
        """The time of the newest decided fix."""
        return int(self.devices["last_at"][slot])

    def shard(self, slot: int) -> int:
        """The logical shard of the slot's person."""
        return int(self._shards[slot])

    def shards(self, slots: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(n,) the logical shards of slots."""
        return self._shards[slots]

    def scheduled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(slot, column) of the pairs whose zone has a schedule."""
        if not self.book.scheduled.any():
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        zone = self.pairs["zone"]
        slot, column = np.nonzero((zone >= 0) & self.book.scheduled[zone])
        return slot, column

    def fixes(self, slot: int) -> tuple[Position, ...]:
        """The kept fixes, newest last."""
        row = self.devices[slot]
        newest = int(row["cursor"])
        order = [i % KEPT_FIXES for i in range(max(0, newest - KEPT_FIXES), newest)]
        return tuple(
            Position(
                device=self._ids[slot],
                person=self._persons[slot],
                at=instant_of(row["at"][i]),
                received_at=instant_of(row["received"][i]),
                point=Point(float(row["lon"][i]), float(row["lat"][i])),
                accuracy_m=None if np.isnan(row["accuracy"][i]) else float(row["accuracy"][i]),
            )
            for i in order
        )

    def adopt(self, book: ZoneBook) -> list[tuple[int, int, int]]:
        """Take a new book: where somebody stands in a changed zone is unknown until their next fix.

        Returns (slot, row of the old book, start) of the open episodes whose zone is gone.
        """
        old_zones = [(zone.id, zone.version) for zone in self.book.zones]
        old_pairs, lost = self.pairs, []
        for slot, column in np.argwhere(old_pairs["alerted"] > 0).tolist():
            row = int(old_pairs["zone"][slot, column])
            if old_zones[row][0] not in book.index:
                lost.append((slot, row, int(old_pairs["alerted"][slot, column])))
        self.book = book
        self.pairs = np.full((len(self.devices), 1), _NO_PAIR, dtype=_PAIR)
        for slot in range(len(self._ids)):
            self._place(slot, old_pairs[slot], old_zones)
        return lost

    def dump(self, shard: int, offset: int) -> bytes:
        """The shard's block; devices unheard of for 30 days with nothing open are left out."""
        slots = np.array(self._of_shard[shard], dtype=np.int64)
        newest = int(self.devices["last_at"][slots].max(initial=0))
        kept = (self.devices["last_at"][slots] > newest - FORGET_AFTER_US) | (self.pairs["alerted"][slots] > 0).any(
            axis=1
        )
        slots = slots[kept]
        pairs = self.pairs[slots]
        used, local = np.unique(pairs["zone"], return_inverse=True)
        first = int(len(used) > 0 and used[0] < 0)
        pairs["zone"] = local.reshape(pairs.shape) - first
        return msgspec.msgpack.encode(
            _Block(
                offset,
                [self._ids[s] for s in slots],
                [self._persons[s] for s in slots],
                self.devices[slots].tobytes(),
                pairs.shape[1],
                pairs.tobytes(),
                [(self.book.zones[z].id, self.book.zones[z].version) for z in used[first:]],
            )
        )

    def load(self, data: bytes) -> int:
        """Take back a block; the offset it has applied."""
        block = msgspec.msgpack.decode(data, type=_Block)
        rows = np.frombuffer(block.rows, dtype=_DEVICE)
        pairs = np.frombuffer(block.pairs, dtype=_PAIR).reshape(len(rows), block.columns)
        for i, (device, person) in enumerate(zip(block.devices, block.persons, strict=True)):
            slot = self._add(device, person)
            self.devices[slot] = rows[i]
            self._place(slot, pairs[i], block.zones)
        return block.offset

    def _add(self, device: str, person: str) -> int:
        slot = self._slot.get(device)
        if slot is None:
            slot = self._slot[device] = len(self._ids)
            self._ids.append(device)
            self._persons.append(person)
            if slot >= len(self.devices):
                self._grow(2 * slot)
            self._shards[slot] = shard_of(person)
            self._of_shard[int(self._shards[slot])].append(slot)
            self._place(slot, np.zeros(0, dtype=_PAIR), [])
        return slot

    def _place(self, slot: int, kept: NDArray[np.void], zones: list[tuple[str, int]]) -> None:
        """Fill the slot's cells from the book, with what is known of the same zones."""
        rows = self.book.of(self._persons[slot])
        if len(rows) > self.pairs.shape[1]:
            wider = np.full((len(self.pairs), len(rows)), _NO_PAIR, dtype=_PAIR)
            wider[:, : self.pairs.shape[1]] = self.pairs
            self.pairs = wider
        self.pairs[slot] = _NO_PAIR
        known = {zones[int(pair["zone"])][0]: pair for pair in kept if pair["zone"] >= 0}
        for column, row in enumerate(rows):
            zone, cell = self.book.zones[row], self.pairs[slot, column : column + 1]
            cell["zone"] = row
            old = known.get(zone.id)
            if old is not None:
                cell["alerted"] = old["alerted"]
                if zones[int(old["zone"])][1] == zone.version:
                    cell["where"], cell["outside"] = old["where"], old["outside"]

    def _grow(self, rows: int) -> None:
        devices = np.zeros(rows, dtype=_DEVICE)
        devices[: len(self.devices)] = self.devices
        pairs = np.full((rows, self.pairs.shape[1]), _NO_PAIR, dtype=_PAIR)
        pairs[: len(self.pairs)] = self.pairs
        self.devices, self.pairs = devices, pairs
        self._shards = np.resize(self._shards, rows)
