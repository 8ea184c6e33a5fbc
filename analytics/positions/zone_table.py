"""What the zones' watch remembers: per device, per device and zone, per person, per person and zone."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots, pack, unpack
from analytics.positions.devices import Devices
from analytics.positions.moves import Moves
from analytics.positions.quality import FIX
from analytics.zone_book import ZoneBook
from haechi.domain.geo import Point
from haechi.domain.people import Position, SafeZone
from haechi.domain.time import instant_of
from haechi.ids import front_of

KEPT_FIXES = 4
LEVELS = 2  # a person's own safe zones, and those of everyone in the district

# The last few deciding fixes in a ring; `cursor` counts them. `first` is the newest that was a first vote for outside.
_RING = np.dtype([("cursor", "<u4"), ("fix", FIX, (KEPT_FIXES,)), ("first", FIX)])
# A device in a zone: the last votes as bits, newest lowest; `since` is the first of the present votes for outside.
CELL = np.dtype([("outs", "u1"), ("ins", "u1"), ("where", "i1"), ("walked", "?"), ("since", "<i8")])
_NO_CELL = np.zeros((), dtype=CELL)
# A person. Per level: when the open episode began (0: none), the zone it is about and the one where they last were (rows
# of the book or −1), when the last episode ended. `pattern` is the phases of their zones when they were last looked at.
PERSON = np.dtype(
    [
        ("placed", "?"),
        ("pattern", "<i8"),
        ("left_at", "<i8", LEVELS),
        ("left_zone", "<i4", LEVELS),
        ("last_in", "<i4", LEVELS),
        ("closed_at", "<i8", LEVELS),
    ]
)
UNSEEN = -1  # a pattern that never is: look at them at the next chance
_NOBODY = (False, UNSEEN, (0, 0), (-1, -1), (-1, -1), (0, 0))
# A person and a zone: `zone` is a row of the book or −1; `entered` is the open episode in a forbidden zone, `told` where
# they were as last told, `settled` the last time they were expected and it was decided (at first since when they are
# expected at all; 0: not yet), `missing` the open episode.
# `stays`: they were in it when its window held, or came early, and have not left since.
STAKE = np.dtype(
    [("zone", "<i4"), ("entered", "<i8"), ("told", "i1"), ("settled", "<i8"), ("missing", "<i8"), ("stays", "?")]
)
_NO_STAKE = np.array((-1, 0, 0, 0, 0, False), dtype=STAKE)


class Open(NamedTuple):
    """An open episode, with its zone as it was; that may be gone, or no longer theirs. `person` is a row of the people."""

    person: int
    zone: SafeZone
    kind: str
    started: int
    level: int = 0


_OF_STAKES = {"zone-entry": "entered", "not-arrived": "missing"}


class _Part(msgspec.Struct, array_like=True):
    """The devices of a shard and their people: `first` is a device of each person, `zones`, a list of (id, version), is what
    the stakes' `zone` and the people's zones refer to, `open` are the open episodes, each of the `person`-th of them."""

    rings: bytes
    cells: bytes
    columns: int
    first: list[int]
    people: bytes
    stakes: bytes
    zones: msgspec.Raw
    moves: bytes = b""
    open: list[Open] = []


_decoder = msgspec.msgpack.Decoder(_Part)
_zones = msgspec.msgpack.Decoder(list[tuple[str, int]])


class _Zones(NamedTuple):
    """Rows of the book that a shard's people have, and what is kept of those zones."""

    rows: NDArray[np.int64]
    kept: msgspec.Raw


