"""The truth: days of the sample district's people with one safe zone each, minute by minute and without any error.

Half of the days have a circle around the home, which ordinary life leaves and comes back to; the others have the zone
that ordinary life stays in, and on some of them the person wanders off. At night everybody lies still at home.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray

from sample_feeds.district.map import District
from sample_feeds.people import PACES, RESIDENTS, Resident, Town
from sample_feeds.walks import XY, Walk

MINUTES = 1440
HOME_RADIUS_M = 100.0
"""Home Assistant's default for a zone (`DEFAULT_RADIUS`)."""
WANDER_SHARE = 0.3
WANDER_BEYOND_M = (30.0, 400.0)
WANDER_STAY_S = (60.0, 3600.0)
STREET_M = 12.0
"""A walker this near to a house is in a street; elsewhere the sky is open."""
OPEN_PLACES = ("park", "playground", "river path", "kiosk", "east stop", "west green")
"""Where people stand outdoors; at home and at every other place they are inside a house."""
OPEN, STREET, INDOORS = 0, 1, 2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Circle:
    """A circular zone, metres of the district's plane."""

    x: float
    y: float
    radius: float

    def beyond(self, x: Floats, y: Floats) -> Floats:
        """Metres from the zone's edge outwards; 0 inside."""
        return np.maximum(np.hypot(x - self.x, y - self.y) - self.radius, 0.0)


@dataclass(frozen=True)
class Area:
    """A zone of any shape."""

    shape: shapely.Polygon

    def beyond(self, x: Floats, y: Floats) -> Floats:
        """Metres from the zone's edge outwards; 0 inside."""
        shapely.prepare(self.shape)
        distance = np.zeros(x.shape)
        out = ~shapely.contains_xy(self.shape, x, y)
        distance[out] = shapely.distance(self.shape, shapely.points(x[out], y[out]))
        return distance


Zone = Circle | Area


@dataclass(frozen=True)
class Leave:
    """One stay outside the drawn edge: the second it was crossed outwards and inwards (of the local day), the most
    metres beyond it at any fix. `device` is a row."""

    device: int
    left_s: float
    returned_s: float
    furthest_m: float


@dataclass(frozen=True)
class Days:
    """n device-days of 1,440 minutes. `at` (n, m) seconds of the local day at which a fix is taken; `x`, `y` metres;
    `speed` m/s; `surroundings` OPEN, STREET or INDOORS; `beyond` metres outside the zone's drawn edge, 0 inside."""

    zones: tuple[Zone, ...]
    at: NDArray[np.int32]
    x: Floats
    y: Floats
    speed: Floats
    surroundings: NDArray[np.uint8]
    beyond: Floats
    leaves: tuple[Leave, ...]


