"""From where people are to what is told: episodes that begin and end, and notices. Only for those of whom it changed."""

from collections.abc import Callable, Collection
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from analytics.positions.fusion import INSIDE, OUTSIDE, UNKNOWN, Bools, carried, standing, whereabouts
from analytics.positions.patterns import pattern
from analytics.positions.watch import Moment
from analytics.positions.zone_alerts import Action, Episode, alert
from analytics.positions.zone_table import Open, ZoneTable
from analytics.zone_book import EVER, HOLDS, SOON, Timetable
from haechi.domain.alerting import Alert
from haechi.domain.people import SafeZone
from haechi.domain.time import instant_of

People = NDArray[np.int64]
CanArrive = Callable[[str, datetime, Collection[str]], bool]
"""Whether somebody has a device that may tell of an arrival then, by those of theirs that have told a place."""
AreTheirs = Callable[[Slots, int], Bools]
"""(n,) whether the devices of these slots are still their wearer's by the registry, at a time (µs)."""

_SECOND_US = 1_000_000
_BACK = "is back inside"
_OVER = "the schedule has ended"
_ABSENT = "was expected and is not there"
_UNHEARD = "was expected, and none of their devices was heard since we began to watch them"


class Glance(msgspec.Struct, frozen=True):
    """People at their time: `people`, `at` (p,); `zones` rows of the book and their `hours` (p, k), −1 and RESTS where there
    is none; `active` (p, k) whether the window holds, `counts` whether the zone counts for them, as it does beyond its
    window for who stays or comes early; `stayed` whether it did when they were last looked at. `worn` their slots and
    `speaks` whether each counts (p, d); `where` (p, d, k) of each, `is_at` (p, k) of all."""

    people: People
    at: NDArray[np.int64]
    zones: NDArray[np.int64]
    hours: Timetable
    active: Bools
    counts: Bools
    stayed: Bools
    worn: NDArray[np.int64]
    speaks: Bools
    where: NDArray[np.int8]
    is_at: NDArray[np.int8]


