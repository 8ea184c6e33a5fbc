"""Who is expected somewhere and was never heard: a slot stands for them, so that they are missed like everybody else.

Without one they would be in no table. It is a slot of one of their devices, which has said nothing; the first that does
speaks from another slot, or from this one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from haechi.domain.time import instant_of
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry

_MINUTE_US = 60_000_000
Wearers = Callable[[int], Mapping[str, Collection[str]]]
"""The people of a logical shard who have devices, with the ids of these."""


class Zones(Protocol):
    """The part of `analytics.zone_book.ZoneBook` that is used here."""

    expects: NDArray[np.bool_]

    def of(self, person: str) -> tuple[int, ...]:
        """The rows of a person's zones."""


class Turn(NamedTuple):
    """Who (device, person) is awaited from now on, and which slots stood for somebody who is not any more."""

    come: tuple[tuple[str, str], ...] = ()
    gone: Slots = np.zeros(0, dtype=np.int64)


class Awaited:
    """Those of some shards, by the newest registry: `version` changes with what `entry_of` and `wearers` answer.

    Whoever has no device can't arrive, nor be missed for it; a button calls for help and tells no arrival.
    """

    def __init__(
        self,
        devices: Devices,
        shards: Collection[int],
        zones: Callable[[], Zones],
        entry_of: Callable[[str], DeviceEntry | None],
        wearers: Wearers,
        version: Callable[[], int],
    ) -> None:
        self._devices = devices
        self._shards = shards
        self._zones = zones
        self._entry_of = entry_of
        self._wearers = wearers
        self._version = version
        self._asked: tuple[Zones, int, int] | None = None

    def look(self, now: int) -> Turn:
        """Once a minute (consents begin and end), and when the registry changes; `now` in microseconds."""
        zones = self._zones()
        asked = (zones, self._version(), now // _MINUTE_US)
        if asked == self._asked:
            return Turn()
        self._asked = asked
        at, unheard = instant_of(now), self._devices.unheard()
        gone = [slot for slot in unheard.tolist() if self._comes_with(self._devices.person(slot), at) is None]
        come = tuple(self._come(zones, at)) if zones.expects.any() else ()
        return Turn(come, np.array(gone, dtype=np.int64))

    def _come(self, zones: Zones, at: datetime) -> Iterator[tuple[str, str]]:
        for shard in self._shards:
            for person in self._devices.strangers(self._wearers(shard)):
                if any(zones.expects[row] for row in zones.of(person)):
                    device = self._comes_with(person, at)
                    if device is not None:
                        yield device, person

    def _comes_with(self, person: str, at: datetime) -> str | None:
        """A device of theirs that may tell of an arrival."""
        worn = sorted(self._wearers(shard_of(person)).get(person, ()))
        return next((device for device in worn if self._may_tell(self._entry_of(device), at)), None)

    def _may_tell(self, entry: DeviceEntry | None, at: datetime) -> bool:
        if entry is None or entry.consent is None or entry.device.kind == "button":
            return False
        return entry.consent.allows("position", at)
