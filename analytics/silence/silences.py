"""A watch: who has not been heard of for longer than is usual or allowed, alone or with a whole area.

A device's silence is decided at ticks and ended by its next report; both lie in one stream per person, so there is no
race between them. A device that was never heard is not silent; it is not connected yet.
"""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.devices import Devices
from analytics.positions.doors import Doors
from analytics.positions.turns import turns
from analytics.positions.watch import Heard, Moment
from analytics.silence.areas import AREA, NO_AREA, Areas
from analytics.silence.batteries import Batteries
from analytics.silence.cadence import BINS, DAY, EDGES, Allowance, aged, allowed_s, learned, usual_s
from analytics.silence.cells import Together, cells_of
from analytics.silence.elsewhere import Elsewhere, part_of
from analytics.silence.registered import Registered
from analytics.silence.states import GIVEN_UP, GROUPED, SILENT, SPEAKING, UNWATCHED
from analytics.silence.words import Action, LastWords, Wearer, silence_in_words, silent_alert
from haechi.domain.alerting import Alert
from haechi.domain.geo import METRES_PER_DEGREE, UNKNOWN_ACCURACY_M, Point
from haechi.domain.people import Position, PositionBatch
from haechi.domain.time import instant_of
from haechi.ids import front_of

_SECOND = 1_000_000
GIVE_UP_AFTER = 30 * DAY
_OVERDUE = 0.6  # of what is allowed
_MOVED_M, _MOVING_SPEED = 100.0, 1.0
_OTHER_DEVICE_S = 1800  # another device of the same person that was heard so lately speaks for them

# Times in microseconds since 1970: `heard` is when a door last had a report, `counts_from` the earliest instant from
# which silence counts, `at` the newest fix's own time. `day` (since 1970) is that of the newest bit in `gaps`.
_COLUMNS = np.dtype(
    [
        ("heard", "<i8"),
        ("counts_from", "<i8"),
        ("state", "u1"),
        ("at", "<i8"),
        ("lon", "<f8"),
        ("lat", "<f8"),
        ("accuracy", "<f4"),
        ("moving", "?"),
        ("day", "<i4"),
        ("gaps", "u1", (2, BINS)),
        ("usual", "<i4", 2),
        *AREA,
    ]
)
_NOTHING = (0, 0, SPEAKING, 0, 0.0, 0.0, np.nan, False, 0, ((0,) * BINS,) * 2, (0, 0), *NO_AREA)


class SilenceRule(msgspec.Struct, frozen=True):
    """What silence is, of one device and of an area; the time zone is for words."""

    allowance: Allowance = Allowance()
    together: Together = Together()
    zone: ZoneInfo = ZoneInfo("Asia/Seoul")


