"""A place in words: "by Eunbit-cheon, 40 m from Eunbit Bridge", from the names that the district's map has.

    where the point is                                     | English                  | Korean
    on a bridge                                            | on Eunbit Bridge         | 은빛다리 위
    in a named building, shelter                           | Maru Library             | 마루도서관
    in another named area (park, yard)                     | Banditbul Park           | 반딧불공원
    in the water, or within 15 m of it                     | by Eunbit-cheon          | 은빛천변
    on a street, or within 10 m of its edge                | Dallae-ro                | 달래로
    and, but for a bridge and a building, the nearest landmark within 250 m
        nearer than 15 m                                   | at Eunbit Bridge         | 은빛다리 앞
        farther, by a fix good to 50 m                     | 40 m from Eunbit Bridge  | 은빛다리에서 40 m
        farther, by a worse one                            | near Eunbit Bridge       | 은빛다리 부근
    none of these, something named within 1 km             | 650 m from Dallae-ro     | 달래로에서 650 m
    off the map                                            | nothing                  |

A fix of unknown accuracy is taken to be good. Metres are rounded to 5, from 100 on to 10.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from haechi.domain.geo import LocalPlane, Point

AT_M, WATER_M, BESIDE_STREET_M, LANDMARK_M, FAR_M = 15.0, 15.0, 10.0, 250.0, 1000.0
GOOD_FIX_M = 50.0
_STREET_WIDTH_M = 8.0
_PRECISE = frozenset({"building", "shelter"})
_COMMON = frozenset({"apartments"})  # so many of them have names that none is a landmark
_LANDMARKS = frozenset({"building", "shelter", "bridge", "gate", "bus_stop", "park", "school_yard"})
_KNOWN = 4096


class PlaceWords(msgspec.Struct, frozen=True):
    """The same place in both languages of the map."""

    en: str
    ko: str

    def in_language(self, code: str) -> str:
        """Korean for Korean, English for everybody else."""
        return self.ko if code.lower().startswith("ko") else self.en


class NamedPlace(msgspec.Struct, frozen=True):
    """A named thing of the map; `shape` in degrees. `kind` and `use` are the map's words."""

    kind: str
    name: str
    name_ko: str
    shape: BaseGeometry
    use: str = ""
    width_m: float | None = None

    @property
    def words(self) -> PlaceWords:
        """Its name; a bus stop says that it is one, because it is called after something else."""
        ko = self.name_ko or self.name
        if self.kind == "bus_stop":
            return PlaceWords(f"bus stop {self.name}", f"{ko} 정류장")
        return PlaceWords(self.name, ko)

    @property
    def landmark(self) -> bool:
        """Whether other places may be told by it."""
        return self.kind in _LANDMARKS and self.use not in _COMMON


class Gazetteer:
    """Answers from the named places of one map. Without any, it answers with nothing."""

    def __init__(self, places: Sequence[NamedPlace], origin: Point) -> None:
        self._plane = LocalPlane(origin)
        self._places = tuple(places)
        self._shapes = np.array([_in_metres(place.shape, self._plane) for place in places], dtype=object)
        self._area = shapely.area(self._shapes)
        self._tree = shapely.STRtree(self._shapes)
        self._known: dict[tuple[Point, bool], PlaceWords | None] = {}

    def describe(self, point: Point, accuracy_m: float | None = None) -> PlaceWords | None:
        """The point in words, by the table above; None where nothing of the map is near."""
        key = (point, accuracy_m is None or accuracy_m <= GOOD_FIX_M)
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = self._look(*key)
        return self._known[key]

    def _look(self, point: Point, good: bool) -> PlaceWords | None:
        x, y = self._plane.to_metres(np.array([point.lon]), np.array([point.lat]))
        spot = shapely.Point(x[0], y[0])
        found = self._tree.query(spot.buffer(LANDMARK_M))
        around = sorted(zip(shapely.distance(self._shapes[found], spot).tolist(), found.tolist(), strict=True))
        ground = self._ground(around)
        if ground is not None and self._places[ground].kind == "bridge":
            name = self._places[ground].words
            return PlaceWords(f"on {name.en}", f"{name.ko} 위")
        landmark = next(
            ((m, i) for m, i in around if m <= LANDMARK_M and i != ground and self._places[i].landmark), None
        )
        if ground is None:
            return self._from_afar(spot, landmark, good)
        place = self._places[ground]
        front = place.words
        if place.kind == "river":
            front = PlaceWords(f"by {front.en}", f"{front.ko}변")
        if landmark is None or place.kind in _PRECISE:
            return front
        behind = _from(self._places[landmark[1]].words, landmark[0], good)
        return PlaceWords(f"{front.en}, {behind.en}", f"{front.ko}, {behind.ko}")

    def _from_afar(self, spot: shapely.Point, landmark: tuple[float, int] | None, good: bool) -> PlaceWords | None:
        if landmark is None:
            nearest, metres = self._tree.query_nearest(
                spot, max_distance=FAR_M, return_distance=True, all_matches=False
            )
            if not len(nearest):
                return None
            landmark = float(metres[0]), int(nearest[0])
        return _from(self._places[landmark[1]].words, landmark[0], good)

    def _ground(self, around: Sequence[tuple[float, int]]) -> int | None:
        """What the point is on: a bridge, the smallest area, the water, a street; in this order."""
        inside = [i for m, i in around if m == 0 and self._area[i] > 0]
        for kind in ("bridge", "river"):
            for i in inside:
                if self._places[i].kind == kind:
                    return i
        if inside:
            return min(inside, key=lambda i: float(self._area[i]))
        for m, i in around:
            if m <= WATER_M and self._places[i].kind == "river":
                return i
        for m, i in around:
            place = self._places[i]
            if place.kind == "street" and m <= (place.width_m or _STREET_WIDTH_M) / 2 + BESIDE_STREET_M:
                return i
        return None


def _from(name: PlaceWords, metres: float, good: bool) -> PlaceWords:
    if metres < AT_M:
        return PlaceWords(f"at {name.en}", f"{name.ko} 앞")
    if not good:
        return PlaceWords(f"near {name.en}", f"{name.ko} 부근")
    step = 5 if metres < 100 else 10
    rounded = round(metres / step) * step
    return PlaceWords(f"{rounded} m from {name.en}", f"{name.ko}에서 {rounded} m")


def _in_metres(shape: BaseGeometry, plane: LocalPlane) -> BaseGeometry:
    moved: BaseGeometry = shapely.transform(shape, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
    return moved
