"""Reads the sample district's map: streets, footways, buildings, grounds and places, in metres of its plane."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypedDict

import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon

from haechi.errors import HaechiError
from sample_feeds.district.plane import ExactPlane

PATH = Path(__file__).with_name("map.geojson")

WAYS = ("sidewalk", "crossing", "path")
GROUNDS = ("river", "bank", "park", "school_yard", "bridge")
PLACES = ("gate", "bus_stop", "lamp", "tree")
XY = tuple[float, float]


class MapError(HaechiError):
    """The map's file is not one: says which feature is wrong."""


@dataclass(frozen=True)
class Street:
    """A carriageway: its centre line in metres, and its width."""

    id: str
    name: str
    name_ko: str
    width_m: float
    line: LineString
    sidewalk: str  # "both", or "shared" where people walk on the lane itself


@dataclass(frozen=True)
class Way:
    """A piece of the graph people walk on. Its ends are nodes: other ways that meet it have the same end, exactly."""

    id: str
    kind: Literal["sidewalk", "crossing", "path"]
    line: LineString

    @property
    def start(self) -> XY:
        x, y = self.line.coords[0]
        return float(x), float(y)

    @property
    def end(self) -> XY:
        x, y = self.line.coords[-1]
        return float(x), float(y)


@dataclass(frozen=True)
class Building:
    """A house or a shelter; `name` is empty where it is not notable, `use` is what is in it ("school", "market" …)."""

    id: str
    kind: Literal["building", "shelter"]
    use: str
    name: str
    name_ko: str
    height_m: float
    shape: Polygon | MultiPolygon


@dataclass(frozen=True)
class Ground:
    """An area that is no building: river, bank, park, school_yard, bridge."""

    id: str
    kind: str
    name: str
    name_ko: str
    shape: Polygon | MultiPolygon


@dataclass(frozen=True)
class Place:
    """A point of interest: gate, bus_stop, lamp, tree."""

    id: str
    kind: str
    name: str
    name_ko: str
    at: Point


@dataclass(frozen=True)
class Fence:
    id: str
    line: LineString | MultiLineString


@dataclass(frozen=True)
class District:
    """The whole map. Shapes are in metres (x east, y north); `plane` turns them into lon, lat and back."""

    plane: ExactPlane
    streets: tuple[Street, ...]
    ways: tuple[Way, ...]
    buildings: tuple[Building, ...]
    grounds: tuple[Ground, ...]
    places: tuple[Place, ...]
    fences: tuple[Fence, ...]

    @cached_property
    def nodes(self) -> Mapping[XY, tuple[Way, ...]]:
        """Every end of a way (metres) → the ways that meet there."""
        found: dict[XY, list[Way]] = {}
        for way in self.ways:
            for end in {way.start, way.end}:
                found.setdefault(end, []).append(way)
        return {node: tuple(ways) for node, ways in found.items()}

    def building(self, identity: str) -> Building:
        """By id ("school", "clinic", "building-017"); KeyError where there is none."""
        return {b.id: b for b in self.buildings}[identity]

    def ground(self, identity: str) -> Ground:
        """By id ("river", "park", "school-yard"); KeyError where there is none."""
        return {g.id: g for g in self.grounds}[identity]

    def nearest_node(self, x: float, y: float) -> XY:
        """The node of the footways nearest to a point in metres."""
        return min(self.nodes, key=lambda n: (n[0] - x) ** 2 + (n[1] - y) ** 2)


class _Properties(TypedDict, total=False):
    id: str
    kind: str
    name: str
    name_ko: str
    use: str
    width_m: float
    height_m: float
    sidewalk: str


class _Feature(TypedDict):
    properties: _Properties
    geometry: dict[str, object]


def read(path: Path = PATH) -> District:
    """The map in `path`. MapError where a feature has no kind that we know."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    plane = ExactPlane(*whole["origin"])
    features: list[_Feature] = whole["features"]
    shapes = _shapes(features, plane)
    pairs = [(f["properties"], shape) for f, shape in zip(features, shapes, strict=True)]
    known = {"street", "building", "shelter", "fence", *WAYS, *GROUNDS, *PLACES}
    for p, _ in pairs:
        if p.get("kind") not in known:
            raise MapError(
                f"{path.name}: feature {p.get('id')!r} has the kind {p.get('kind')!r}, which is none of {sorted(known)}"
            )

    def of(*kinds: str) -> list[tuple[_Properties, shapely.Geometry]]:
        return [(p, s) for p, s in pairs if p["kind"] in kinds]

    def names(p: _Properties) -> tuple[str, str]:
        return p.get("name", ""), p.get("name_ko", "")

    return District(
        plane=plane,
        streets=tuple(Street(p["id"], *names(p), p["width_m"], s, p["sidewalk"]) for p, s in of("street")),
        ways=tuple(Way(p["id"], _way_kind(p["kind"]), s) for p, s in of(*WAYS)),
        buildings=tuple(
            Building(
                p["id"],
                "shelter" if p["kind"] == "shelter" else "building",
                p.get("use", ""),
                *names(p),
                p["height_m"],
                s,
            )
            for p, s in of("building", "shelter")
        ),
        grounds=tuple(Ground(p["id"], p["kind"], *names(p), s) for p, s in of(*GROUNDS)),
        places=tuple(Place(p["id"], p["kind"], *names(p), s) for p, s in of(*PLACES)),
        fences=tuple(Fence(p["id"], s) for p, s in of("fence")),
    )


def _shapes(features: Sequence[_Feature], plane: ExactPlane) -> list[shapely.Geometry]:
    lonlat = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
    metres = shapely.transform(lonlat, plane.to_metres)
    return list(shapely.transform(metres, lambda c: c.round(3)))


def _way_kind(kind: str) -> Literal["sidewalk", "crossing", "path"]:
    return "crossing" if kind == "crossing" else "path" if kind == "path" else "sidewalk"