class Truth:
    """Makes device-days; the same seed and number give the same days."""

    def __init__(self, district: District, seed: int) -> None:
        self._seed = seed
        self._town = Town(district, seed)
        self._people = [resident for resident in RESIDENTS if resident.life in ("pupil", "elder")]
        self._life = {resident.slug: _shape(self._town.zone(resident)) for resident in self._people}
        nodes = sorted({end for way in district.ways for end in (way.start, way.end)})
        self._goals = {slug: _goals(shape, nodes) for slug, shape in self._life.items()}
        houses = {spot for name, spot in self._town.places.items() if name not in OPEN_PLACES}
        self._indoors = houses | set(self._town.homes.values())
        self._houses = shapely.STRtree([house.shape for house in district.buildings])

    def days(self, numbers: Sequence[int]) -> Days:
        """The device-days of these numbers."""
        shape = (len(numbers), MINUTES)
        at = np.zeros(shape, np.int32)
        x, y, speed = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        surroundings = np.full(shape, INDOORS, np.uint8)
        beyond = np.zeros(shape)
        zones: list[Zone] = []
        leaves: list[Leave] = []
        for row, number in enumerate(numbers):
            resident, day = self._people[number % len(self._people)], number // len(self._people)
            rnd = Random(f"{self._seed} {number}")
            zone, walks = self._life_of(resident, date(2026, 3, 2) + timedelta(days=day), day % 2 == 0, rnd)
            at[row] = np.arange(MINUTES) * 60 + rnd.randrange(60)
            track = _Track.of(walks, self._town.homes[resident.slug])
            x[row], y[row] = track.at(at[row])
            for walk in walks:
                begins, ends = np.searchsorted(at[row], (walk.begins, walk.ends))
                speed[row, begins:ends] = walk.speed
                surroundings[row, ends:] = INDOORS if walk.points[-1] in self._indoors else OPEN
            beyond[row] = _beyond(zone, x[row], y[row])
            zones.append(zone)
            leaves.extend(_leaves(row, zone, track, at[row], beyond[row]))
        walking = np.nonzero(speed > 0)
        near = np.unique(self._houses.query(shapely.points(x[walking], y[walking]), "dwithin", STREET_M)[0])
        in_street = np.zeros(len(walking[0]), bool)
        in_street[near] = True
        surroundings[walking] = np.where(in_street, STREET, OPEN)
        return Days(tuple(zones), at, x, y, speed, surroundings, beyond, tuple(leaves))

    def _life_of(self, resident: Resident, day: date, at_home: bool, rnd: Random) -> tuple[Zone, tuple[Walk, ...]]:
        walks = self._town.walks(resident, day)
        if at_home:
            return Circle(*self._town.homes[resident.slug], HOME_RADIUS_M), walks
        zone = self._life[resident.slug]
        return Area(zone), self._wander(resident, walks, rnd) if rnd.random() < WANDER_SHARE else walks

    def _wander(self, resident: Resident, walks: tuple[Walk, ...], rnd: Random) -> tuple[Walk, ...]:
        """Once between two ways of the day: out of the zone, a while there, and back to where it began."""
        home = self._town.homes[resident.slug]
        ends = [7 * 3600.0, *(walk.ends for walk in walks)]
        places = [home, *(walk.points[-1] for walk in walks)]
        nexts = [*(walk.begins for walk in walks), 22 * 3600.0]
        goal, stay, pace = (
            rnd.choice(self._goals[resident.slug]),
            rnd.uniform(*WANDER_STAY_S),
            rnd.uniform(*PACES[resident.life]),
        )
        for k in rnd.sample(range(len(places)), len(places)):
            out = self._town.ways.way(places[k], goal)
            there = Walk(0, out, pace)
            spare = nexts[k] - ends[k] - 2 * there.ends - stay
            if len(out) < 2 or spare < 0:
                continue
            begins = ends[k] + rnd.uniform(0, spare)
            away = Walk(begins, out, pace)
            back = Walk(away.ends + stay, out[::-1], pace)
            return tuple(sorted((*walks, away, back), key=lambda walk: walk.begins))
        return walks


def _shape(zone: shapely.Polygon | None) -> shapely.Polygon:
    assert zone is not None
    return zone


def _goals(zone: shapely.Polygon, nodes: Sequence[XY]) -> list[XY]:
    """Where somebody who wanders off may go."""
    distance = shapely.distance(zone, shapely.points(nodes))
    low, high = WANDER_BEYOND_M
    return [node for node, far in zip(nodes, distance, strict=True) if low < far < high]


@dataclass(frozen=True)
class _Track:
    """Where a day leads: (k,) seconds, and the place then; straight and steady in between."""

    times: Floats
    x: Floats
    y: Floats

    @classmethod
    def of(cls, walks: Sequence[Walk], home: XY) -> "_Track":
        times, points = [np.zeros(1)], [np.array([home])]
        for walk in walks:
            way = np.array(walk.points)
            along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))))
            times.append(walk.begins + along / walk.speed)
            points.append(way)
        x, y = np.concatenate(points).T
        return cls(np.concatenate(times), x, y)

    def at(self, seconds: NDArray[np.int32] | Floats) -> tuple[Floats, Floats]:
        return np.interp(seconds, self.times, self.x), np.interp(seconds, self.times, self.y)


def _beyond(zone: Zone, x: Floats, y: Floats) -> Floats:
    """As `Zone.beyond`, but each stay is looked at once."""
    moved = np.concatenate(([True], (np.diff(x) != 0) | (np.diff(y) != 0)))
    distance = zone.beyond(x[moved], y[moved])
    return np.asarray(distance[np.cumsum(moved) - 1])


def _leaves(row: int, zone: Zone, track: _Track, at: NDArray[np.int32], beyond: Floats) -> Iterator[Leave]:
    """Every stay outside that a fix could see; nobody is outside at midnight."""
    outside = np.concatenate(([False], beyond > 0, [False]))
    starts, ends = np.flatnonzero(~outside[:-1] & outside[1:]), np.flatnonzero(outside[:-1] & ~outside[1:])
    for left, returned in zip(starts.tolist(), ends.tolist(), strict=True):
        crossed, back = (_crossing(zone, track, int(at[k])) for k in (left, returned))
        yield Leave(row, crossed, back, float(beyond[left:returned].max()))


def _crossing(zone: Zone, track: _Track, second: int) -> float:
    """The last time in the minute up to a second at which the edge was crossed, to a tenth of a second."""
    times = np.linspace(second - 60.0, second, 601)
    outside = zone.beyond(*track.at(times)) > 0
    return float(times[np.flatnonzero(outside != outside[-1])[-1] + 1])
