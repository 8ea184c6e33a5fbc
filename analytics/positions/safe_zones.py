"""Who left and who came back, who entered where they must not, who arrived, left and is missed: a batch at a time.

What one fix says of one zone, with its accuracy taken into account:

| it says | when |
|---|---|
| outside | distance − accuracy is more than the buffer |
| inside | it lies within the inner edge, and is more accurate than the zone is large |
| near | it is accurate, not beyond the buffer, and not within the inner edge: neither, but not outside |
| nothing | it is too coarse for any of these |

Where a device is in a zone changes when enough of its last votes say so, over enough time. Where a person is, is what
their devices say together (`fusion`). A person is *safe* inside any of their own active safe zones, and has *left* when
confirmed outside all of them: one episode, about the zone where they were last. The zones of everyone in the district are
a second, outer level: one who left them is not inside an own zone either. Elsewhere each zone stands for itself.
"""

from collections.abc import Callable, Sequence
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from analytics.positions.episodes import AreTheirs, CanArrive, Episodes
from analytics.positions.fusion import INSIDE, OUTSIDE
from analytics.positions.patterns import Patterns
from analytics.positions.quality import ALONE_US, FINE_M
from analytics.positions.watch import Heard, Moment
from analytics.positions.zone_alerts import known_to_be_over
from analytics.positions.zone_table import Open, ZoneTable
from analytics.zone_book import ZoneBook
from haechi.domain.alerting import Alert

_SECOND_US = 1_000_000
_SURELY = 3  # an accuracy is a 68 % radius: beyond three of them lies nobody by mere error
_BITS = np.array([votes.bit_count() for votes in range(256)], dtype=np.uint8)


class Rule(msgspec.Struct, frozen=True):
    """The thresholds; at most 8 votes.

    `buffer_m` metres beyond the edge count as outside. `confirmations` of the newest `votes` must say so. That suffices
    where a walk explains the way out (`quality.Judged`), as it does no jump. Without one the first and the last
    vote must be at least `dwell_s` apart, and the last one fine or beyond the buffer by thrice its accuracy. A fix less
    accurate than `coarse_m` only confirms what began on foot. The walk and the votes are taken back by a fix that is
    inside with its whole accuracy and shows no walk. One fix ends an alarm, and takes its votes back; telling of an
    entry needs `entry_confirmations`, or one fix after a long silence (a tag that a reader saw, a tracker that reports
    each hour).
    """

    buffer_m: float = 20
    confirmations: int = 4
    votes: int = 8
    dwell_s: float = 600
    coarse_m: float = 100
    entry_confirmations: int = 2


