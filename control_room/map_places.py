"""Places in words from the base map: "Dallae-ro, near Haneulbit School Gate"."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from control_room.words import word
from haechi.domain.geo import LocalPlane, Point

STREET_M = 60.0
PLACE_M = 120.0
_KNOWN = 4096
_COMMON = frozenset({"apartments"})  # so many of them have names that none helps


class Named(msgspec.Struct, frozen=True):
    """A named thing of the base map, in metres of the map's plane."""

    name: str
    geometry: shapely.Geometry


class Places:
    """Answers from named streets, areas and points. Without any, it answers with nothing."""

    def __init__(self, features: Sequence[Mapping[str, Any]], origin: Point) -> None:
        self._plane = LocalPlane(origin)
        named = [f for f in features if f["properties"].get("name")]
        self._streets = self._read(f for f in named if f["properties"]["kind"] == "street")
        self._places = self._read(
            f for f in named if f["properties"]["kind"] != "street" and f["properties"].get("use") not in _COMMON
        )
        self._known: dict[Point, str] = {}
        self._street_tree = shapely.STRtree([s.geometry for s in self._streets])
        self._place_tree = shapely.STRtree([p.geometry for p in self._places])

    def where(self, point: Point) -> str:
        """The smallest named area around the point, else its street and what is near; "" where nothing is known."""
        if point not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[point] = self._look(point)
        return self._known[point]

    def _look(self, point: Point) -> str:
        x, y = self._plane.to_metres(np.array([point.lon]), np.array([point.lat]))
        spot = shapely.Point(x[0], y[0])
        inside = [p for p in (self._places[i] for i in self._place_tree.query(spot, "within")) if p.geometry.area]
        if inside:
            smallest: Named = min(inside, key=lambda p: p.geometry.area)
            return smallest.name
        street, place = (
            _nearest(spot, self._street_tree, self._streets, STREET_M),
            _nearest(spot, self._place_tree, self._places, PLACE_M),
        )
        if street and place:
            return word("where.near", street=street, place=place)
        return street or place

    def _read(self, features: Any) -> list[Named]:
        found = []
        for feature in features:
            degrees = shape(feature["geometry"])
            metres = shapely.transform(degrees, lambda c: np.column_stack(self._plane.to_metres(c[:, 0], c[:, 1])))
            found.append(Named(feature["properties"]["name"], metres))
        return found


def _nearest(spot: shapely.Point, tree: shapely.STRtree, named: list[Named], within_m: float) -> str:
    found = tree.query_nearest(spot, max_distance=within_m, all_matches=False)
    return named[int(found[0])].name if len(found) else ""
