"""What the registry says of the devices of one partition, as columns beside their slots."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from haechi.domain.people import DeviceKind
from haechi.domain.time import instant_of, micros_of
from haechi.store.registry import DeviceEntry

_EVER = 2**62
# They report when something happens to them, so that their silence says nothing unless a cadence is set.
_EVENTFUL: frozenset[DeviceKind] = frozenset({"tag", "button"})
_COLUMNS = np.dtype(
    [
        ("version", "<i8"),
        ("until", "<i8"),
        ("known", "?"),
        ("regular", "?"),
        ("cadence_s", "<i4"),
        ("district", "<i4"),
        ("night_walks", "?"),
    ]
)
_UNKNOWN = np.array((-1, 0, False, False, 0, 0, False), dtype=_COLUMNS)


class Registered:
    """Looked up in `entry_of` when `version` changes, and when a consent begins or ends (`until`, microseconds), which is no
    change of the registry; nothing here is kept over a restart.

    `known`: it is registered for the person who wears it, whose consent covers positions now.
    """

    def __init__(
        self, devices: Devices, entry_of: Callable[[str], DeviceEntry | None], version: Callable[[], int]
    ) -> None:
        self._devices = devices
        self._entry_of = entry_of
        self._version = version
        self._rows = np.zeros(0, dtype=_COLUMNS)
        self._districts = [""]  # `district` is a row of it; the first is that of whom nobody registered

    def resize(self, room: int) -> None:
        """Room for so many slots."""
        rows = np.full(room, _UNKNOWN, dtype=_COLUMNS)
        rows[: len(self._rows)] = self._rows[:room]
        self._rows = rows

    def clear(self, slots: Slots) -> None:
        """The slots will be others'."""
        self._rows[slots] = _UNKNOWN

    def look_up(self, slots: Slots, now: int) -> None:
        """Make the columns of these slots true at `now` (microseconds)."""
        version = self._version()
        old = (self._rows["version"][slots] != version) | (now >= self._rows["until"][slots])
        at = instant_of(now)
        for slot in slots[old].tolist():
            entry = self._entry_of(self._devices.device(slot))
            if entry is None or entry.device.person_id != self._devices.person(slot):
                self._rows[slot] = (version, _EVER, False, False, 0, self._rows["district"][slot], False)
                continue
            device = entry.device
            known = entry.consent is not None and entry.consent.allows("position", at)
            until = entry.consent.until(at) if entry.consent is not None else None
            regular = known and (device.cadence_s is not None or device.kind not in _EVENTFUL)
            if device.district not in self._districts:
                self._districts.append(device.district)
            district = self._districts.index(device.district)
            self._rows[slot] = (
                version,
                _EVER if until is None else micros_of(until),
                known,
                regular,
                device.cadence_s or 0,
                district,
                known and entry.night_walks,
            )

    def known(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) registered, and covered by a consent."""
        known: NDArray[np.bool_] = self._rows["known"][slots]
        return known

    def known_at(self, slots: Slots, now: int) -> NDArray[np.bool_]:
        """(n,) `known`, looked up for `now` (microseconds)."""
        self.look_up(slots, now)
        return self.known(slots)

    def watched(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) known, and its silence means something."""
        watched: NDArray[np.bool_] = self._rows["regular"][slots]
        return watched

    def night_walks(self, slots: Slots) -> NDArray[np.bool_]:
        """(n,) known, and it is to be told when they walk an unusual way at night."""
        night_walks: NDArray[np.bool_] = self._rows["night_walks"][slots]
        return night_walks

    def cadence_s(self, slots: Slots) -> NDArray[np.int32]:
        """(n,) what is set; 0 for nothing."""
        cadence: NDArray[np.int32] = self._rows["cadence_s"][slots]
        return cadence

    def district_of(self, slots: Slots) -> NDArray[np.int32]:
        """(n,) a number for each district; `district` names it."""
        district: NDArray[np.int32] = self._rows["district"][slots]
        return district

    def district(self, slot: int) -> str:
        """The district of a device that is or was known; empty for one that never was in this life."""
        return self._districts[int(self._rows["district"][slot])]