class SafeZones:
    """`analytics.positions.watch.Watch`. `book` gives the newest book of zones; a change is taken before the next
    message. `can_arrive` says who can be missed, `are_theirs` whose device it is still. `reads` counts how often the registry
    has been read for it, and is infinite where the book cannot be old."""

    name = "zones"

    def __init__(
        self,
        devices: Devices,
        book: Callable[[], ZoneBook],
        rule: Rule,
        can_arrive: CanArrive,
        are_theirs: AreTheirs = lambda slots, _: np.ones(len(slots), dtype=bool),
        reads: Callable[[], float] = lambda: inf,
    ) -> None:
        self._devices = devices
        self._newest_book = book
        self._reads = reads
        self._sure_at = 0.0  # so many reads: the last of them began after the blocks were loaded
        self._rule = rule
        self._dwell_us = int(rule.dwell_s * _SECOND_US)
        self._mask = np.uint8((1 << max(rule.votes, rule.confirmations, rule.entry_confirmations)) - 1)
        self._table = ZoneTable(devices, book())
        self._episodes = Episodes(devices, self._table, self._thresholds(), can_arrive, are_theirs)
        self._patterns = Patterns(self._table)
        self._asked: object = None
        self._read_book()

    @property
    def book(self) -> ZoneBook:
        return self._table.book

    def positions(self, heard: Heard) -> list[Alert]:
        """Who left and who came back by these fixes."""
        alerts = self._adopt()
        self._table.place(heard.slots)
        for turn in heard.turns:
            if len(turn):
                alerts.extend(
                    self._decide(heard.slots[turn], heard.fixes.take(turn), heard.walked[turn], heard.accuracy[turn])
                )
        return known_to_be_over(alerts)

    def tick(self, moment: Moment) -> list[Alert]:
        """Time has passed: schedules begin and end, and somebody is missed, also where nothing is heard."""
        alerts = self._adopt()
        if not len(moment.slots):
            return alerts
        self._table.place(moment.slots)
        self._patterns.begin(moment.now)
        if len(stale := self._patterns.all_stale()):
            # In a replay some have applied this tick already: they are looked at with the next one.
            people = np.intersect1d(stale, self._devices.wearer[moment.slots])
            now = np.full(len(people), moment.now, dtype=np.int64)
            alerts.extend(self._episodes.speak(people, now, "was outside when the schedule began"))
        # Who is due changes with the minute, and is decided once: what was asked of everybody has its answer.
        asked = (self._patterns.of, moment.spools_empty)
        if self._expects and asked != self._asked:
            alerts.extend(self._episodes.expect(np.unique(self._devices.wearer[moment.slots]), moment))
            self._asked = asked if len(moment.slots) == len(self._devices) else None
        return alerts

    def inside(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) whether each was last known to be in one of their zones."""
        zones = self._table.stakes["zone"][self._devices.wearer[slots]]
        there = (self._table.cells["where"][slots] == INSIDE) & self.book.safe[zones]
        return np.any(there, axis=1)  # type: ignore[no-any-return]  # axis gives an array

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        self._table.resize(room)

    def holds(self, slots: Slots) -> NDArray[np.bool_]:
        """An open episode keeps a person's devices; where they are expected, the one that was heard last stays."""
        people = self._devices.wearer[slots]
        expected = self.book.expects[self._table.stakes["zone"][people]].any(axis=1)
        last = self._devices.heard_at(people)
        held: NDArray[np.bool_] = self._table.is_open(people) | expected & (self._devices.seen(slots) == last)
        return held

    def let_go(self, _slots: Slots, _now: int) -> list[Alert]:
        """Nothing: who was outside may still need somebody."""
        return []

    def clear(self, slots: Slots) -> None:
        """Empty the slots."""
        self._table.clear(slots)

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """What is known of the slots of each shard."""
        return self._table.dump(shards)

    def load(self, slots: Slots, part: bytes) -> None:
        """Take back what `dump` gave. A reading of the registry may be under way, and the one after it is newer."""
        self._table.load(slots, part)
        self._sure_at = self._reads() + 2

    def _thresholds(self) -> tuple[tuple[str, float], ...]:
        rule = self._rule
        return (
            ("buffer_m", rule.buffer_m),
            ("confirmations", rule.confirmations),
            ("votes", rule.votes),
            ("dwell_s", rule.dwell_s),
            ("coarse_m", rule.coarse_m),
        )

    def _read_book(self) -> None:
        book = self.book
        told = book.forbidden | book.notices
        self._expects = bool(book.expects.any())
        self._entry = np.where(told, self._rule.entry_confirmations, 1).astype(np.uint8)

    def _adopt(self) -> list[Alert]:
        """Take a new book of zones; the open episodes of zones that are gone are cleared."""
        lost: list[Open] = []
        if (book := self._newest_book()) is not self.book:
            lost.extend(self._table.adopt(book))
            self._read_book()
        if self._table.waiting and self._reads() >= self._sure_at:
            lost.extend(self._table.give_up())
        return [self._episodes.end(one) for one in lost]

    def _decide(
        self, slots: Slots, fixes: NDArray[np.void], walked: NDArray[np.bool_], accurate: NDArray[np.float64]
    ) -> list[Alert]:
        """At most one fix a person."""
        table, rule = self._table, self._rule
        before = table.remember(slots, fixes)
        alone = fixes["at"] - before > ALONE_US
        shared = self._devices.shared[slots]
        if shared.any():
            table.moves.follow(slots[shared], fixes[shared], before[shared])
        person = self._devices.wearer[slots]
        zones = table.stakes["zone"][person]
        which, column = np.nonzero(zones >= 0)
        zone, cells = zones[which, column].astype(np.int64), table.cells.ravel()
        pair = slots[which] * table.cells.shape[1] + column
        x, y = self.book.plane.to_metres(fixes["lon"], fixes["lat"])
        accuracy = accurate[which]
        distance = self.book.edges.distance(zone, x[which], y[which], _SURELY * accuracy + rule.buffer_m)
        reach = self.book.reach[zone]
        coarse = accuracy > reach
        inside = (distance <= -self.book.inner(reach)) & ~coarse
        cell = cells.take(pair)
        usable = accuracy <= rule.coarse_m
        walks = walked[which] & usable
        settled = inside & (distance + accuracy <= 0) & ~walks
        on_foot = walks | (cell["walked"] & ~settled)
        out = (distance - accuracy > rule.buffer_m) & (usable | (on_foot & (cell["outs"] > 0)))
        says = out | inside | (~coarse & (distance <= rule.buffer_m))
        at = fixes["at"][which]
        outs = np.where(says, (cell["outs"] << 1 | out) & self._mask, cell["outs"])
        ins = np.where(says, (cell["ins"] << 1 | inside) & self._mask, cell["ins"])
        outs[settled | (inside & (cell["where"] == OUTSIDE))] = 0
        ins[out], ins[inside & alone[which]] = 0, self._mask
        first = out & (cell["outs"] == 0)
        if first.any():
            table.remember_first(slots[which[first]], fixes[which[first]])
        since = np.where(first, at, cell["since"])
        surely = (accuracy <= FINE_M) | (distance > rule.buffer_m + _SURELY * accuracy)
        stays = surely & (at - since >= self._dwell_us)
        gone = out & (_BITS[outs] >= rule.confirmations) & (on_foot | stays)
        came = inside & (_BITS[ins] >= self._entry[zone])
        where = np.where(gone, OUTSIDE, np.where(came, INSIDE, cell["where"])).astype(np.int8)
        moved = which[where != cell["where"]]
        cell["outs"], cell["ins"], cell["where"] = outs, ins, where
        cell["since"], cell["walked"] = since, on_foot
        cells.put(pair, cell)
        look = self._patterns.stale(person, fixes["at"]) | shared
        look[moved] = True
        if not look.any():
            return []
        return self._episodes.speak(person[look], fixes["at"][look], "is outside")
