"""Traccar's rule: an event when the set of geofences of a position differs from that of the one before it.

Written from what Traccar documents and how its source behaves, none of it copied: the filters of
traccar.org/configuration-file, FilterHandler, DistanceHandler and GeofenceEventHandler of traccar/traccar (commits
660777989b, 13d7c2c26a, 80e4c30d29). A filtered position is as if it had never come: the next one is compared with the
last that passed. Accuracy and speed that a phone does not report are 0 there. Not here, as no fix of the simulation has
them: invalid and zero coordinates, duplicates, dates in the future, positions from Traccar's own cell look-up
(`filter.approximate`), and `coordinates.filter`, which with a minimum does what `filter.distance` does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.geofence.days import Zone
from benchmarks.geofence.fixes import Fixes
from benchmarks.geofence.rules import Alerts, alerts_of, outside

KNOT = 0.514444
"""m/s."""


@dataclass(frozen=True)
class Settings:
    """The keys `filter.*`; 0 or False is off. Metres, knots, seconds."""

    name: str
    accuracy: float = 0
    static: bool = False
    distance: float = 0
    max_speed: float = 0
    skip_limit: float = 0


PUBLISHED = (
    # A new installation: only filter.future is set (traccar.org/configuration-file).
    Settings("as installed"),
    # "to ensure that we don't capture too much jumpiness": a public set-up guide (bohemia.fun, joebrew).
    Settings("a guide's", accuracy=40, distance=40, max_speed=25_000, skip_limit=1800),
    # Every filter at once, with the numbers of Traccar's own FilterHandlerTest and the guide's accuracy. Its skip limit of
    # 10 s would switch the filters off at a fix a minute, so it is left out, to Traccar's advantage.
    Settings("every filter", accuracy=40, static=True, distance=10, max_speed=500),
)


class Traccar:
    """The rule with one of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        return f"Traccar, {self._settings.name}"

    def leaves(self, zones: tuple[Zone, ...], fixes: Fixes) -> Alerts:
        """An exit event for every position outside whose predecessor was inside."""
        inside = outside(zones, fixes) == 0
        accuracy, speed = np.nan_to_num(fixes.accuracy), np.nan_to_num(fixes.speed)
        n, minutes = inside.shape
        raised = np.zeros((n, minutes), bool)
        last = _Last(np.zeros(n, bool), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, bool))
        for k in range(minutes):
            passed = fixes.arrived[:, k] & ~self._filtered(
                fixes.x[:, k], fixes.y[:, k], fixes.at[:, k], accuracy[:, k], speed[:, k], last
            )
            raised[:, k] = passed & last.known & last.inside & ~inside[:, k]
            last.take(passed, fixes.x[:, k], fixes.y[:, k], fixes.at[:, k], inside[:, k])
        return alerts_of(raised, fixes.at)

    def _filtered(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        at: NDArray[np.int32],
        accuracy: NDArray[np.float64],
        speed: NDArray[np.float64],
        last: "_Last",
    ) -> NDArray[np.bool_]:
        """(n,) whether each position is dropped."""
        keys = self._settings
        away, since = np.hypot(x - last.x, y - last.y), np.maximum(at - last.at, 1)
        skip = last.known & (since > keys.skip_limit) if keys.skip_limit else np.zeros(len(x), bool)
        dropped = np.zeros(len(x), bool)
        if keys.accuracy:
            dropped |= accuracy > keys.accuracy
        if keys.static:
            dropped |= (speed == 0) & ~skip
        if keys.distance:
            dropped |= last.known & (away < keys.distance) & ~skip
        if keys.max_speed:
            dropped |= last.known & (away / since / KNOT > keys.max_speed)
        return dropped


@dataclass
class _Last:
    """(n,) of the last position that passed."""

    known: NDArray[np.bool_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    at: NDArray[np.float64]
    inside: NDArray[np.bool_]

    def take(
        self,
        passed: NDArray[np.bool_],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        at: NDArray[np.int32],
        inside: NDArray[np.bool_],
    ) -> None:
        self.known = self.known | passed
        self.x, self.y = np.where(passed, x, self.x), np.where(passed, y, self.y)
        self.at, self.inside = np.where(passed, at, self.at), np.where(passed, inside, self.inside)
