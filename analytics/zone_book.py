"""The safe zones as arrays: which zones a person has, their shapes in metres, and whether their schedule holds."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import shapely
from numpy.typing import NDArray

from haechi.domain.geo import Circle, LocalPlane, Point
from haechi.domain.people import SafeZone
from haechi.domain.schedule import holds

_MINUTE_US = 60_000_000


class ZoneBook:
    """An immutable snapshot of the safe zones; a change of the registry makes a new one.

    `shapes` (z,) are shapely geometries in metres of `plane`; `reach` (z,) metres is the radius of a circle of the
    same area: a fix less accurate than that cannot say that somebody is inside.
    """

    def __init__(self, zones: Iterable[SafeZone]) -> None:
        self.zones = tuple(zones)
        self.index = {zone.id: i for i, zone in enumerate(self.zones)}
        self.plane = LocalPlane(_anchor(self.zones[0]) if self.zones else Point(0, 0))
        self.shapes = np.array([self.plane.shape(zone.area) for zone in self.zones], dtype=object)
        shapely.prepare(self.shapes)
        self.reach = np.sqrt(shapely.area(self.shapes) / np.pi) if self.zones else np.zeros(0)
        self.scheduled = np.array([bool(zone.schedule) for zone in self.zones], dtype=bool)
        self._everyone = tuple(i for i, zone in enumerate(self.zones) if zone.person_id is None)
        of: dict[str, list[int]] = defaultdict(list)
        for i, zone in enumerate(self.zones):
            if zone.person_id is not None:
                of[zone.person_id].append(i)
        self._of = {person: (*own, *self._everyone) for person, own in of.items()}
        self._minutes: dict[int, NDArray[np.bool_]] = {}

    def of(self, person: str) -> tuple[int, ...]:
        """The rows of the zones of a person: their own and those of everyone."""
        return self._of.get(person, self._everyone)

    def active(self, zone: NDArray[np.int32], at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether the schedule of each zone row holds at each time (microseconds), to the minute."""
        result = np.ones(len(zone), dtype=bool)
        for row in np.flatnonzero(self.scheduled[zone]):
            result[row] = self._table(int(at[row]) // _MINUTE_US)[zone[row]]
        return result

    def _table(self, minute: int) -> NDArray[np.bool_]:
        table = self._minutes.get(minute)
        if table is None:
            if len(self._minutes) > 256:
                self._minutes.clear()
            moment = datetime.fromtimestamp(minute * 60, UTC)
            table = np.array([holds(zone.schedule, moment) for zone in self.zones], dtype=bool)
            self._minutes[minute] = table
        return table


def _anchor(zone: SafeZone) -> Point:
    return zone.area.centre if isinstance(zone.area, Circle) else zone.area.rings[0][0]
