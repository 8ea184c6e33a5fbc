"""Blocks into lots, lots into buildings: the part of the map that chance fills in, always the same way for a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import shapely.ops
from shapely import LineString, Polygon, affinity


@dataclass(frozen=True)
class LotRule:
    """How a block is built: lots of about `area` m², buildings `gap` metres inside them, `heights` in metres."""

    area: float
    gap: float
    heights: tuple[float, float]
    filled: float  # share of lots that carry a building


@dataclass(frozen=True)
class Footprint:
    shape: Polygon
    height_m: float
    use: str


LOTS = {
    "houses": LotRule(400, 2.0, (5, 9), 0.93),
    "villas": LotRule(620, 2.4, (9, 15), 0.92),
    "shops": LotRule(520, 1.4, (7, 16), 0.94),
    "market": LotRule(300, 1.3, (6, 11), 0.9),
}


def split(shape: Polygon, area: float, rnd: Random) -> list[Polygon]:
    """Halves a piece of land across its longer side until each piece is about `area` m²."""
    if shape.area < area * rnd.uniform(1.2, 1.8):
        return [shape]
    corners = list(shapely.minimum_rotated_rectangle(shape).exterior.coords)
    (ax, ay), (bx, by), (cx, cy) = corners[0], corners[1], corners[2]
    if math.dist((bx, by), (cx, cy)) > math.dist((ax, ay), (bx, by)):
        (ax, ay), (bx, by), (cx, cy) = (bx, by), (cx, cy), (ax + cx - bx, ay + cy - by)
    at = rnd.uniform(0.42, 0.58)
    mx, my = ax + (bx - ax) * at, ay + (by - ay) * at
    dx, dy = cx - bx, cy - by
    cut = LineString([(mx - dx, my - dy), (mx + 2 * dx, my + 2 * dy)])
    parts = [p for p in shapely.ops.split(shape, cut).geoms if isinstance(p, Polygon)]
    if len(parts) < 2:
        return [shape]
    return [lot for part in parts for lot in split(part, area, rnd)]


def houses(land: Polygon, use: str, taken: shapely.Geometry, rnd: Random) -> list[Footprint]:
    """The buildings of one block, clear of what is already `taken`."""
    rule = LOTS[use]
    found: list[Footprint] = []
    for lot in split(land, rule.area, rnd):
        chance, height, notch = rnd.random(), rnd.uniform(*rule.heights), rnd.random()
        body = lot.buffer(-rule.gap * rnd.uniform(0.8, 1.5), join_style="mitre")
        body = _largest(body.difference(taken))
        if body is None or chance > rule.filled or body.area < 45:
            continue
        body = body.simplify(1.2)
        box = shapely.minimum_rotated_rectangle(body)
        if body.area / box.area < 0.5 or _slimness(box) > 4.5:
            continue
        if notch < 0.35 and body.area > 140:
            body = _notched(body, box, rnd)
        if isinstance(body, Polygon) and body.area > 45:
            found.append(Footprint(body, round(height, 1), use))
    return found


def slabs(land: Polygon, taken: shapely.Geometry, rnd: Random) -> list[Footprint]:
    """Blocks of flats: long slabs in rows, all turned the same way, with light between them."""
    turn = rnd.uniform(-6, 6)
    west, south, east, north = land.bounds
    inner = land.buffer(-3)
    found: list[Footprint] = []
    height = rnd.uniform(33, 48)
    y = south + 6
    row = 0
    while y < north:
        x = west + 3 + (row % 2) * 8
        while x < east:
            length = rnd.uniform(34, 50)
            body = affinity.rotate(shapely.box(x, y, x + length, y + 12.5), turn, origin=(west, south))
            if inner.contains(body) and not body.buffer(4).intersects(taken):
                found.append(Footprint(body, round(height + rnd.choice((-6, 0, 0, 3)), 1), "apartments"))
                x += length + 11
            else:
                x += 3
        y += 26
        row += 1
    return found


def _notched(body: Polygon, box: Polygon, rnd: Random) -> Polygon | None:
    """An L: one corner of the bounding rectangle cut away."""
    corners = list(box.exterior.coords)
    k = rnd.randrange(4)
    (ax, ay), (bx, by), (cx, cy) = corners[k], corners[(k + 1) % 4], corners[(k + 3) % 4]
    u, v = rnd.uniform(0.3, 0.45), rnd.uniform(0.3, 0.5)
    p, q = ((bx - ax) * u, (by - ay) * u), ((cx - ax) * v, (cy - ay) * v)
    cut = Polygon([(ax, ay), (ax + p[0], ay + p[1]), (ax + p[0] + q[0], ay + p[1] + q[1]), (ax + q[0], ay + q[1])])
    return _largest(body.difference(cut.buffer(0.01, join_style="mitre")))


def _slimness(box: Polygon) -> float:
    a, b, c = list(box.exterior.coords)[:3]
    sides = sorted((math.dist(a, b), math.dist(b, c)))
    return sides[1] / max(sides[0], 0.1)


def _largest(shape: shapely.Geometry) -> Polygon | None:
    parts = [p for p in shapely.get_parts(shape) if isinstance(p, Polygon) and not p.is_empty]
    return max(parts, key=lambda p: p.area) if parts else None
