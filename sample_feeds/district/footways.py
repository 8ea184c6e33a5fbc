"""The graph people walk on: a footway around every block, crossings between blocks, paths; ends meet exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import shapely
from shapely import LineString, Point, Polygon
from shapely.ops import linemerge

XY = tuple[float, float]
INSET_M = 1.5  # from the kerb to the middle of the footway
FROM_CORNER_M = 4.5  # from the corner of a junction to its crossing


@dataclass(frozen=True)
class Street:
    slug: str
    line: LineString
    width_m: float


@dataclass(frozen=True)
class Way:
    kind: str  # sidewalk, crossing or path
    line: LineString


@dataclass
class Rings:
    """Footways around the blocks, and the points where something joins them."""

    lines: list[LineString]
    joints: list[set[XY]] = field(init=False)

    def __post_init__(self) -> None:
        self.joints = [set() for _ in self.lines]

    def join(self, at: Point) -> XY:
        """The point on the nearest footway, remembered as a joint."""
        nearest = min(range(len(self.lines)), key=lambda k: self.lines[k].distance(at))
        line = self.lines[nearest]
        spot = rounded(line.interpolate(line.project(at)).coords[0])
        self.joints[nearest].add(spot)
        return spot

    def meet(self, start: Point, towards: XY, reach: float) -> XY | None:
        """Where a straight walk from `start` first meets a footway, within `reach` metres."""
        walk = LineString([start, (start.x + towards[0] * reach, start.y + towards[1] * reach)])
        hits = [
            Point(p) for ring in self.lines for p in shapely.get_coordinates(shapely.get_parts(walk.intersection(ring)))
        ]
        return self.join(min(hits, key=start.distance)) if hits else None

    def pieces(self) -> list[LineString]:
        """The footways, cut at every joint."""
        return [piece for ring, joints in zip(self.lines, self.joints, strict=True) for piece in _cut(ring, joints)]


def rounded(point: Sequence[float]) -> XY:
    """To the centimetre, so that ends which meet are the same number."""
    return (round(point[0], 2), round(point[1], 2))


def rings(blocks: Iterable[Polygon], frame: Polygon) -> Rings:
    """The footways around blocks, left open where a block goes on beyond the frame."""
    edge = frame.boundary.buffer(INSET_M + 0.6)
    lines: list[LineString] = []
    for block in blocks:
        inner = block.buffer(-INSET_M).simplify(0.15)
        for part in shapely.get_parts(inner):
            ring = LineString(part.exterior.coords)
            open_ring = ring.difference(edge)
            merged = linemerge(open_ring) if open_ring.geom_type == "MultiLineString" else open_ring
            lines += [_rounded_line(p) for p in shapely.get_parts(merged) if p.length > 6]
    return Rings(lines)


def crossings(streets: Sequence[Street], net: Rings, frame: Polygon) -> list[Way]:
    """Over every arm of every junction, at right angles to the street."""
    found: list[Way] = []
    seen: set[frozenset[XY]] = set()
    for street, other in itertools.permutations(streets, 2):
        for spot in shapely.get_coordinates(street.line.intersection(other.line)):
            middle = street.line.project(Point(spot))
            for side in (-1, 1):
                at = middle + side * (other.width_m / 2 + FROM_CORNER_M)
                if not 3 < at < street.line.length - 3:
                    continue
                centre = street.line.interpolate(at)
                if not frame.buffer(-8).contains(centre):
                    continue
                ahead = street.line.interpolate(at + 1)
                across = _unit(-(ahead.y - centre.y), ahead.x - centre.x)
                reach = street.width_m / 2 + 6
                left, right = net.meet(centre, across, reach), net.meet(centre, (-across[0], -across[1]), reach)
                if left and right and left != right and frozenset((left, right)) not in seen:
                    seen.add(frozenset((left, right)))
                    found.append(Way("crossing", LineString([left, right])))
    return found


def connected(ways: Sequence[Way]) -> list[Way]:
    """The ways that can be reached from most others; a footway that leads nowhere is not drawn."""
    parent: dict[XY, XY] = {}

    def root(node: XY) -> XY:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for way in ways:
        parent[root(way.line.coords[0])] = root(way.line.coords[-1])
    lengths: dict[XY, float] = {}
    for way in ways:
        key = root(way.line.coords[0])
        lengths[key] = lengths.get(key, 0) + way.line.length
    main = max(lengths, key=lambda k: lengths[k])
    return [way for way in ways if root(way.line.coords[0]) == main]


def _cut(ring: LineString, joints: set[XY]) -> list[LineString]:
    stops = {ring.project(Point(j)): j for j in joints}
    ends = {0.0: rounded(ring.coords[0]), ring.length: rounded(ring.coords[-1])}
    stops = {**ends, **{d: j for d, j in stops.items() if 0.02 < d < ring.length - 0.02}}
    along = sorted(stops)
    vertices = [(ring.project(Point(c)), rounded(c)) for c in list(ring.coords)[1:-1]]
    pieces = []
    for a, b in itertools.pairwise(along):
        inside = [c for d, c in vertices if a + 0.02 < d < b - 0.02]
        points = [stops[a], *inside, stops[b]]
        if len(set(points)) > 1:
            pieces.append(LineString(points))
    return pieces


def _rounded_line(line: LineString) -> LineString:
    return LineString([rounded(c) for c in line.coords])


def _unit(x: float, y: float) -> XY:
    length = math.hypot(x, y)
    return (x / length, y / length)
