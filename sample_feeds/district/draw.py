"""Draws the sample district's map: `python -m sample_feeds.district.draw` writes `map.geojson` beside this file.

The plan is ours (`plan.py`), chance is seeded, coordinates are rounded: the same plan gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import shapely
from shapely import LineString, Point, Polygon, affinity

from sample_feeds.district import plan
from sample_feeds.district.blocks import LOTS, Footprint, houses, slabs
from sample_feeds.district.footways import Street, Way, connected, crossings, rings, rounded
from sample_feeds.district.plane import ExactPlane

SEED = 119
PATH = Path(__file__).with_name("map.geojson")
BANK_M = 9.0  # grass between the water and what is built
DECIMALS = 7  # about a centimetre


@dataclass(frozen=True)
class Drawn:
    """One feature in metres; `properties` are what the file says of it beside its id."""

    id: str
    shape: shapely.Geometry
    properties: dict[str, str | float]


def smooth(points: Sequence[tuple[float, float]], rounds: int = 3) -> LineString:
    """Chaikin's corner cutting; the ends stay where they are."""
    line = np.asarray(points, float)
    for _ in range(rounds):
        near, far = line[:-1] * 0.75 + line[1:] * 0.25, line[:-1] * 0.25 + line[1:] * 0.75
        line = np.vstack([line[:1], np.stack([near, far], axis=1).reshape(-1, 2)[1:-1], line[-1:]])
    return LineString(line).simplify(0.05)


def draw() -> list[Drawn]:
    """Every feature of the district, grounds first, so that later ones lie on top."""
    rnd = Random(SEED)
    frame = shapely.box(*plan.FRAME)
    streets = [Street(s.slug, smooth(s.points, 2), s.width_m) for s in plan.STREETS]
    water = smooth(plan.RIVER, 4).buffer(plan.RIVER_WIDTH_M / 2).intersection(frame)
    carriageways = shapely.union_all([s.line.buffer(s.width_m / 2, cap_style="flat") for s in streets])
    land = frame.difference(carriageways).difference(water.buffer(BANK_M))
    blocks = [b.buffer(-3).buffer(3).intersection(b) for b in shapely.get_parts(land) if b.area > 420]
    blocks = [max(shapely.get_parts(b), key=lambda p: p.area) for b in blocks]

    named = {b.slug: _landmark(b) for b in plan.LANDMARKS}
    yard = Polygon(plan.SCHOOL_YARD)
    park = _block_at(blocks, 0, -140).buffer(-INNER)
    green = _block_at(blocks, -460, 320).buffer(-INNER)
    buildings = list(_buildings(blocks, shapely.union_all([*named.values(), yard, park, green]), rnd))

    net = rings(blocks, frame)
    over = crossings(streets, net, frame)
    bridges = list(_bridge_walks(streets, water))
    for walk in bridges:
        over.append(
            Way("sidewalk", LineString([net.join(walk.line.boundary.geoms[0]), net.join(walk.line.boundary.geoms[1])]))
        )
    footbridge = LineString(plan.FOOTBRIDGE[:2])
    over.append(Way("path", LineString([net.join(Point(footbridge.coords[0])), net.join(Point(footbridge.coords[1]))])))
    footbridge = over[-1].line
    for points in plan.PARK_PATHS:
        line = smooth(points, 2)
        over.append(Way("path", LineString([*(rounded(c) for c in line.coords[:-1]), net.join(Point(line.coords[-1]))])
                        if points[-1] not in (plan.PARK_ROUND, plan.PARK_FORK)
                        else LineString([rounded(c) for c in line.coords])))  # fmt: skip
    over.append(Way("path", LineString([plan.SCHOOL_GATE, net.join(Point(plan.SCHOOL_GATE))])))
    ways = connected([*(_bank_or_street(p, water) for p in net.pieces()), *over])

    return [
        *_grounds(water, yard, park, green, frame),
        *_streets(frame),
        *_bridges(streets, water, footbridge),
        *_ways(ways, frame),
        *_houses(named, buildings),
        *_places(yard, net.lines, streets, park, green, frame, [*named.values(), *(b.shape for b in buildings)], rnd),
    ]


INNER = 3.2  # from the kerb to where a block's own land begins


def _block_at(blocks: Iterable[Polygon], x: float, y: float) -> Polygon:
    return min(blocks, key=lambda b: b.distance(Point(x, y)))


