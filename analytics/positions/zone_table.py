"""What the safe zones remember: the last fixes of a device, and a cell per device and zone."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, pack, unpack
from analytics.positions.devices import Devices, Slots
from analytics.zone_book import ZoneBook
from haechi.domain.geo import Point
from haechi.domain.people import Position, PositionBatch
from haechi.domain.time import instant_of

UNKNOWN, INSIDE, OUTSIDE = 0, 1, 2
KEPT_FIXES = 4

# Times are microseconds since 1970; `cursor` counts the fixes, the last few of which are kept in a ring.
_FIXES = np.dtype(
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
_NOTHING = (0, 0, (0,) * KEPT_FIXES, (0,) * KEPT_FIXES, (0.0,) * KEPT_FIXES, (0.0,) * KEPT_FIXES, (0.0,) * KEPT_FIXES)
# `zone` is a row of the book or -1, `outside` counts fixes in a row, `alerted` is the open episode's start or 0.
_PAIR = np.dtype([("zone", "<i4"), ("where", "i1"), ("outside", "<i2"), ("alerted", "<i8")])
_NO_PAIR = np.array((-1, UNKNOWN, 0, 0), dtype=_PAIR)


class _Part(msgspec.Struct, array_like=True):
    """The devices of a shard: `zones` are (id, version), to which the pairs' `zone` refers."""

    fixes: bytes
    columns: int
    pairs: bytes
    zones: list[tuple[str, int]]


_decoder = msgspec.msgpack.Decoder(_Part)


class ZoneTable:
    """`fixes` (n,) of _FIXES, `pairs` (n, k) of _PAIR; a slot is a row in both."""

    def __init__(self, devices: Devices, book: ZoneBook) -> None:
        self.book = book
        self.pairs = np.full((0, 1), _NO_PAIR, dtype=_PAIR)
        self._devices = devices
        self._columns = Columns(_FIXES, _NOTHING)
        self._placed = np.zeros(0, dtype=bool)

    @property
    def fixes(self) -> NDArray[np.void]:
        return self._columns.rows

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        before = len(self.pairs)
        self._columns.resize(room)
        pairs = np.full((room, self.pairs.shape[1]), _NO_PAIR, dtype=_PAIR)
        pairs[:before] = self.pairs
        self.pairs = pairs
        self._placed = np.append(self._placed, np.zeros(room - before, dtype=bool))

    def clear(self, slots: Slots) -> None:
        """Empty the slots."""
        self._columns.clear(slots)
        self.pairs[slots] = _NO_PAIR
        self._placed[slots] = False

    def place(self, slots: Slots) -> None:
        """Give the slots that are new their zones."""
        for slot in slots[~self._placed[slots]].tolist():
            if not self._placed[slot]:
                self._place(slot, np.zeros(0, dtype=_PAIR), [])

    def remember(self, slot: Slots, batch: PositionBatch, rows: NDArray[np.int64]) -> None:
        """Put one fix per slot, newer than its last, into the ring."""
        ring = self.fixes["cursor"][slot] % KEPT_FIXES
        for name in ("at", "received", "lon", "lat", "accuracy"):
            self.fixes[name][slot, ring] = getattr(batch, name)[rows]
        self.fixes["cursor"][slot] += 1
        self.fixes["last_at"][slot] = batch.at[rows]

    def last_at(self, slot: int) -> int:
        """The time of the newest decided fix."""
        return int(self.fixes["last_at"][slot])

    def scheduled(self, slots: Slots) -> tuple[Slots, NDArray[np.int64]]:
        """(slot, column) of the pairs of these slots whose zone has a schedule."""
        if not self.book.scheduled.any():
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        zone = self.pairs["zone"][slots]
        which, column = np.nonzero((zone >= 0) & self.book.scheduled[zone])
        return slots[which], column

    def kept(self, slot: int) -> tuple[Position, ...]:
        """The kept fixes, newest last."""
        row = self.fixes[slot]
        newest = int(row["cursor"])
        order = [i % KEPT_FIXES for i in range(max(0, newest - KEPT_FIXES), newest)]
        return tuple(
            Position(
                device=self._devices.device(slot),
                person=self._devices.person(slot),
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
        self.pairs = np.full((len(old_pairs), 1), _NO_PAIR, dtype=_PAIR)
        for slot in np.flatnonzero(self._placed).tolist():
            self._place(slot, old_pairs[slot], old_zones)
        return lost

    def dump(self, slots: Slots) -> bytes:
        """What is known of these slots."""
        pairs = self.pairs[slots]
        used, local = np.unique(pairs["zone"], return_inverse=True)
        first = int(len(used) > 0 and used[0] < 0)
        pairs["zone"] = local.reshape(pairs.shape) - first
        zones = [(self.book.zones[z].id, self.book.zones[z].version) for z in used[first:]]
        return msgspec.msgpack.encode(_Part(self._columns.dump(slots), pairs.shape[1], pack(pairs.ravel()), zones))

    def load(self, slots: Slots, data: bytes) -> None:
        """Take back what `dump` gave."""
        part = _decoder.decode(data)
        self._columns.load(slots, part.fixes)
        pairs = unpack(part.pairs, _PAIR, _NO_PAIR).reshape(len(slots), part.columns)
        for i, slot in enumerate(slots.tolist()):
            self._place(slot, pairs[i], part.zones)

    def _place(self, slot: int, kept: NDArray[np.void], zones: list[tuple[str, int]]) -> None:
        """Fill the slot's cells from the book, with what is known of the same zones."""
        self._placed[slot] = True
        rows = self.book.of(self._devices.person(slot))
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
