"""The people of the benchmark of positions: 50,000 with three zones each, and what their devices report."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi import topics
from haechi.domain.geo import Circle, Corridor, LocalPlane, Point, Polygon
from haechi.domain.people import PositionBatch, SafeZone
from haechi.domain.schedule import DAYS, Window
from haechi.domain.time import Tick, instant_of, micros_of
from haechi.ids import shard_of

PEOPLE = 50_000
EVERY_S = 10  # each device reports so often: 5,000 positions a second
BEGIN = datetime(2026, 11, 22, 23, 28, tzinfo=UTC)  # Monday, 8:28 in Seoul: two minutes later school begins
CENTRE = Point(126.9227, 37.6186)
PLANE = LocalPlane(CENTRE)
HOME_M = 150.0
SCHOOL_HOURS = (Window("Asia/Seoul", DAYS[:5], time(8, 30), time(15, 0)),)
GATEWAY = "gateway-1"
_WALKERS = 100  # one in so many walks out of the zone and back, at a walker's pace
_PACE_M_S = 1.4
_WALK_ROUNDS = 40

PERSONS = [f"person-{i:05d}" for i in range(PEOPLE)]
DEVICES = [f"device-{i:05d}" for i in range(PEOPLE)]
SHARDS = np.array([shard_of(person) for person in PERSONS], dtype=np.uint8)
PARTITION = np.array([topics.partition_of(int(shard)) for shard in SHARDS])
HOME_X, HOME_Y = np.random.default_rng(1).uniform(-2200, 2200, (2, PEOPLE))


def zones(people: int = PEOPLE) -> list[SafeZone]:
    """Of each: the home, a circle; the school, a polygon in its hours, that tells of arriving and leaving, and where one in
    a hundred is expected; the way there, a corridor in the same hours, or a river, which is forbidden."""
    return [zone for who in range(people) for zone in zones_of(who)]


class Reports(msgspec.Struct, frozen=True):
    """(n,) reports in the order of their time: who, when (µs since 1970), where, how fast, how full the battery is."""

    who: NDArray[np.int64]
    at: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed: NDArray[np.float32]
    battery: NDArray[np.float32]


def reports(count: int, people: int = PEOPLE) -> Reports:
    """The first `count`: everybody in turn, every ten seconds; most stay at home, some walk out and back."""
    random = np.random.default_rng(2)
    order = random.permutation(people)
    n = np.arange(count)
    who, round_ = order[n % people], n // people
    step = (round_ + who // _WALKERS) % _WALK_ROUNDS
    away = np.minimum(step, _WALK_ROUNDS - step) * _PACE_M_S * EVERY_S
    walks = who % _WALKERS == 0
    x = HOME_X[who] + random.normal(0, 5, count) + np.where(walks, away, 0)
    lon, lat = PLANE.to_degrees(x, HOME_Y[who] + random.normal(0, 5, count))
    return Reports(
        who=who,
        at=micros_of(BEGIN) + n * (EVERY_S * 1_000_000 // people),
        lon=lon,
        lat=lat,
        speed=np.where(walks, _PACE_M_S, random.uniform(0, 0.3, count)).astype(np.float32),
        battery=np.maximum(90 - who % 70 - round_ // 18, 1).astype(np.float32),  # a percent in three minutes
    )


def stream(known: int, count: int, size: int, people: int = PEOPLE) -> Iterator[tuple[int, PositionBatch | Tick]]:
    """(partition, message) as one gateway sends them: `known` reports in large batches, then up to `count` in batches of
    `size`; and a tick into every partition each second."""
    of = reports(count, people)
    partition_of = PARTITION[of.who]
    waiting = [np.zeros(0, dtype=np.int64)] * topics.PARTITIONS
    second = people // EVERY_S
    cuts = sorted({0, *range(second, count, second), known, count})
    for start, end in pairwise(cuts):
        full = 500 if end <= known else size
        for partition in range(topics.PARTITIONS):
            mine = np.append(waiting[partition], start + np.flatnonzero(partition_of[start:end] == partition))
            whole = len(mine) if end in (known, count) else len(mine) // full * full
            for rows in np.split(mine[:whole], range(full, whole, full)) if whole else ():
                yield partition, _batch(of, rows)
            waiting[partition] = mine[whole:]
        tick = Tick(GATEWAY, instant_of(int(of.at[end - 1])), spool_empty=True)
        for partition in range(topics.PARTITIONS):
            yield partition, tick


def _batch(of: Reports, rows: NDArray[np.int64]) -> PositionBatch:
    who, index = np.unique(of.who[rows], return_inverse=True)
    return PositionBatch(
        devices=tuple(DEVICES[i] for i in who),
        persons=tuple(PERSONS[i] for i in who),
        device=index.astype(np.int32),
        person=index.astype(np.int32),
        shard=SHARDS[of.who[rows]],
        at=of.at[rows],
        received=of.at[rows] + 200_000,
        lon=of.lon[rows],
        lat=of.lat[rows],
        accuracy=np.full(len(rows), 8, np.float32),
        speed=of.speed[rows],
        course=np.full(len(rows), np.nan, np.float32),
        battery=of.battery[rows],
    )


def zones_of(who: int) -> tuple[SafeZone, SafeZone, SafeZone]:
    """The three of one person."""
    x, y, person = float(HOME_X[who]), float(HOME_Y[who]), PERSONS[who]
    corners = ((-60, -60), (60, -60), (80, 10), (60, 60), (-60, 60), (-60, -60))
    school = Polygon((tuple(_point(x - 700 + east, y + north) for east, north in corners),))
    way = Corridor((_point(x, y), _point(x - 350, y + 80), _point(x - 700, y)), 60)
    due = time(8, 31) if who % 100 == 1 else None
    river = Circle(_point(x, y + 500), 120)
    return (
        SafeZone(f"home-{who:05d}", "haneul", person, "home", Circle(_point(x, y), HOME_M), ()),
        SafeZone(f"school-{who:05d}", "haneul", person, "school", school, SCHOOL_HOURS, notices=True, expected_by=due),
        SafeZone(f"way-{who:05d}", "haneul", person, "the way", way, SCHOOL_HOURS)
        if who % 2
        else SafeZone(f"river-{who:05d}", "haneul", person, "river", river, (), kind="forbidden"),
    )


def _point(x: float, y: float) -> Point:
    lon, lat = PLANE.to_degrees(np.float64(x), np.float64(y))  # type: ignore[arg-type]  # one number is an array of none
    return Point(float(lon), float(lat))
