"""Places on the earth: WGS84 points, zones, and the flat metres around a district in which distances are measured."""

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray
from shapely import LineString
from shapely import Point as ShapelyPoint
from shapely import Polygon as ShapelyPolygon
from shapely.geometry.base import BaseGeometry

Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]

METRES_PER_DEGREE = 111_320.0
UNKNOWN_ACCURACY_M = 30.0
"""What a fix without accuracy is taken to be wrong by: a phone's in a street."""
_CIRCLE_QUADRANT = 16


class Point(msgspec.Struct, frozen=True):
    """A place, WGS84 degrees. In GeoJSON and in lists the order is [lon, lat] (RFC 7946)."""

    lon: Longitude
    lat: Latitude


class Polygon(msgspec.Struct, frozen=True, tag="Polygon"):
    """An area; `rings[0]` is the outside, further rings are holes. Each ring is closed (first point = last)."""

    rings: tuple[tuple[Point, ...], ...]


class Circle(msgspec.Struct, frozen=True, tag="Circle"):
    """All that is within `radius_m` metres of the centre."""

    centre: Point
    radius_m: Annotated[float, msgspec.Meta(gt=0, le=100_000)]


class Corridor(msgspec.Struct, frozen=True, tag="Corridor"):
    """All that is within half of `width_m` metres of a line: the way to school."""

    line: tuple[Point, ...]
    width_m: Annotated[float, msgspec.Meta(gt=0, le=10_000)]


Area = Polygon | Circle | Corridor


class LocalPlane(msgspec.Struct, frozen=True):
    """Flat metres around an origin (equirectangular): x east, y north.

    Within 20 km of the origin at Seoul's latitude a distance is wrong by less than 0.3 %, far below what a position
    fix knows of itself.
    """

    origin: Point

    def to_metres(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) degrees to (n,) metres east and north of the origin."""
        k = math.cos(math.radians(self.origin.lat))
        return (lon - self.origin.lon) * METRES_PER_DEGREE * k, (lat - self.origin.lat) * METRES_PER_DEGREE

    def to_degrees(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) metres back to (n,) longitudes and latitudes."""
        k = math.cos(math.radians(self.origin.lat))
        return self.origin.lon + x / (METRES_PER_DEGREE * k), self.origin.lat + y / METRES_PER_DEGREE

    def shape(self, area: Area) -> BaseGeometry:
        """The area as a shapely geometry in metres of this plane."""
        if isinstance(area, Circle):
            x, y = self.to_metres(np.array([area.centre.lon]), np.array([area.centre.lat]))
            return ShapelyPoint(x[0], y[0]).buffer(area.radius_m, quad_segs=_CIRCLE_QUADRANT)
        if isinstance(area, Corridor):
            return LineString(self._metres(area.line)).buffer(area.width_m / 2, quad_segs=_CIRCLE_QUADRANT)
        rings = [self._metres(ring) for ring in area.rings]
        return ShapelyPolygon(rings[0], rings[1:])

    def _metres(self, points: Sequence[Point]) -> NDArray[np.float64]:
        return np.column_stack(self.to_metres(np.array([p.lon for p in points]), np.array([p.lat for p in points])))


def outline(area: Polygon | Corridor) -> tuple[tuple[Point, ...], ...]:
    """The rings to draw: a polygon's own, a corridor's edge."""
    if isinstance(area, Polygon):
        return area.rings
    plane = LocalPlane(area.line[0])
    x, y = np.array(plane.shape(area).exterior.coords).T
    lon, lat = plane.to_degrees(x, y)
    return (tuple(Point(*place) for place in zip(lon.tolist(), lat.tolist(), strict=True)),)


def distance_m(a: Point, b: Point) -> float:
    """Metres between two near points (equirectangular, on the mean latitude)."""
    k = math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot((a.lon - b.lon) * k, a.lat - b.lat) * METRES_PER_DEGREE
