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


class Arrivals:
    """Who can arrive at all, by the newest registry: whoever has no device can't, nor be missed for it. A button calls for
    help; only of one that has told a place may an arrival be expected."""

    def __init__(self, entry_of: Callable[[str], DeviceEntry | None], wearers: Wearers) -> None:
        self._entry_of = entry_of
        self.wearers = wearers

    def device(self, person: str, at: datetime, heard: Collection[str] = ()) -> str | None:
        """A device of theirs that may tell of an arrival; `heard` are those that have told a place."""
        worn = sorted(self.wearers(shard_of(person)).get(person, ()))
        return next((device for device in worn if self._may_tell(device, at, heard)), None)

    def are_possible(self, person: str, at: datetime, heard: Collection[str]) -> bool:
        """Whether they can be missed."""
        return self.device(person, at, heard) is not None

    def _may_tell(self, device: str, at: datetime, heard: Collection[str]) -> bool:
        entry = self._entry_of(device)
        if entry is None or entry.consent is None or (entry.device.kind == "button" and device not in heard):
            return False
        return entry.consent.allows("position", at)


class Turn(NamedTuple):
    """Who (device, person) is awaited from now on, and which slots stood for somebody who is not any more."""

    come: tuple[tuple[str, str], ...] = ()
    gone: Slots = np.zeros(0, dtype=np.int64)


class Awaited:
    """Those of some shards, by the newest registry: `version` changes with what `arrivals` answers."""

    def __init__(
        self,
        devices: Devices,
        shards: Collection[int],
        zones: Callable[[], Zones],
        arrivals: Arrivals,
        version: Callable[[], int],
    ) -> None:
        self._devices = devices
        self._shards = shards
        self._zones = zones
        self._arrivals = arrivals
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
        spoke = self._devices.heard_at(self._devices.wearer[unheard]) > 0  # from another slot
        stand = unheard[~spoke].tolist()
        gone = [slot for slot in stand if self._arrivals.device(self._devices.person(slot), at) is None]
        come = tuple(self._come(zones, at)) if zones.expects.any() else ()
        return Turn(come, np.append(unheard[spoke], np.array(gone, dtype=np.int64)))

    def _come(self, zones: Zones, at: datetime) -> Iterator[tuple[str, str]]:
        for shard in self._shards:
            for person in self._devices.strangers(self._arrivals.wearers(shard)):
                if any(zones.expects[row] for row in zones.of(person)):
                    device = self._arrivals.device(person, at)
                    if device is not None:
                        yield device, person