class ZoneTable:
    """`rings` and `cells` (slots, k), `people` (p,), `stakes` (p, k): column j of a person is column j of their devices.

    `waiting` are, by person, the open episodes of a block whose zones are not theirs in the book. They were removed, or the
    book is older than the block, and they will come: the episode goes on (`adopt`) or is over (`give_up`). Of one who left
    such a zone, `left_zone` is −1 meanwhile.
    """

    def __init__(self, devices: Devices, book: ZoneBook) -> None:
        self.book = book
        self.changes = 0  # another number means that somebody has other zones, or that there is other room
        self._devices = devices
        self.moves = Moves()
        self._rings = Columns(_RING, (0, np.zeros(KEPT_FIXES, dtype=FIX), np.zeros((), dtype=FIX)))
        self.cells = np.full((0, 1), _NO_CELL)
        self.people = np.zeros(0, dtype=PERSON)
        self.stakes = np.full((0, 1), _NO_STAKE)
        self._kept: dict[int, _Zones] = {}  # by shard, because they seldom change
        self.waiting: dict[int, list[Open]] = {}

    def resize(self, room: int) -> None:
        """Room for so many slots, and for their people."""
        self.changes += 1
        self._rings.resize(room)
        self.moves.columns.resize(room)
        self.cells = _larger(self.cells, room, self.cells.shape[1], _NO_CELL)
        people = np.full(self._devices.people_room, np.array(_NOBODY, dtype=PERSON))
        people[: len(self.people)] = self.people
        self.people = people
        self.stakes = _larger(self.stakes, len(people), self.stakes.shape[1], _NO_STAKE)

    def clear(self, slots: Slots) -> None:
        """Forget the devices, and the people who have no other."""
        self.changes += 1
        leavers = self._devices.leavers(slots)
        self._rings.clear(slots)
        self.moves.columns.clear(slots)
        self.cells[slots] = _NO_CELL
        self.people[leavers] = np.array(_NOBODY, dtype=PERSON)
        self.stakes[leavers] = _NO_STAKE
        for person in leavers.tolist():
            self.waiting.pop(person, None)

    def place(self, slots: Slots) -> None:
        """Give people who are new their zones."""
        if len(self.people) < self._devices.people_room:
            self.resize(len(self.cells))
        new = slots[~self.people["placed"][self._devices.wearer[slots]]]
        for slot in new.tolist():
            person = int(self._devices.wearer[slot])
            if not self.people["placed"][person]:
                self._place(person, self.book.of(self._devices.person(slot)), {})

    def remember(self, slots: Slots, fixes: NDArray[np.void]) -> NDArray[np.int64]:
        """Put one fix per slot into the ring; (n,) the time of the one before, 0 where there was none."""
        rings = self._rings.rows
        cursor = rings["cursor"][slots]
        before: NDArray[np.int64] = rings["fix"]["at"][slots, (cursor.astype(np.int64) - 1) % KEPT_FIXES]
        for name in FIX.names or ():  # whole records cost three times as much
            rings["fix"][name][slots, cursor % KEPT_FIXES] = fixes[name]
        rings["cursor"][slots] = cursor + 1
        return before

    def newest(self, slots: Slots) -> NDArray[np.void]:
        """(n,) of FIX, the newest deciding fix of each slot (zeros where there is none)."""
        rings = self._rings.rows
        last: NDArray[np.void] = rings["fix"][slots, (rings["cursor"][slots].astype(np.int64) - 1) % KEPT_FIXES]
        return last

    def remember_first(self, slots: Slots, fixes: NDArray[np.void]) -> None:
        """These are the first votes for outside of some zone: evidence that outlasts the ring."""
        self._rings.rows["first"][slots] = fixes

    def fixes(self, slot: int, since: int = 0) -> tuple[Position, ...]:
        """The kept fixes, newest last; the first vote for outside before them, where it is the one of `since` (µs)."""
        ring = self._rings.rows[slot]
        newest = int(ring["cursor"])
        order = [ring["fix"][i % KEPT_FIXES] for i in range(max(0, newest - KEPT_FIXES), newest)]
        if since and ring["first"]["at"] == since < order[0]["at"]:
            order.insert(0, ring["first"])
        return tuple(
            Position(
                device=front_of(self._devices.device(slot)),
                person=self._devices.person(slot),
                at=instant_of(fix["at"]),
                received_at=instant_of(fix["received"]),
                point=Point(float(fix["lon"]), float(fix["lat"])),
                accuracy_m=float(fix["accuracy"]) if fix["accuracy"] > 0 else None,
            )
            for fix in order
        )

    def adopt(self, book: ZoneBook) -> list[Open]:
        """Take a new book: where somebody stands in a changed zone is unknown until their next fix. Returns the episodes
        that ended with their zones."""
        old, self.book = self.book, book
        self._kept.clear()
        lost: list[Open] = []
        people = self._placed(book.concerned(old))
        for person, is_open in zip(people.tolist(), self.is_open(people).tolist(), strict=True):
            zones = {int(zone): column for column, zone in enumerate(self.stakes["zone"][person]) if zone >= 0}
            rows = book.of(self._devices.person(int(self._devices.worn[person].max())))
            before = {old.zones[zone].id: (column, zone) for zone, column in zones.items()}
            kept = {}
            for row in rows:
                if (known := before.get(book.zones[row].id)) is not None:
                    column, zone = known
                    kept[row] = column, old.zones[zone] is book.zones[row] or old.zones[zone] == book.zones[row]
            if is_open:
                lost.extend(self._lost(person, old, rows))
            stays = [same and zones.get(row) == column for row, (column, same) in kept.items()]
            if len(stays) == len(rows) == len(zones) and all(stays):
                continue  # the same rows of the same zones; in a book made anew a row may be another zone's
            self._rename(person, old, rows)
            self._place(person, rows, kept)
            for episode in self.waiting.pop(person, ()):
                self._go_on(episode)
        return lost

    def give_up(self) -> list[Open]:
        """The book is as new as the blocks that were loaded: what waits for a zone is over."""
        gone = [episode for waiting in self.waiting.values() for episode in waiting]
        self.waiting = {}
        for episode in gone:
            self._end(episode, self.book)
            self.people["pattern"][episode.person] = UNSEEN
        return gone

    def zone_left(self, person: int, level: int) -> SafeZone:
        """What somebody's open episode of leaving is about."""
        row = int(self.people["left_zone"][person, level])
        if row >= 0:
            return self.book.zones[row]
        waiting = (one for one in self.waiting[person] if (one.kind, one.level) == ("zone-exit", level))
        return next(waiting).zone

    def left_ends(self, person: int, level: int) -> None:
        """Somebody's episode of leaving is over."""
        self.people["left_at"][person, level] = 0
        if person in self.waiting:
            kept = [one for one in self.waiting.pop(person) if (one.kind, one.level) != ("zone-exit", level)]
            if kept:
                self.waiting[person] = kept

    def _placed(self, concerned: Collection[str] | None) -> NDArray[np.int64]:
        """Those who have been given zones; all, or as far as they are concerned."""
        if concerned is None:
            return np.flatnonzero(self.people["placed"])
        people = self._devices.rows_of(concerned)
        placed: NDArray[np.int64] = people[self.people["placed"][people]]
        return placed

    def _lost(self, person: int, old: ZoneBook, rows: Sequence[int]) -> list[Open]:
        """The open episodes that end with a zone; of a zone that changed its kind, too."""
        still = {(self.book.zones[row].id, self.book.zones[row].kind) for row in rows}
        lost = [one for one in self._open(person, old) if (one.zone.id, one.zone.kind) not in still]
        for episode in lost:
            self._end(episode, old)
        return lost

    def _open(self, person: int, book: ZoneBook) -> list[Open]:
        """The open episodes of a person, but those that wait."""
        someone, stakes = self.people[person], self.stakes[person]
        found = [
            Open(person, book.zones[someone["left_zone"][level]], "zone-exit", int(someone["left_at"][level]), level)
            for level in range(LEVELS)
            if someone["left_at"][level] and someone["left_zone"][level] >= 0
        ]
        for kind, name in _OF_STAKES.items():
            theirs = stakes[(stakes["zone"] >= 0) & (stakes[name] > 0)]
            found.extend(Open(person, book.zones[stake["zone"]], kind, int(stake[name])) for stake in theirs)
        return found

    def _end(self, episode: Open, book: ZoneBook) -> None:
        if episode.kind == "zone-exit":
            self.people["left_at"][episode.person, episode.level] = 0
        else:
            stakes = self.stakes[episode.person]
            stakes[_OF_STAKES[episode.kind]][stakes["zone"] == book.index.get(episode.zone.id, -1)] = 0

    def _go_on(self, episode: Open) -> None:
        """With an open episode that was kept; where its zone is not one of theirs, it waits."""
        person, row = episode.person, self.book.index.get(episode.zone.id, -1)
        stakes = self.stakes[person]
        columns = np.flatnonzero(stakes["zone"] == row) if row >= 0 else ()
        there = len(columns) > 0 and self.book.zones[row].kind == episode.zone.kind
        if not there:
            self._end(episode, self.book)
            self.waiting.setdefault(person, []).append(episode)
        if episode.kind == "zone-exit":
            self.people["left_at"][person, episode.level] = episode.started
            self.people["left_zone"][person, episode.level] = row if there else -1
        elif there:
            stakes[_OF_STAKES[episode.kind]][columns] = episode.started
            if episode.kind == "not-arrived":
                stakes["settled"][columns] = episode.started

    def _rename(self, person: int, old: ZoneBook, rows: Sequence[int]) -> None:
        """The person's own zones by their rows in the new book."""
        for name in ("left_zone", "last_in"):
            for level, row in enumerate(self.people[name][person].tolist()):
                new = self.book.index.get(old.zones[row].id, -1) if row >= 0 else -1
                self.people[name][person, level] = new if new in rows else -1

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """What is known of the slots of each shard and their people."""
        slots, columns = np.concatenate(shards), self.cells.shape[1]
        counts = np.array([len(one) for one in shards])
        of = np.repeat(np.arange(len(shards)), counts)  # the shard of each slot
        people, first = np.unique(self._devices.wearer[slots], return_index=True)
        by_shard = np.argsort(of[first], kind="stable")
        people, first = people[by_shard], first[by_shard]
        of = of[first]  # now of each person
        persons, stakes = self.people.take(people), self.stakes.take(people, axis=0)
        opened = self._opened(people, self._is_open(people, persons, stakes), of, len(shards))
        zones = self._numbered((stakes["zone"], persons["left_zone"], persons["last_in"]), of, len(shards))
        first -= (np.cumsum(counts) - counts)[of]
        heads = np.bincount(of, minlength=len(shards)).tolist()
        parts = zip(
            self._rings.dump(shards),
            pack(self.cells.take(slots, axis=0).ravel(), (counts * columns).tolist()),
            np.split(first, np.cumsum(heads)[:-1]),
            pack(persons, heads),
            pack(stakes.ravel(), [count * columns for count in heads]),
            map(self._named, shards, zones),
            self.moves.columns.dump(shards),
            opened,
            strict=True,
        )
        return [
            msgspec.msgpack.encode(_Part(rings, cells, columns, firsts.tolist(), theirs, stakes, named, moves, open_))
            for rings, cells, firsts, theirs, stakes, named, moves, open_ in parts
        ]

    def _numbered(
        self, fields: Sequence[NDArray[np.int32]], of: NDArray[np.int64], shards: int
    ) -> list[NDArray[np.int64]]:
        """Rows of the zones of each shard's people, whose fields (p, …) have rows of the book before and places among these
        afterwards; −1 stays. `of` (p,) is the shard of each."""
        every = len(self.book.zones) + 1  # with −1
        keys = [field + 1 + every * of[:, np.newaxis] for field in fields]
        starts = every * np.arange(shards)
        used = np.sort(np.concatenate([starts, *(key.ravel() for key in keys)]))
        used = used[np.append(True, used[1:] != used[:-1])]  # `np.unique` hashes, and takes fifty times as long
        begins = np.searchsorted(used, starts)
        for field, key in zip(fields, keys, strict=True):
            field[...] = np.searchsorted(used, key) - begins[of][:, np.newaxis] - 1
        return [rows[1:] for rows in np.split(used % every - 1, begins[1:])]

    def _named(self, slots: Slots, rows: NDArray[np.int64]) -> msgspec.Raw:
        """The ids and versions of the zones that the people of a shard's slots have, encoded."""
        shard = int(self._devices.shard[slots].max(initial=0))
        known = self._kept.get(shard)
        if known is None or not np.array_equal(known.rows, rows):
            keys = [self.book.keys[row] for row in rows.tolist()]
            known = self._kept[shard] = _Zones(rows, msgspec.Raw(msgspec.msgpack.encode(keys)))
        return known.kept

    def _opened(
        self, people: NDArray[np.int64], is_open: NDArray[np.bool_], of: NDArray[np.int64], shards: int
    ) -> list[list[Open]]:
        """The open episodes of each shard's people, who are its `person`-th; `of` (p,) is the shard of each."""
        found: list[list[Open]] = [[] for _ in range(shards)]
        before = np.searchsorted(of, np.arange(shards))
        for i in np.flatnonzero(is_open).tolist():
            person, shard = int(people[i]), int(of[i])
            for episode in (*self._open(person, self.book), *self.waiting.get(person, ())):
                found[shard].append(episode._replace(person=i - int(before[shard])))
        return found

    def is_open(self, people: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(p,) whether an episode is, of each."""
        return self._is_open(people, self.people.take(people), self.stakes.take(people, axis=0))

    def _is_open(
        self, people: NDArray[np.int64], persons: NDArray[np.void], stakes: NDArray[np.void]
    ) -> NDArray[np.bool_]:
        at = np.concatenate([persons["left_at"], stakes["entered"], stakes["missing"]], axis=1)
        is_open: NDArray[np.bool_] = np.any(at > 0, axis=1) | np.isin(people, list(self.waiting))
        return is_open

    def load(self, slots: Slots, data: bytes) -> None:
        """Take back what `dump` gave."""
        part = _decoder.decode(data)
        if len(self.people) < self._devices.people_room:
            self.resize(len(self.cells))
        self._rings.load(slots, part.rings)
        if part.moves:
            self.moves.columns.load(slots, part.moves)
        people = self._devices.wearer[slots[part.first]] if part.first else np.zeros(0, dtype=np.int64)
        columns = part.columns
        if columns > self.cells.shape[1]:
            self._widen(columns)
        self.cells[slots, :columns] = unpack(part.cells, CELL, _NO_CELL).reshape(len(slots), columns)
        stakes = unpack(part.stakes, STAKE, _NO_STAKE).reshape(len(people), columns)
        self.stakes[people, :columns] = stakes
        self.people[people] = unpack(part.people, PERSON, np.array(_NOBODY, dtype=PERSON))
        zones = _zones.decode(part.zones)
        rows = np.array([*(self.book.index.get(zone, -1) for zone, _ in zones), -1], dtype=np.int64)
        for name in ("left_zone", "last_in"):
            self.people[name][people] = rows[self.people[name][people]]
        self.people["left_at"][people] *= self.people["left_zone"][people] >= 0  # what goes on is among the open ones
        for i, person in enumerate(people.tolist()):
            kept = {}
            for column, zone in enumerate(stakes["zone"][i].tolist()):
                if zone >= 0 and rows[zone] >= 0:
                    kept[int(rows[zone])] = column, self.book.zones[rows[zone]].version == zones[zone][1]
            self._place(person, self.book.of(self._devices.person(int(slots[part.first[i]]))), kept)
        for episode in part.open:
            self._go_on(episode._replace(person=int(people[episode.person])))

    def _place(self, person: int, rows: Sequence[int], kept: dict[int, tuple[int, bool]]) -> None:
        """Give a person the zones of `rows`; `kept` says in which column each was, and whether it is the same still."""
        self.changes += 1
        if len(rows) > self.cells.shape[1]:
            self._widen(len(rows))
        worn = self._devices.worn[person]
        worn = worn[worn >= 0]
        cells, stakes = self.cells[worn].copy(), self.stakes[person].copy()
        self.cells[worn], self.stakes[person] = _NO_CELL, _NO_STAKE
        for column, row in enumerate(rows):
            if row in kept:
                before, same = kept[row]
                self.stakes[person, column] = stakes[before]
                if same:
                    self.cells[worn, column] = cells[:, before]
            self.stakes["zone"][person, column] = row
        self.people["placed"][person], self.people["pattern"][person] = True, UNSEEN

    def _widen(self, columns: int) -> None:
        self.cells = _larger(self.cells, len(self.cells), columns, _NO_CELL)
        self.stakes = _larger(self.stakes, len(self.stakes), columns, _NO_STAKE)


def _larger(rows: NDArray[np.void], room: int, columns: int, empty: NDArray[np.void]) -> NDArray[np.void]:
    larger = np.full((room, columns), empty, dtype=rows.dtype)
    larger[: len(rows), : rows.shape[1]] = rows
    return larger