class Episodes:
    """Reads and writes the people and stakes of a ZoneTable; `thresholds` are what alerts say decided them."""

    def __init__(
        self,
        devices: Devices,
        table: ZoneTable,
        thresholds: tuple[tuple[str, float], ...],
        can_arrive: CanArrive,
        are_theirs: AreTheirs,
    ) -> None:
        self._devices = devices
        self._table = table
        self._thresholds = thresholds
        self._can_arrive = can_arrive
        self._are_theirs = are_theirs

    def speak(self, people: People, at: NDArray[np.int64], why: str) -> list[Alert]:
        """Raise what has begun and clear what is over, each of the people (at most once) at their time (p,)."""
        look = self._look(people, at)
        self._table.people["pattern"][people] = pattern(look.hours.phase)
        self._table.stakes["stays"][people] = look.counts & (
            (look.is_at == INSIDE) | look.stayed & (look.is_at != OUTSIDE)
        )
        alerts, left = self._leaving(look, why)
        book = self._table.book
        if book.forbidden.any():
            alerts.extend(self._entering(look))
        if book.notices.any():
            alerts.extend(self._notices(look, left))
        if book.expects.any():
            alerts.extend(self._arriving(look))
        self._touch(look)
        return alerts

    def expect(self, people: People, moment: Moment) -> list[Alert]:
        """Who is not where they are expected by now; not decided while a gateway holds something back. Who can't arrive,
        because their devices were taken back, is not missed."""
        table = self._table
        zones = table.stakes["zone"][people].astype(np.int64)
        due = table.book.at(moment.now).due[table.book.line[zones]]
        missing, settled = table.stakes["missing"][people], table.stakes["settled"][people]
        if (new := table.book.expects[zones] & (settled == 0)).any():
            self._begin(people, new, due, moment.now)
        asked = (due > 0) & (settled != due) & ~new & moment.spools_empty
        concerned = asked | ((missing > 0) & (due != missing))
        which = np.flatnonzero(concerned.any(axis=1))
        if not len(which):
            return []
        look = self._look(people[which], np.full(len(which), moment.now, dtype=np.int64))
        heard = self._devices.heard_at(look.people) > 0
        alerts = []
        for i, column in np.argwhere(concerned[which]).tolist():
            person, since = int(look.people[i]), int(due[which[i], column])
            stake = table.stakes[person, column : column + 1]
            if stake["missing"][0]:
                episode = Episode(
                    "not-arrived", int(stake["missing"][0]), moment.now, "the time to be there is over", moot=True
                )
                alerts.append(self._alert("clear", episode, look, i, int(look.zones[i, column])))
                stake["missing"] = 0
            if asked[which[i], column]:
                stake["settled"] = since
                if look.is_at[i, column] != INSIDE and self._can_come(look, i):
                    stake["missing"] = since
                    episode = Episode("not-arrived", since, moment.now, _ABSENT if heard[i] else _UNHEARD)
                    alerts.append(self._alert("raise", episode, look, i, int(look.zones[i, column])))
        self._touch(look)
        return alerts

    def _begin(self, people: People, new: Bools, due: NDArray[np.int64], now: int) -> None:
        """Whoever was expected there at no time yet (p, k) is from now on, and not for what was due before: a school that
        registers its children at ten has not lost them all."""
        which = np.flatnonzero(new.any(axis=1))
        settled = self._table.stakes["settled"][people[which]]
        begun = np.where(due[which] > 0, due[which], now)
        self._table.stakes["settled"][people[which]] = np.where(new[which], begun, settled)
        self._devices.touch(self._devices.worn[people[which]].max(axis=1))

    def end(self, lost: Open) -> Alert:
        """The clear of an episode whose zone is gone."""
        worn = self._devices.worn[lost.person]
        slot = self._newest(worn[worn >= 0])
        self._devices.touch(np.array([slot]))
        moment = max(int(self._table.newest(np.array([slot]))["at"][0]), lost.started)
        episode = Episode(lost.kind, lost.started, moment, "the zone was removed", moot=True)
        return alert("clear", episode, lost.zone, self._table.fixes(slot), self._thresholds, self._devices.person(slot))

    def _look(self, people: People, at: NDArray[np.int64]) -> Glance:
        table = self._table
        zones = table.stakes["zone"][people].astype(np.int64)
        worn = self._devices.worn[people]
        there = worn >= 0
        speaks = carried(self._still_theirs(worn, at), self._table.moves.at[worn])
        where = np.where(there[:, :, np.newaxis], table.cells["where"][worn], UNKNOWN).astype(np.int8)
        hours, is_at, stayed = table.book.hours(zones, at), whereabouts(where, speaks), table.stakes["stays"][people]
        active = hours.phase == HOLDS
        counts = active | self._soft(zones, hours, is_at, stayed)
        return Glance(people, at, zones, hours, active, counts, stayed, worn, speaks, where, is_at)

    def _still_theirs(self, worn: NDArray[np.int64], at: NDArray[np.int64]) -> Bools:
        """(p, d) the devices that may speak: one that was taken off or is another person's now would keep them where it
        lay last. Where none is left that has spoken, that is all that is known."""
        there = worn >= 0
        several = there & self._devices.shared[worn]
        if not several.any():
            return there
        theirs = np.zeros(worn.shape, dtype=bool)
        slots = worn[several]
        theirs[several] = self._are_theirs(slots, int(at.max())) & (self._devices.seen(slots) > 0)
        return np.where(theirs.any(axis=1, keepdims=True), theirs, there)

    def _soft(self, zones: NDArray[np.int64], hours: Timetable, is_at: NDArray[np.int8], stayed: Bools) -> Bools:
        """(p, k) the zones that count although their window does not hold: what ends sends nobody away, and nobody is
        too early, unless another window begins at that time, or ends, and so says where they should be instead."""
        book = self._table.book
        soft = np.zeros(zones.shape, dtype=bool)
        for level in (book.everyones[zones], ~book.everyones[zones]):
            holds = book.safe[zones] & (hours.phase == HOLDS) & level
            asked = np.where(holds, hours.since, 0).max(axis=1, initial=0, keepdims=True)
            held_to = np.where(holds, hours.until, EVER).min(axis=1, initial=EVER, keepdims=True)
            late = stayed & (asked < hours.since)
            early = (hours.phase == SOON) & (is_at == INSIDE) & (held_to > hours.until)
            soft |= (is_at != OUTSIDE) & level & (late | early)
        return soft

    def _leaving(self, look: Glance, why: str) -> tuple[list[Alert], Bools]:
        """Also (p, k) the zones whose leaving was raised just now."""
        people, book = self._table.people, self._table.book
        safe, everyones = book.safe[look.zones], book.everyones[look.zones]
        asks, makes_safe = look.active & safe, look.counts & safe
        left_from = look.stayed & safe & (look.is_at == OUTSIDE)
        alerts: list[Alert] = []
        raised = np.zeros(look.zones.shape, dtype=bool)
        for level, (of, among) in enumerate(((~everyones, makes_safe & ~everyones), (everyones, makes_safe))):
            stand = standing(look.where, look.speaks, among)
            has = (asks & of).any(axis=1)
            began = people["left_at"][look.people, level]
            left = stand.out & has & (began == 0) & (look.at > people["closed_at"][look.people, level])
            known = people["left_zone"][look.people, level] >= 0  # whose window has ended
            back = (began > 0) & (stand.safe | (~has & known & (look.at >= began)))
            for i in np.flatnonzero(left).tolist():
                column = self._about(
                    look, i, (asks | left_from)[i] & of[i], int(people["last_in"][look.people[i], level])
                )
                zone, moment = int(look.zones[i, column]), int(look.at[i])
                people["left_at"][look.people[i], level] = moment
                people["left_zone"][look.people[i], level] = zone
                raised[i, column] = True
                alerts.append(self._alert("raise", Episode("zone-exit", moment, moment, why), look, i, zone))
            for i in np.flatnonzero(back).tolist():
                person, started = int(look.people[i]), int(began[i])
                moot = not stand.safe[i]
                episode = Episode("zone-exit", started, max(int(look.at[i]), started), _OVER if moot else _BACK, moot)
                alerts.append(self._alert("clear", episode, look, i, self._table.zone_left(person, level)))
                self._table.left_ends(person, level)
                people["closed_at"][person, level] = episode.at
            within = makes_safe & of & (look.is_at == INSIDE)
            inside = np.flatnonzero(within.any(axis=1))
            people["last_in"][look.people[inside], level] = look.zones[inside, within[inside].argmax(axis=1)]
        return alerts, raised

    def _entering(self, look: Glance) -> list[Alert]:
        """Forbidden zones, each for itself."""
        book, stakes = self._table.book, self._table.stakes
        forbidden = book.forbidden[look.zones]
        began = stakes["entered"][look.people]
        enters = forbidden & look.active & (look.is_at == INSIDE) & (began == 0)
        leaves = (began > 0) & ((look.is_at == OUTSIDE) | (~look.active & (look.at[:, np.newaxis] >= began)))
        alerts = []
        for i, column in np.argwhere(enters | leaves).tolist():
            moment, zone, started = int(look.at[i]), int(look.zones[i, column]), int(began[i, column])
            stakes["entered"][look.people[i], column] = 0 if started else moment
            if not started:
                alerts.append(self._alert("raise", Episode("zone-entry", moment, moment, "is inside"), look, i, zone))
            else:
                moot = bool(look.is_at[i, column] != OUTSIDE)
                words = _OVER if moot else "is outside again"
                episode = Episode("zone-entry", started, max(moment, started), words, moot)
                alerts.append(self._alert("clear", episode, look, i, zone))
        return alerts

    def _notices(self, look: Glance, left: Bools) -> list[Alert]:
        """Who arrived at a place and who left it; the first that is known of anyone is no news, nor is an alarm told
        already. Whoever comes before the zone counts arrives when it does; whose arrival was told leaves at any time."""
        book, stakes = self._table.book, self._table.stakes
        told = stakes["told"][look.people]
        arrives = (look.is_at == INSIDE) & (look.counts | (told == INSIDE))
        tells = np.where(arrives, INSIDE, OUTSIDE)
        changed = book.notices[look.zones] & (look.is_at != UNKNOWN) & (tells != told)
        alerts = []
        for i, column in np.argwhere(changed).tolist():
            stakes["told"][look.people[i], column] = tells[i, column]
            if told[i, column] == UNKNOWN or left[i, column]:
                continue
            kind = "arrived" if arrives[i, column] else "left"
            moment = int(look.at[i])
            episode = Episode(kind, moment, moment, "is inside" if kind == "arrived" else "is outside")
            alerts.append(self._alert("raise", episode, look, i, int(look.zones[i, column])))
        return alerts

    def _arriving(self, look: Glance) -> list[Alert]:
        """Who was missed, and is there."""
        stakes = self._table.stakes
        missing = stakes["missing"][look.people]
        alerts = []
        for i, column in np.argwhere((missing > 0) & (look.is_at == INSIDE)).tolist():
            started = int(missing[i, column])
            stakes["missing"][look.people[i], column] = 0
            episode = Episode("not-arrived", started, max(int(look.at[i]), started), "is there")
            alerts.append(self._alert("clear", episode, look, i, int(look.zones[i, column])))
        return alerts

    def _about(self, look: Glance, i: int, these: Bools, last: int) -> int:
        """The column of the zone that an episode is about: where they were last, else the nearest."""
        columns = np.flatnonzero(these)
        zones = look.zones[i, columns]
        if last in zones:
            return int(columns[zones == last][0])
        book = self._table.book
        fix = self._table.newest(np.array([self._newest(look.worn[i][look.speaks[i]])]))
        x, y = book.plane.to_metres(fix["lon"], fix["lat"])
        far = np.full(len(zones), np.inf)
        distance = book.edges.distance(zones, np.repeat(x, len(zones)), np.repeat(y, len(zones)), far)
        return int(columns[distance.argmin()])

    def _can_come(self, look: Glance, i: int) -> bool:
        worn = look.worn[i][look.worn[i] >= 0]
        heard = [self._devices.device(slot) for slot in worn[self._devices.seen(worn) > 0].tolist()]
        return self._can_arrive(self._devices.person(int(worn[0])), instant_of(int(look.at[i])), heard)

    def _newest(self, slots: NDArray[np.int64]) -> int:
        return int(slots[self._table.newest(slots)["at"].argmax()])

    def _alert(self, action: Action, episode: Episode, look: Glance, i: int, zone: int | SafeZone) -> Alert:
        """`zone` is a row of the book, or one that is in none."""
        table, slot = self._table, self._newest(look.worn[i][look.speaks[i]])
        place = zone if isinstance(zone, SafeZone) else table.book.zones[zone]
        person, since, values = self._devices.person(slot), 0, self._thresholds
        if (action, episode.kind) == ("raise", "zone-exit"):
            cell = table.cells[slot, int(np.flatnonzero(look.zones[i] == zone)[0])]
            since = int(cell["since"])
            values = (*values, ("outside_since_at", since / _SECOND_US), ("walked", float(cell["walked"])))
        return alert(action, episode, place, table.fixes(slot, since), values, person)

    def _touch(self, look: Glance) -> None:
        self._devices.touch(look.worn.max(axis=1))
