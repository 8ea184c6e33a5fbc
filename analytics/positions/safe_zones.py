"""Who left a safe zone and who came back, decided for a batch of positions at once.

A person has left when `confirmations` fixes in a row say so: distance to the zone beyond the buffer even if the fix is
wrong by its whole accuracy. A person is inside when a fix that is more accurate than the zone is large lies in it.
Anything else decides nothing. Only the newest fix of a device decides; a late one never does.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.positions.devices import Devices, Slots
from analytics.positions.watch import Heard, Moment
from analytics.positions.zone_table import INSIDE, OUTSIDE, ZoneTable
from analytics.zone_book import ZoneBook
from haechi.domain.alerting import KINDS, Alert, Because
from haechi.domain.people import PositionBatch, SafeZone
from haechi.domain.time import instant_of
from haechi.ids import alert_id

UNKNOWN_ACCURACY_M = 30.0  # what a fix without accuracy is taken to be wrong by: a phone's in a street

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


class Rule(msgspec.Struct, frozen=True):
    """The thresholds: metres beyond the edge, and fixes in a row."""

    buffer_m: float = 20
    confirmations: int = 2


class SafeZones:
    """`analytics.positions.watch.Watch`. `book` gives the newest book of zones; a change is taken before the next
    message."""

    name = "safe-zones"

    def __init__(self, devices: Devices, book: Callable[[], ZoneBook], rule: Rule) -> None:
        self._devices = devices
        self._newest_book = book
        self._rule = rule
        self._table = ZoneTable(devices, book())

    @property
    def book(self) -> ZoneBook:
        return self._table.book

    def positions(self, heard: Heard) -> list[Alert]:
        """Who left and who came back by these fixes."""
        alerts = self._adopt()
        self._table.place(heard.slots)
        for turn in _turns(heard.batch, heard.slots, heard.rows):
            alerts.extend(self._decide(heard.batch, heard.rows[turn], heard.slots[turn]))
        return alerts

    def tick(self, moment: Moment) -> list[Alert]:
        """Time has passed: schedules begin and end also where nothing is heard."""
        alerts = self._adopt()
        pair = self._table.scheduled(moment.slots)
        now = np.full(len(pair[0]), moment.now, dtype=np.int64)
        return [*alerts, *self._speak(pair, now, "was outside when the schedule began")]

    def inside(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) whether each was last known to be in one of their zones."""
        there: NDArray[np.bool_] = (self._table.pairs["where"][slots] == INSIDE).any(axis=1)
        return there

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        self._table.resize(room)

    def holds(self, slots: Slots) -> NDArray[np.bool_]:
        """An open episode keeps a device."""
        return np.any(self._table.pairs["alerted"][slots] > 0, axis=1)  # type: ignore[no-any-return]  # axis gives an array

    def clear(self, slots: Slots) -> None:
        """Empty the slots."""
        self._table.clear(slots)

    def dump(self, slots: Slots) -> bytes:
        """What is known of these slots."""
        return self._table.dump(slots)

    def load(self, slots: Slots, part: bytes) -> None:
        """Take back what `dump` gave."""
        self._table.load(slots, part)

    def _adopt(self) -> list[Alert]:
        """Take a new book of zones; the open episodes of zones that were removed are cleared."""
        book, old = self._newest_book(), self.book
        if book is old:
            return []
        alerts = []
        for slot, row, started in self._table.adopt(book):
            moment = max(self._table.last_at(slot), started)
            alerts.append(self._alert("clear", slot, old.zones[row], started, moment, "the zone was removed"))
            self._devices.touch(np.array([slot]))
        return alerts

    def _decide(self, batch: PositionBatch, rows: NDArray[np.int64], slot: Slots) -> list[Alert]:
        """At most one row a device: the fixes newer than the last decided one move the state."""
        newer = batch.at[rows] > self._table.fixes["last_at"][slot]
        rows, slot = rows[newer], slot[newer]
        self._table.remember(slot, batch, rows)
        zone = self._table.pairs["zone"][slot]
        which, column = np.nonzero(zone >= 0)
        if not len(which):
            return []
        pair, zones = (slot[which], column), zone[which, column]
        x, y = self.book.plane.to_metres(batch.lon[rows], batch.lat[rows])
        accuracy = np.where(np.isnan(batch.accuracy[rows]), UNKNOWN_ACCURACY_M, batch.accuracy[rows])[which]
        distance = shapely.distance(self.book.shapes[zones], shapely.points(x, y)[which])
        is_out = distance - accuracy > self._rule.buffer_m
        is_in = (distance == 0) & (accuracy <= self.book.reach[zones])
        state = self._table.pairs[pair]
        state["outside"] = np.where(is_in, 0, np.minimum(state["outside"] + is_out, 1000))
        gone = state["outside"] >= self._rule.confirmations
        state["where"] = np.where(is_in, INSIDE, np.where(gone, OUTSIDE, state["where"]))
        self._table.pairs[pair] = state
        return self._speak(pair, batch.at[rows][which], "is outside")

    def _speak(self, pair: Pairs, at: NDArray[np.int64], why: str) -> list[Alert]:
        """Raise for who is outside while it matters and is not raised; clear for who is back or whose time is over."""
        state = self._table.pairs[pair]
        active = self.book.active(state["zone"], at)
        open_ = state["alerted"] > 0
        left = active & (state["where"] == OUTSIDE) & ~open_
        back = open_ & ((state["where"] == INSIDE) | ~active)
        alerts = []
        for i in np.flatnonzero(left | back).tolist():
            slot, column, moment = int(pair[0][i]), int(pair[1][i]), int(at[i])
            zone = self.book.zones[int(state["zone"][i])]
            self._devices.touch(pair[0][i : i + 1])
            self._table.pairs["alerted"][slot, column] = moment if left[i] else 0
            if left[i]:
                alerts.append(self._alert("raise", slot, zone, moment, moment, why))
            else:
                words = "is back inside" if state["where"][i] == INSIDE else "the schedule has ended"
                alerts.append(self._alert("clear", slot, zone, int(state["alerted"][i]), moment, words))
        return alerts

    def _alert(
        self, action: Literal["raise", "clear"], slot: int, zone: SafeZone, started: int, moment: int, words: str
    ) -> Alert:
        kind, starts_at, at = KINDS["zone-exit"], instant_of(started), instant_of(moment)
        fixes = self._table.kept(slot)
        newest = fixes[-1]
        return Alert(
            id=alert_id(kind.name, newest.person, zone.id, starts_at),
            action=action,
            kind=kind.name,
            subject=newest.person,
            place=zone.id,
            district=zone.district,
            severity=kind.severity,
            status="Actual",
            starts_at=starts_at,
            ends_at=at if action == "clear" else None,
            received_at=newest.received_at,
            decided_at=max(at, newest.received_at),
            because=Because(
                rule="safe-zone",
                words=f"{words}: {zone.name}",
                fixes=fixes,
                values=(
                    ("buffer_m", self._rule.buffer_m),
                    ("confirmations", self._rule.confirmations),
                    ("fix_age_s", (at - newest.at).total_seconds()),
                ),
                zone=zone.id,
                zone_version=zone.version,
            ),
            title=f"{kind.title} {zone.name}",
            point=newest.point,
            accuracy_m=newest.accuracy_m,
        )


def _turns(batch: PositionBatch, slots: Slots, rows: NDArray[np.int64]) -> Iterable[NDArray[np.int64]]:
    """Indices into `rows` in turns, so that no device is twice in one and its fixes come in order of their time."""
    order = np.lexsort((batch.at[rows], slots))
    slot = slots[order]
    starts = np.flatnonzero(np.r_[True, slot[1:] != slot[:-1]])
    rank = np.arange(len(slot)) - np.repeat(starts, np.diff(np.r_[starts, len(slot)]))
    for turn in range(int(rank.max()) + 1):
        yield order[rank == turn]
