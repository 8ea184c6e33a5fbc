"""Where a person usually is: stays along a trail, and the places that they make.

Stay points as in Li, Zheng et al. 2008, "Mining user similarity based on location history"; places as in DBSCAN (Ester
et al. 1996). Fixes are columns: times in microseconds since 1970, degrees, metres with NaN for unknown.
"""

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.geo import LocalPlane, Point, distance_m
from haechi.domain.time import instant_of

Metres = NDArray[np.float64]
_SECOND = 1_000_000
_DAY_S = 86_400
_MOST_STAYS = 1000
_LEAST_RADIUS_M, _MOST_RADIUS_M, _MARGIN_M = 75.0, 250.0, 50.0


class HabitRule(msgspec.Struct, frozen=True):
    """A stay is `stay_s` within `near_m` of where it began; a gap longer than `gap_s` ends it, and fixes less accurate
    than `accurate_m` do not count. A place is where stays lie within `near_m` of each other, on at least `days` days."""

    near_m: float = 150
    stay_s: float = 1500
    gap_s: float = 12 * 3600
    accurate_m: float = 100
    days: int = 3


class Stay(msgspec.Struct, frozen=True):
    """Somewhere for a while; microseconds."""

    start: int
    end: int
    point: Point


class Place(msgspec.Struct, frozen=True):
    """Somewhere again and again. `hours` are the hours of the local day in which they were there on at least half of
    those `days`."""

    point: Point
    radius_m: float
    days: int
    hours: tuple[int, ...]
    seen_at: datetime


PlaceState = Literal["proposed", "accepted", "declined"]


class UsualPlace(msgspec.Struct, frozen=True):
    """A place as it is kept: the `n`th of a person, and what a person said of it."""

    id: str
    district: str
    person_id: str
    n: int
    point: Point
    radius_m: float
    days: int
    hours: tuple[int, ...]
    state: PlaceState
    seen_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    zone_id: str | None = None


def stays(at: NDArray[np.int64], lon: Metres, lat: Metres, accuracy: Metres, rule: HabitRule) -> list[Stay]:
    """The stays along a trail that is in order of time."""
    good = np.isnan(accuracy) | (accuracy <= rule.accurate_m)
    at, lon, lat = at[good], lon[good], lat[good]
    if len(at) < 2:
        return []
    x, y = LocalPlane(Point(float(lon[0]), float(lat[0]))).to_metres(lon, lat)
    broken = np.r_[np.diff(at) > rule.gap_s * _SECOND, True]
    found, first = [], 0
    while first < len(at):
        last = _end_of_stay(first, x, y, broken, rule.near_m)
        if at[last] - at[first] >= rule.stay_s * _SECOND:
            here = slice(first, last + 1)
            found.append(Stay(int(at[first]), int(at[last]), Point(float(lon[here].mean()), float(lat[here].mean()))))
            first = last + 1
        else:
            first += 1
    return found


def _end_of_stay(first: int, x: Metres, y: Metres, broken: NDArray[np.bool_], near_m: float) -> int:
    """The last fix of those in a row that lie near the first."""
    start, size = first, 64
    while start < len(x):
        part = slice(start, start + size)
        left = np.hypot(x[part] - x[first], y[part] - y[first]) > near_m
        if left.any() or broken[part].any():
            gone = start + int(np.argmax(left)) - 1 if left.any() else len(x)
            gap = start + int(np.argmax(broken[part])) if broken[part].any() else len(x)
            return min(gone, gap)
        start, size = start + size, size * 2
    return len(x) - 1


def places(found: Sequence[Stay], zone: tzinfo, rule: HabitRule) -> list[Place]:
    """What the stays make, the most usual first. Of very many stays the last count."""
    found = found[-_MOST_STAYS:]
    if not found:
        return []
    lon, lat = (np.array([getattr(stay.point, name) for stay in found]) for name in ("lon", "lat"))
    plane = LocalPlane(found[0].point)
    x, y = plane.to_metres(lon, lat)
    near = np.hypot(x[:, None] - x, y[:, None] - y) <= rule.near_m
    usual = []
    # Who does not go out for a week has stayed once.
    days_of = np.array([1 + (stay.end - stay.start) // (_DAY_S * _SECOND) for stay in found])
    for members in _clusters(near, days_of, rule.days):
        mine = [found[i] for i in members.tolist()]
        days, hours = _when(mine, zone)
        if days < rule.days:
            continue
        middle = float(np.median(x[members])), float(np.median(y[members]))
        far = float(np.quantile(np.hypot(x[members] - middle[0], y[members] - middle[1]), 0.9))
        east, north = plane.to_degrees(np.array([middle[0]]), np.array([middle[1]]))
        radius = min(max(far + _MARGIN_M, _LEAST_RADIUS_M), _MOST_RADIUS_M)
        seen_at = instant_of(max(stay.end for stay in mine))
        usual.append(Place(Point(float(east[0]), float(north[0])), round(radius), days, hours, seen_at))
    return sorted(usual, key=lambda place: (-place.days, place.point.lon, place.point.lat))


def _clusters(near: NDArray[np.bool_], weight: NDArray[np.int64], least: int) -> list[NDArray[np.int64]]:
    """DBSCAN: what is within reach of each other around rows whose neighbours (themselves included) weigh `least`."""
    core = near @ weight >= least
    label = np.full(len(near), -1)
    for seed in np.flatnonzero(core).tolist():
        if label[seed] >= 0:
            continue
        label[seed] = seed
        edge = np.array([seed])
        while len(edge):
            reached = near[edge].any(axis=0) & (label < 0)
            label[reached] = seed
            edge = np.flatnonzero(reached & core)
    return [np.flatnonzero(label == seed) for seed in np.unique(label[label >= 0]).tolist()]


def _when(mine: Sequence[Stay], zone: tzinfo) -> tuple[int, tuple[int, ...]]:
    """On how many local days, and in which hours on at least half of them."""
    there: set[tuple[object, int]] = set()
    for stay in mine:
        for hour in range(stay.start // (3600 * _SECOND), stay.end // (3600 * _SECOND) + 1):
            local = instant_of(hour * 3600 * _SECOND).astimezone(zone)
            there.add((local.date(), local.hour))
    days = len({day for day, _ in there})
    hours = [sum((day, hour) in there for day in {day for day, _ in there}) for hour in range(24)]
    return days, tuple(hour for hour, count in enumerate(hours) if count >= math.ceil(days / 2))


class Proposals(msgspec.Struct, frozen=True):
    """What a night changes: places that are proposed anew, those proposed before and found again, and those of them
    that are found no more. Of what a person has accepted or declined nothing is proposed again."""

    new: tuple[Place, ...]
    again: tuple[tuple[UsualPlace, Place], ...]
    gone: tuple[UsualPlace, ...]


def proposals(kept: Sequence[UsualPlace], found: Sequence[Place]) -> Proposals:
    """The same place keeps its number: the nearest kept one whose circle holds the middle of the found one."""
    left, new, again = list(kept), [], []
    for place in found:
        near = [one for one in left if distance_m(one.point, place.point) <= max(one.radius_m, place.radius_m)]
        if not near:
            new.append(place)
            continue
        nearest = min(near, key=lambda one: distance_m(one.point, place.point))
        left.remove(nearest)
        if nearest.state == "proposed":
            again.append((nearest, place))
    return Proposals(tuple(new), tuple(again), tuple(one for one in left if one.state == "proposed"))