def _landmark(mark: plan.Landmark) -> Polygon:
    w, h = mark.size[0] / 2, mark.size[1] / 2
    return affinity.rotate(shapely.box(mark.x - w, mark.y - h, mark.x + w, mark.y + h), mark.turn)


def _buildings(blocks: Sequence[Polygon], taken: shapely.Geometry, rnd: Random) -> Iterator[Footprint]:
    uses = {id(_block_at(blocks, b.x, b.y)): b.use for b in plan.BLOCKS}
    clear = taken.buffer(3)
    for block in blocks:
        use = uses.get(id(block), "houses")
        for ground in shapely.get_parts(block.buffer(-INNER - 1)):
            if use in ("park", "green", "school") or ground.area < 120:
                continue
            yield from slabs(ground, clear, rnd) if use == "apartments" else houses(ground, use, clear, rnd)
    assert set(uses.values()) <= {*LOTS, "park", "green", "school", "apartments"}, "a block's use is no row of LOTS"


def _bank_or_street(line: LineString, water: Polygon) -> Way:
    by_water = water.distance(line.interpolate(0.5, normalized=True)) < BANK_M + 4
    return Way("path" if by_water else "sidewalk", line)


def _bridge_walks(streets: Sequence[Street], water: Polygon) -> Iterator[Way]:
    for slug, _, _ in plan.BRIDGES:
        street = next(s for s in streets if s.slug == slug)
        for side in (-1, 1):
            line = street.line.parallel_offset(street.width_m / 2 + 1.6, "left" if side > 0 else "right")
            yield Way("sidewalk", line.intersection(water.buffer(BANK_M + 1.6)))


def _grounds(water: Polygon, yard: Polygon, park: Polygon, green: Polygon, frame: Polygon) -> Iterator[Drawn]:
    yield Drawn("bank", water.buffer(BANK_M).intersection(frame).difference(water), {"kind": "bank", "name": "Eunbit-cheon bank", "name_ko": "은빛천 둔치"})  # fmt: skip
    yield Drawn("river", water, {"kind": "river", "name": plan.RIVER_NAME[0], "name_ko": plan.RIVER_NAME[1]})
    yield Drawn("park", park, {"kind": "park", "name": plan.PARK_NAME[0], "name_ko": plan.PARK_NAME[1]})
    yield Drawn("green", green, {"kind": "park", "name": plan.GREEN_NAME[0], "name_ko": plan.GREEN_NAME[1]})
    yield Drawn("school-yard", yard, {"kind": "school_yard", "name": plan.SCHOOL_YARD_NAME[0], "name_ko": plan.SCHOOL_YARD_NAME[1]})  # fmt: skip


def _streets(frame: Polygon) -> Iterator[Drawn]:
    for s in plan.STREETS:
        line = smooth(s.points, 2).intersection(frame)
        walk = "shared" if s.width_m < 6 else "both"
        yield Drawn(s.slug, line, {"kind": "street", "name": s.name, "name_ko": s.name_ko, "width_m": s.width_m, "sidewalk": walk})  # fmt: skip


def _bridges(streets: Sequence[Street], water: Polygon, footbridge: LineString) -> Iterator[Drawn]:
    for slug, name, name_ko in plan.BRIDGES:
        street = next(s for s in streets if s.slug == slug)
        deck = street.line.intersection(water.buffer(BANK_M + 2)).buffer(street.width_m / 2 + 3, cap_style="flat")
        yield Drawn(f"bridge-{slug}", deck, {"kind": "bridge", "name": name, "name_ko": name_ko})
    _, _, name, name_ko = plan.FOOTBRIDGE
    deck = footbridge.buffer(2.2, cap_style="flat")
    yield Drawn("bridge-foot", deck, {"kind": "bridge", "name": name, "name_ko": name_ko})


def _ways(ways: Sequence[Way], frame: Polygon) -> Iterator[Drawn]:
    assert all(frame.contains(w.line) for w in ways), "a footway leaves the map"
    counts: dict[str, int] = {}
    for way in ways:
        counts[way.kind] = counts.get(way.kind, 0) + 1
        yield Drawn(f"{way.kind}-{counts[way.kind]:03d}", way.line, {"kind": way.kind})


