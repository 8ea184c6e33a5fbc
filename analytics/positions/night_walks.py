"""A watch: who walks a way at night that is not usual for them. Only for those for whom it is switched on.

Where somebody goes is learned as squares of about 150 m, each with the days on which they were in it. A square is usual when
they were in it, or in one beside it, on three of the last 28 days, whatever the hour. Three good fixes in a row at night in
squares that are not, at least two different ones, are told once a night. Nothing is told in the first week.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from analytics.positions.watch import Heard, Moment
from analytics.silence.registered import Registered
from haechi.domain.alerting import KINDS, Alert, Because, raised
from haechi.domain.geo import METRES_PER_DEGREE, Point
from haechi.domain.people import Position
from haechi.domain.time import instant_of
from haechi.ids import alert_id, front_of

_COLUMNS = 1 << 20
_SIDE = 150 / METRES_PER_DEGREE


class NightRule(msgspec.Struct, frozen=True):
    """At night is from `start` until `end` of the next morning. `usual_days` of the last `of_days` make a square usual;
    `fixes` in a row, no less accurate than `accurate_m`, are told, but not before `learn_days`."""

    start: time = time(22)
    end: time = time(6)
    usual_days: int = 3
    of_days: int = 28
    learn_days: int = 7
    fixes: int = 3
    accurate_m: float = 100
    most_squares: int = 512


class Square(msgspec.Struct, array_like=True):
    """On how many days somebody was there, and on which last (a proleptic day number)."""

    days: int
    last: int


class Walker(msgspec.Struct, array_like=True):
    """What is known of one device: its squares, the day on which it was heard first, the squares of the latest fixes in a
    row that are not usual and their night, and the night of which was told last."""

    squares: dict[int, Square] = {}
    since: int = 0
    strange: tuple[int, ...] = ()
    night: int = 0
    told: int = 0


class Seen(msgspec.Struct, frozen=True):
    """A good fix: where, and the local time."""

    point: Point
    local: datetime
    accuracy_m: float | None = None


def square_of(point: Point, down: int = 0, right: int = 0) -> int:
    """The square of a place, or the one so many rows and columns beside it."""
    row = math.floor(point.lat / _SIDE) + down
    wide = _SIDE / max(0.01, math.cos(math.radians((row + 0.5) * _SIDE)))
    return row * _COLUMNS + (math.floor(point.lon / wide) + right)


def step(walker: Walker, seen: Seen, rule: NightRule) -> tuple[Walker, bool]:
    """What is known after a fix, and whether it must be told."""
    day, here = day_of(seen.local, rule), square_of(seen.point)
    since = walker.since or day
    night = night_of(seen.local, rule)
    strange: tuple[int, ...] = ()
    if night and day - since >= rule.learn_days and not _is_usual(walker, seen.point, day, rule):
        strange = (*(walker.strange if walker.night == night else ()), here)[-rule.fixes :]
    tell = len(strange) == rule.fixes and len(set(strange)) > 1 and walker.told != night
    squares = _learned(walker.squares, here, day, rule)
    return Walker(squares, since, strange, night, night if tell else walker.told), tell


def day_of(local: datetime, rule: NightRule) -> int:
    """The number of the day, which ends with its night."""
    return local.toordinal() - (local.time() < rule.end)


def night_of(local: datetime, rule: NightRule) -> int:
    """The number of the day whose night it is; 0 by day."""
    return 0 if rule.end <= local.time() < rule.start else day_of(local, rule)


def _is_usual(walker: Walker, point: Point, day: int, rule: NightRule) -> bool:
    beside = (walker.squares.get(square_of(point, down, right)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    known = (one for one in beside if one is not None and day - one.last < rule.of_days)
    return any(one.days - (one.last == day) >= rule.usual_days for one in known)


def _learned(squares: dict[int, Square], here: int, day: int, rule: NightRule) -> dict[int, Square]:
    """With today's visit; what was not visited for long is forgotten, and of too many what is oldest."""
    known = squares.get(here)
    if known is not None and known.last == day:
        return squares
    days = known.days + 1 if known is not None and day - known.last < rule.of_days else 1
    kept = {square: one for square, one in squares.items() if day - one.last < rule.of_days}
    kept[here] = Square(days, day)
    while len(kept) > rule.most_squares:
        del kept[min(kept, key=lambda square: (kept[square].last, kept[square].days))]
    return kept


