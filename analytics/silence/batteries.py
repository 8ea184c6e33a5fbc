"""A watch: whose battery is low."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.devices import Devices
from analytics.positions.turns import turns
from analytics.positions.watch import Heard, Moment
from analytics.silence.battery import NO_SAMPLES, RING, BatteryRule, empty_at_s, is_low, sampled
from analytics.silence.registered import Registered
from analytics.silence.words import Wearer, battery_alert
from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch
from haechi.domain.time import instant_of

_SECOND = 1_000_000
_SAMPLE_EVERY = 900 * _SECOND
_EMPTY = 5.0  # percent: phones switch themselves off at about that

# `at` is the newest reading's event time, `low` the start of the open episode or 0, microseconds.
_COLUMNS = np.dtype([("at", "<i8"), ("level", "<f4"), ("low", "<i8"), *RING])
_NOTHING = (0, np.nan, 0, *NO_SAMPLES)


class Batteries:
    """`analytics.positions.watch.Watch`. `zone` is the time zone in which words tell the time."""

    name = "battery"

    def __init__(self, devices: Devices, registered: Registered, rule: BatteryRule, zone: ZoneInfo) -> None:
        self._devices = devices
        self._registered = registered
        self._rule = rule
        self._zone = zone
        self._columns = Columns(_COLUMNS, _NOTHING)

    def positions(self, heard: Heard) -> list[Alert]:
        """Readings, in the order of their time; a late one tells nothing."""
        batch = heard.batch
        telling = ~np.isnan(batch.battery[heard.rows])
        if not telling.any():
            return []
        rows, slots = heard.rows[telling], heard.slots[telling]
        alerts: list[Alert] = []
        for turn in turns(slots, batch.at[rows]):
            alerts.extend(self._read(batch, rows[turn], slots[turn]))
        return alerts

    def tick(self, moment: Moment) -> list[Alert]:
        """An open episode ends when the device is no longer ours to watch."""
        low = moment.slots[self._columns.rows["low"][moment.slots] > 0]
        if not len(low):
            return []
        gone = low[~self._registered.known_at(low, moment.now)]
        return [self._clear(slot, moment.now, "no longer watched") for slot in gone.tolist()]

    def level(self, slot: int) -> float | None:
        """The last known, percent."""
        level = float(self._columns.rows["level"][slot])
        return None if np.isnan(level) else level

    def empty_at(self, slot: int) -> datetime | None:
        """The forecast, where there is one."""
        at = empty_at_s(self._columns.rows[slot])
        return None if at is None or not 0 < at < 2**33 else datetime.fromtimestamp(round(at), UTC)

    def explains(self, slot: int, at: datetime) -> bool:
        """Whether it was all but empty, or would be by now at the pace it had."""
        level, empty = self.level(slot), self.empty_at(slot)
        return (level is not None and level <= _EMPTY) or (empty is not None and empty <= at)

    def low(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) whether each is low."""
        low: NDArray[np.bool_] = self._columns.rows["low"][slots] > 0
        return low

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        self._columns.resize(room)
        self._registered.resize(room)

    def holds(self, slots: Slots) -> NDArray[np.bool_]:
        """A low battery keeps nobody: it is long empty."""
        return np.zeros(len(slots), dtype=bool)

    def let_go(self, slots: Slots, now: int) -> list[Alert]:
        """Their batteries are nobody's business any more."""
        self._registered.look_up(slots, now)
        return [self._clear(slot, now, "no longer watched") for slot in slots[self.low(slots)].tolist()]

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

    def _read(self, batch: PositionBatch, rows: NDArray[np.int64], slots: Slots) -> list[Alert]:
        """At most one row a slot."""
        own = self._columns.rows
        newer = batch.at[rows] > own["at"][slots]
        rows, slots = rows[newer], slots[newer]
        at, level = batch.at[rows], batch.battery[rows]
        other = (level != own["level"][slots]) | (at // _SAMPLE_EVERY != own["at"][slots] // _SAMPLE_EVERY)
        if other.any():
            own[slots[other]] = sampled(own[slots[other]], at[other] // _SECOND, level[other])
        own["at"][slots], own["level"][slots] = at, level
        was = own["low"][slots] > 0
        now = is_low(was, level, self._rule)
        turned = np.flatnonzero(was != now)
        if not len(turned):
            return []
        known = self._registered.known_at(slots[turned], int(batch.received[rows].max()))
        alerts = []
        for i, is_known in zip(turned.tolist(), known.tolist(), strict=True):
            slot, moment = int(slots[i]), int(at[i])
            if was[i]:
                alerts.append(self._clear(slot, max(moment, int(own["low"][slot])), f"battery {level[i]:.0f} %"))
            elif is_known:
                own["low"][slot] = moment
                since = instant_of(moment)
                found = (float(level[i]), self.empty_at(slot))
                alerts.append(battery_alert("raise", self._wearer(slot), since, since, *found, self._zone))
        return alerts

    def _clear(self, slot: int, now: int, said: str) -> Alert:
        since = instant_of(self._columns.rows["low"][slot])
        self._columns.rows["low"][slot] = 0
        self._devices.touch(np.array([slot]))
        wearer, level = self._wearer(slot), self.level(slot)
        return battery_alert("clear", wearer, since, instant_of(now), level, None, self._zone, said=said)

    def _wearer(self, slot: int) -> Wearer:
        return Wearer(self._devices.person(slot), self._registered.district(slot), self._devices.device(slot)[:6])