def _houses(named: dict[str, Polygon], buildings: Sequence[Footprint]) -> Iterator[Drawn]:
    for mark in plan.LANDMARKS:
        facts: dict[str, str | float] = {"kind": mark.kind, "name": mark.name, "name_ko": mark.name_ko, "height_m": mark.height_m}  # fmt: skip
        yield Drawn(mark.slug, named[mark.slug], facts | ({"use": mark.use} if mark.use else {}))
    flats = 100
    for n, house in enumerate(buildings, 1):
        facts = {"kind": "building", "use": house.use, "height_m": house.height_m}
        if house.use == "apartments":
            flats += 1
            facts |= {"name": f"Eunbit Apartments {flats}", "name_ko": f"은빛아파트 {flats}동"}
        yield Drawn(f"building-{n:03d}", house.shape, facts)


def _places(
    yard: Polygon,
    footways: Sequence[LineString],
    streets: Sequence[Street],
    park: Polygon,
    green: Polygon,
    frame: Polygon,
    built: Sequence[Polygon],
    rnd: Random,
) -> Iterator[Drawn]:
    gate = Point(plan.SCHOOL_GATE)
    yield Drawn("school-fence", LineString(yard.exterior.coords).difference(gate.buffer(3)), {"kind": "fence"})
    yield Drawn("school-gate", gate, {"kind": "gate", "name": plan.SCHOOL_GATE_NAME[0], "name_ko": plan.SCHOOL_GATE_NAME[1]})  # fmt: skip
    for n, (name, name_ko, x, y) in enumerate(plan.BUS_STOPS, 1):
        line = min(footways, key=lambda w: w.distance(Point(x, y)))
        spot = line.interpolate(line.project(Point(x, y)))
        yield Drawn(f"bus-stop-{n}", spot, {"kind": "bus_stop", "name": name, "name_ko": name_ko})
    houses_ = shapely.union_all(list(built)).buffer(1.5)
    roads = shapely.union_all([s.line.buffer(s.width_m / 2 + 0.4) for s in streets])
    lamp = 0
    for street in streets:
        step, side = (34.0, 1) if street.width_m > 6 else (42.0, 1)
        for along in np.arange(12.0, street.line.length, step):
            side = -side
            line = street.line.offset_curve(side * (street.width_m / 2 + 0.7))
            spot = line.interpolate(along)
            if frame.contains(spot) and not roads.contains(spot) and not houses_.contains(spot):
                lamp += 1
                yield Drawn(f"lamp-{lamp:03d}", spot, {"kind": "lamp", "height_m": 7.0})
    paths = shapely.union_all([LineString(p) for p in plan.PARK_PATHS]).buffer(3)
    clear = shapely.union_all([paths, houses_, yard])
    trees: list[Point] = []
    for area, count in ((park, 130), (green, 160)):
        west, south, east, north = area.bounds
        wanted = len(trees) + count
        for _ in range(count * 30):
            spot = Point(rnd.uniform(west, east), rnd.uniform(south, north))
            if len(trees) < wanted and area.contains(spot) and not clear.contains(spot) and all(spot.distance(t) > 5 for t in trees[-80:]):  # fmt: skip
                trees.append(spot)
    for n, spot in enumerate(trees, 1):
        yield Drawn(f"tree-{n:03d}", spot, {"kind": "tree", "height_m": round(rnd.uniform(4, 9), 1)})


def geojson(features: Sequence[Drawn], plane: ExactPlane) -> str:
    """The file's text (RFC 7946), one feature a line so that a change reads well."""
    lines = []
    for feature in features:
        shape = shapely.set_precision(plane.shape_to_lonlat(shapely.orient_polygons(feature.shape)), 0)
        geometry = json.loads(shapely.to_geojson(shapely.transform(shape, lambda c: np.round(c, DECIMALS))))
        properties = {"id": feature.id, **feature.properties}
        whole = {"type": "Feature", "id": feature.id, "properties": properties, "geometry": geometry}
        lines.append(json.dumps(whole, ensure_ascii=False, separators=(",", ":")))
    head = {"name": "Eunbit-dong, a district that does not exist", "origin": [plane.lon, plane.lat]}
    opening = json.dumps({"type": "FeatureCollection", **head}, ensure_ascii=False)[:-1]
    return opening + ', "features": [\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    PATH.write_text(geojson(draw(), ExactPlane()), encoding="utf-8")