_decoder = msgspec.msgpack.Decoder(list[Walker | None])


class NightWalks:
    """`analytics.positions.watch.Watch`. `zone` is where it is night; memory is kept of those only who are watched."""

    name = "night-walks"

    def __init__(self, devices: Devices, registered: Registered, zone: ZoneInfo, rule: NightRule | None = None) -> None:
        self._devices = devices
        self._registered = registered
        self._zone = zone
        self._rule = rule or NightRule()
        self._walkers: dict[int, Walker] = {}

    def positions(self, heard: Heard) -> list[Alert]:
        """The fixes that decide and are not coarse, of those who are watched, as far as the last tick has looked them up."""
        watched = self._registered.night_walks(heard.slots) & (heard.accuracy <= self._rule.accurate_m)
        if not watched.any():
            return []
        alerts: list[Alert] = []
        for turn in heard.turns:
            for i in turn[watched[turn]].tolist():
                alerts.extend(self._look(int(heard.slots[i]), heard.fixes[i]))
        return alerts

    def tick(self, _moment: Moment) -> list[Alert]:
        """Who does not move does not walk."""
        return []

    def resize(self, room: int) -> None:
        """Nothing: whoever is watched has an entry."""

    def holds(self, slots: Slots) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Nothing is open."""
        return np.zeros(len(slots), dtype=bool)

    def let_go(self, _slots: Slots, _now: int) -> list[Alert]:
        """A notice is taken back by nobody."""
        return []

    def clear(self, slots: Slots) -> None:
        """Forget them."""
        for slot in slots.tolist():
            self._walkers.pop(slot, None)

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """What is known of the slots of each shard."""
        return [msgspec.msgpack.encode([self._walkers.get(slot) for slot in slots.tolist()]) for slots in shards]

    def load(self, slots: Slots, part: bytes) -> None:
        """Take back what `dump` gave."""
        pairs = zip(slots.tolist(), _decoder.decode(part), strict=True)
        self._walkers.update((slot, walker) for slot, walker in pairs if walker is not None)

    def _look(self, slot: int, fix: np.void) -> Iterator[Alert]:
        at, accuracy = instant_of(int(fix["at"])), float(fix["accuracy"])
        local = at.astimezone(self._zone)
        seen = Seen(Point(float(fix["lon"]), float(fix["lat"])), local, accuracy if accuracy > 0 else None)
        walker, tell = step(self._walkers.get(slot, Walker()), seen, self._rule)
        self._walkers[slot] = walker
        if tell:
            yield self._alert(slot, walker, seen, at, instant_of(int(fix["received"])))

    def _alert(self, slot: int, walker: Walker, seen: Seen, at: datetime, received: datetime) -> Alert:
        """One a person and night, whichever of their devices says so."""
        kind, person = KINDS["night-walk"], self._devices.person(slot)
        night = datetime.combine(date.fromordinal(walker.told), time(), UTC)
        front = front_of(self._devices.device(slot))
        rule, learned = self._rule, walker.told - walker.since
        because = Because(
            rule="night-walk",
            words=f"walks at {seen.local:%H:%M} where they were on fewer than {rule.usual_days} of the last "
            f"{min(learned, rule.of_days)} days",
            fixes=(Position(front, person, at, received, seen.point, seen.accuracy_m),),
            values=(
                ("fixes_in_a_row", float(rule.fixes)),
                ("usual_days", float(rule.usual_days)),
                ("learned_days", float(learned)),
            ),
        )
        return msgspec.structs.replace(
            raised(kind, person, "-", self._registered.district(slot), at, because, now=max(at, received)),
            id=alert_id(kind.name, person, "-", night),
            received_at=received,
            point=seen.point,
            accuracy_m=seen.accuracy_m,
        )