class Silences:
    """`analytics.positions.watch.Watch`. `doors` are the partition's; `inside` says who is in a safe zone; `elsewhere` is
    what the other partitions say of who is missed there."""

    name = "silence"

    def __init__(
        self,
        devices: Devices,
        doors: Doors,
        registered: Registered,
        batteries: Batteries,
        inside: Callable[[Slots], NDArray[np.bool_]],
        rule: SilenceRule,
        elsewhere: Elsewhere,
    ) -> None:
        self._elsewhere = elsewhere
        self._devices = devices
        self._doors = doors
        self._registered = registered
        self._batteries = batteries
        self._inside = inside
        self._rule = rule
        self._columns = Columns(_COLUMNS, _NOTHING)
        self._areas = Areas(devices, registered, self._columns, rule.together, elsewhere)

    def positions(self, heard: Heard) -> list[Alert]:
        """Whoever reports is not silent; how long they were quiet teaches what is usual."""
        received, at = heard.batch.received[heard.rows], heard.batch.at[heard.rows]
        alerts: list[Alert] = []
        for turn in turns(heard.slots, at, received):
            alerts.extend(self._hear(heard.batch, heard.rows[turn], heard.slots[turn]))
        return alerts

    def tick(self, moment: Moment) -> list[Alert]:
        """Who is silent now."""
        if not len(moment.slots):
            return []
        slots, rows, now = moment.slots, self._columns.rows, moment.now
        self._registered.look_up(slots, now)
        alerts = self._watch_or_not(slots, now)
        state, heard = rows["state"][slots], rows["heard"][slots]
        alerts += self._give_up(slots[(state != SPEAKING) & (now - heard > GIVE_UP_AFTER)], now)
        able = self._registered.watched(slots) & (rows["state"][slots] == SPEAKING) & (heard > 0)
        late, silent = self._overdue(slots, able, now)
        self._say(slots, able, late, now)
        alerts += self._areas.back(now)
        if not silent.any():
            return alerts
        speaking = np.flatnonzero(able)
        overdue = late[speaking]
        grouped, told = self._areas.gather(slots[speaking], overdue, silent[speaking], now)
        alone = slots[speaking[silent[speaking] & ~grouped]]
        rows["state"][alone] = SILENT
        self._devices.touch(alone)
        limits = self._allowed_s(alone)
        return [
            *alerts,
            *told,
            *(self._alert("raise", int(s), now, int(a)) for s, a in zip(alone, limits, strict=True)),
        ]

    def _overdue(self, slots: Slots, able: NDArray[np.bool_], now: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which of those who are able to speak are late, and which have been silent for too long."""
        rows = self._columns.rows
        late, silent = np.zeros((2, len(slots)), dtype=bool)
        heard = rows["heard"][slots]
        quiet = np.flatnonzero(able & (now - heard > _OVERDUE * self._rule.allowance.least_s * _SECOND))  # mostly few
        if len(quiet):
            these, allowed = slots[quiet], self._allowed_s(slots[quiet])
            start = np.maximum(self._doors.counts_from(heard[quiet]), rows["counts_from"][these])
            quiet_s = (now - start) / _SECOND
            late[quiet], silent[quiet] = quiet_s > _OVERDUE * allowed, quiet_s > allowed
        return late, silent

    def _say(self, slots: Slots, able: NDArray[np.bool_], late: NDArray[np.bool_], now: int) -> None:
        """To the other partitions: who is missed here."""
        if len(slots) < len(self._devices):
            return  # a replay, in which some have been looked at before
        rows = self._columns.rows
        grouped = rows["state"][slots] == GROUPED
        counted, missed = able | grouped, late | grouped
        district = self._registered.district_of(slots)
        parts = []
        for one in np.flatnonzero(np.bincount(district[counted])).tolist():
            here = np.flatnonzero(counted & (district == one))
            these, name = slots[here], self._registered.district(int(slots[here[0]]))
            asked = self._elsewhere.asked(name)
            if asked or missed[here].any():
                cells = cells_of(rows["lon"][these], rows["lat"][these])
                parts.append(part_of(name, cells, rows["heard"][these], missed[here], asked))
        self._elsewhere.say(now, parts)

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        self._columns.resize(room)
        self._registered.resize(room)

    def holds(self, slots: Slots) -> NDArray[np.bool_]:
        """Who is told to be silent is waited for."""
        state = self._columns.rows["state"][slots]
        waited: NDArray[np.bool_] = (state == SILENT) | (state == GROUPED)
        return waited

    def let_go(self, slots: Slots, now: int) -> list[Alert]:
        """They may be silent; an area without them is back when half of it is."""
        self._registered.look_up(slots, now)
        return self._release(slots, now)

    def clear(self, slots: Slots) -> None:
        """Empty the slots."""
        self._columns.clear(slots)
        self._registered.clear(slots)

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """What is known of the slots of each shard."""
        return self._columns.dump(shards)

    def load(self, slots: Slots, part: bytes) -> None:
        """Take back what `dump` gave."""
        self._columns.load(slots, part)

    def _hear(self, batch: PositionBatch, rows: NDArray[np.int64], slots: Slots) -> list[Alert]:
        """At most one row a slot."""
        own = self._columns.rows
        received = batch.received[rows]
        was_heard, state = own["heard"][slots], own["state"][slots]
        news = received > was_heard
        alerts: list[Alert] = []
        if state[news].any():
            alerts = self._speak_again(slots[news], state[news], received[news])
        self._learn(slots[news], was_heard[news], received[news])
        own["heard"][slots[news]] = received[news]
        self._place(batch, rows, slots)
        return alerts

    def _speak_again(self, slots: Slots, state: NDArray[np.uint8], received: NDArray[np.int64]) -> list[Alert]:
        own = self._columns.rows
        silent, grouped = state == SILENT, state == GROUPED
        alerts = [
            self._alert("clear", int(slot), int(moment), 0)
            for slot, moment in zip(slots[silent], received[silent], strict=True)
        ]
        own["state"][slots[silent | (state == GIVEN_UP)]] = SPEAKING
        if grouped.any():
            alerts += self._areas.leave(slots[grouped], int(received[grouped].max()))
        return alerts

    def _learn(self, slots: Slots, was_heard: NDArray[np.int64], received: NDArray[np.int64]) -> None:
        """The gap before this report, unless it was ours, or excused, or an empty battery's; a bit is set once a day."""
        own = self._columns.rows
        gap_s = (received - was_heard) / _SECOND
        edge = np.minimum(np.searchsorted(EDGES, gap_s), BINS - 1)
        moving, day = own["moving"][slots], (received // DAY).astype(np.int32)
        marked = (own["gaps"][slots, moving.astype(np.int64), edge] & 1 > 0) & (own["day"][slots] == day)
        new = np.flatnonzero(~marked & (was_heard > 0))
        if not len(new):
            return
        theirs = self._doors.counts_from(was_heard[new]) <= was_heard[new]
        theirs &= own["counts_from"][slots[new]] <= was_heard[new]
        theirs &= ~self._batteries.low(slots[new])
        new = new[theirs]
        these = slots[new]
        gaps = aged(own["gaps"][these], (day[new] - own["day"][these]).astype(np.int64))
        gaps = learned(gaps, moving[new], gap_s[new])
        own["gaps"][these], own["usual"][these], own["day"][these] = gaps, usual_s(gaps), day[new]

    def _place(self, batch: PositionBatch, rows: NDArray[np.int64], slots: Slots) -> None:
        """Where each is, and whether it moved there."""
        own = self._columns.rows
        newer = batch.at[rows] > own["at"][slots]
        rows, slots = rows[newer], slots[newer]
        lon, lat, accuracy = batch.lon[rows], batch.lat[rows], batch.accuracy[rows]
        was_lon, was_lat, was_accuracy = own["lon"][slots], own["lat"][slots], own["accuracy"][slots]
        east = (lon - was_lon) * np.cos(np.radians(lat))
        metres = np.hypot(east, lat - was_lat) * METRES_PER_DEGREE
        sure = metres - _or_usual(accuracy) - _or_usual(was_accuracy)
        known = own["at"][slots] > 0
        with np.errstate(invalid="ignore"):
            own["moving"][slots] = known & (sure > _MOVED_M) | (batch.speed[rows] > _MOVING_SPEED)
        own["at"][slots], own["lon"][slots], own["lat"][slots] = batch.at[rows], lon, lat
        own["accuracy"][slots] = accuracy

    def _watch_or_not(self, slots: Slots, now: int) -> list[Alert]:
        """Of whom nobody may know anything is told no longer; when they may again, silence counts from then."""
        own = self._columns.rows
        known, state = self._registered.known(slots), own["state"][slots]
        gone, back = slots[~known & (state != UNWATCHED)], slots[known & (state == UNWATCHED)]
        if not len(gone) and not len(back):
            return []
        alerts = self._release(gone, now)
        own["state"][gone] = UNWATCHED
        own["state"][back], own["counts_from"][back] = SPEAKING, now
        self._devices.touch(np.r_[gone, back])
        return alerts

    def _release(self, slots: Slots, now: int) -> list[Alert]:
        own = self._columns.rows
        said = "It is not registered for this person any more, or no consent holds"
        alerts = self._moot(slots, now, said)
        grouped = slots[own["state"][slots] == GROUPED]
        return [*alerts, *self._areas.leave(grouped, now)] if len(grouped) else alerts

    def _give_up(self, slots: Slots, now: int) -> list[Alert]:
        own = self._columns.rows
        said = "Silent for thirty days: nobody waits any more"
        alerts = self._moot(slots, now, said)
        grouped = slots[own["state"][slots] == GROUPED]
        if len(grouped):
            alerts += self._areas.leave(grouped, now)
        waited = slots[(own["state"][slots] != GIVEN_UP) & (own["state"][slots] != UNWATCHED)]
        own["state"][waited] = GIVEN_UP
        self._devices.touch(waited)
        return alerts

    def _moot(self, slots: Slots, now: int, said: str) -> list[Alert]:
        """Who is told as silent is not heard again: nobody waits for them any more."""
        told = slots[self._columns.rows["state"][slots] == SILENT].tolist()
        return [msgspec.structs.replace(self._alert("clear", slot, now, 0, said), moot=True) for slot in told]

    def _allowed_s(self, slots: Slots) -> NDArray[np.int64]:
        own, cadence = self._columns.rows, self._registered.cadence_s(slots)
        return allowed_s(own["usual"][slots], own["moving"][slots], cadence, self._rule.allowance)

    def _alert(self, action: Action, slot: int, now: int, limit_s: int, said: str = "It is heard again") -> Alert:
        heard, last = int(self._columns.rows["heard"][slot]), self._last_words(slot, now)
        if action == "raise":
            said = silence_in_words((now - heard) / _SECOND, limit_s, last, self._rule.zone)
        wearer = Wearer(self._devices.person(slot), self._registered.district(slot), self._devices.device(slot)[:6])
        return silent_alert(action, wearer, instant_of(heard), instant_of(now), said, allowed_s=limit_s, last=last)

    def _last_words(self, slot: int, now: int) -> LastWords:
        row, at = self._columns.rows[slot], instant_of(now)
        fix = Position(
            device=front_of(self._devices.device(slot)),
            person=self._devices.person(slot),
            at=instant_of(row["at"]),
            received_at=instant_of(row["heard"]),
            point=Point(float(row["lon"]), float(row["lat"])),
            accuracy_m=None if np.isnan(row["accuracy"]) else float(row["accuracy"]),
            battery=self._batteries.level(slot),
        )
        return LastWords(
            fix=fix,
            battery=fix.battery,
            empty_at=self._batteries.empty_at(slot),
            battery_explains=self._batteries.explains(slot, at),
            moving=bool(row["moving"]),
            inside=bool(self._inside(np.array([slot]))[0]),
            other_heard_s=self._other_heard_s(slot, now),
        )

    def _other_heard_s(self, slot: int, now: int) -> float | None:
        """How long ago another device of the same person was heard, if lately."""
        person, own = self._devices.person(slot), self._columns.rows
        beside = self._devices.of_shard(int(self._devices.shard[slot])).tolist()
        others = [s for s in beside if s != slot and self._devices.person(s) == person]
        last = max((int(own["heard"][s]) for s in others if own["state"][s] == SPEAKING), default=0)
        ago = (now - last) / _SECOND
        return ago if last > int(own["heard"][slot]) and ago < _OTHER_DEVICE_S else None


def _or_usual(accuracy: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isnan(accuracy), np.float32(UNKNOWN_ACCURACY_M), accuracy)
