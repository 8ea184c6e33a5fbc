"""Metres on the ground of the sample district, and degrees on the globe.

The plane is an azimuthal equidistant projection around the district's origin (PROJ `aeqd` on the WGS84 ellipsoid):
x metres east, y metres north. Over a kilometre its scale is true to well under a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Transformer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ORIGIN_LON = 126.9227
ORIGIN_LAT = 37.6186


@dataclass(frozen=True)
class ExactPlane:
    """A flat metre grid, x east and y north, around one point of the globe."""

    lon: float = ORIGIN_LON
    lat: float = ORIGIN_LAT

    @cached_property
    def _to_metres(self) -> Transformer:
        return Transformer.from_crs(
            "EPSG:4326", f"+proj=aeqd +lat_0={self.lat} +lon_0={self.lon} +datum=WGS84 +units=m", always_xy=True
        )

    def to_metres(self, lonlat: ArrayLike) -> NDArray[np.float64]:
        """`(..., 2)` of lon, lat in degrees → `(..., 2)` of x, y in metres."""
        points = np.asarray(lonlat, float)
        x, y = self._to_metres.transform(points[..., 0], points[..., 1])
        return np.stack([x, y], axis=-1)

    def to_lonlat(self, metres: ArrayLike) -> NDArray[np.float64]:
        """`(..., 2)` of x, y in metres → `(..., 2)` of lon, lat in degrees."""
        points = np.asarray(metres, float)
        lon, lat = self._to_metres.transform(points[..., 0], points[..., 1], direction="INVERSE")
        return np.stack([lon, lat], axis=-1)

    def shape_to_lonlat(self, shape: shapely.Geometry) -> shapely.Geometry:
        """The same geometry, its coordinates in degrees, lon before lat."""
        return shapely.transform(shape, self.to_lonlat)
