"""Home Assistant's rule: in a zone where `distance − accuracy < radius`; a leave where the state before was in and this is not.

Written from what Home Assistant documents and how its source behaves, none of it copied: `in_zone` and
`async_active_zone` of homeassistant/components/zone (commit 35540dca2b), the zone trigger, the integration OwnTracks
(`max_gps_accuracy`) and `for:` of the state trigger. Its zones are circles; for other shapes the distance to the edge
stands for `distance − radius`, which is the same for a circle. An accuracy that a phone does not report is 0 there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.geofence.days import Zone
from benchmarks.geofence.fixes import Fixes
from benchmarks.geofence.rules import Alerts, alerts_of, outside


@dataclass(frozen=True)
class Settings:
    """`max_gps_accuracy` in metres; with it, OwnTracks' fixes without accuracy are ignored too. `away_for_s` is `for:`."""

    name: str
    max_gps_accuracy: float = 0
    away_for_s: float = 0


PUBLISHED = (
    Settings("companion app"),
    # The full example of home-assistant.io/integrations/owntracks.
    Settings("OwnTracks", max_gps_accuracy=200),
    # "five minutes away from home to avoid false exits": pastebin.com/KUtma7FB; `for:` is documented with the triggers.
    Settings("OwnTracks, away for 5 min", max_gps_accuracy=200, away_for_s=300),
)


class Place(NamedTuple):
    """A zone as Home Assistant has it: its name, metres to its centre, its radius, whether it is passive."""

    name: str
    distance: float
    radius: float
    passive: bool = False


def in_zone(distance: float, radius: float, accuracy: float = 0) -> bool:
    """Whether a position is in one zone, passive or not."""
    return distance - accuracy < radius


def active_zone(places: Sequence[Place], accuracy: float = 0) -> str | None:
    """The zone that a position counts to: the nearest centre, of equal ones the smallest; never a passive one."""
    found = [p for p in places if not p.passive and in_zone(p.distance, p.radius, accuracy)]
    return min(found, key=lambda p: (p.distance, p.radius)).name if found else None


class HomeAssistant:
    """The rule with one of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        return f"Home Assistant, {self._settings.name}"

    def leaves(self, zones: tuple[Zone, ...], fixes: Fixes) -> Alerts:
        """A leave for every update out of the zone after one in it, when it has lasted for `away_for_s`."""
        keys = self._settings
        beyond, accuracy = outside(zones, fixes), np.nan_to_num(fixes.accuracy)
        inside = (beyond == 0) | (beyond < accuracy)
        heard = fixes.arrived.copy()
        if keys.max_gps_accuracy:
            heard &= (accuracy > 0) & (accuracy <= keys.max_gps_accuracy)
        n, minutes = inside.shape
        raised = np.zeros((n, minutes), bool)
        at = np.zeros((n, minutes))
        was_in, since = np.zeros(n, bool), np.full(n, np.inf)
        for k in range(minutes):
            now = fixes.at[:, k]
            due = since + keys.away_for_s <= now
            raised[:, k], at[:, k] = due, since + keys.away_for_s
            since[due] = np.inf
            left, back = heard[:, k] & was_in & ~inside[:, k], heard[:, k] & inside[:, k]
            since[left], since[back] = now[left], np.inf
            if not keys.away_for_s:
                raised[:, k] |= left
                at[left, k], since[left] = now[left], np.inf
            was_in = np.where(heard[:, k], inside[:, k], was_in)
        return alerts_of(raised, at)
