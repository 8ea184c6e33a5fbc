"""The district's base map, `wall.map`: one reader for the wall, the guardian's page and the places in words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import shapely
from shapely.geometry.base import BaseGeometry

from haechi.domain.geo import Point
from haechi.domain.places import Gazetteer, NamedPlace
from haechi.errors import ConfigError


class Feature(msgspec.Struct, frozen=True):
    """A thing of the map: `shape` in degrees, `source` as it stands in the file, for whoever sends it on."""

    kind: str
    name: str
    name_ko: str
    use: str
    width_m: float | None
    shape: BaseGeometry
    source: Mapping[str, Any]


class BaseMap(msgspec.Struct, frozen=True):
    """All of the map; `origin` is where its plane of metres touches the earth."""

    origin: Point
    features: tuple[Feature, ...] = ()

    def gazetteer(self) -> Gazetteer:
        """Its named places."""
        return Gazetteer(
            [NamedPlace(f.kind, f.name, f.name_ko, f.shape, f.use, f.width_m) for f in self.features if f.name],
            self.origin,
        )


def read_base_map(file: str | None) -> BaseMap:
    """The map of `wall.map`; an empty ground without one. ConfigError names the file and what is wrong with it."""
    if file is None:
        return BaseMap(Point(0, 0))
    try:
        collection = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"wall.map: {file} cannot be read ({error.strerror}); name a GeoJSON file.") from error
    except ValueError as error:
        raise ConfigError(f"wall.map: {file} is not JSON: {error}") from error
    found = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(found, list):
        raise ConfigError(f"wall.map: {file} must be a GeoJSON FeatureCollection (RFC 7946).")
    features = tuple(_feature(file, number, source) for number, source in enumerate(found))
    return BaseMap(_origin(collection.get("origin"), features), features)


def _feature(file: str, number: int, source: Any) -> Feature:  # whatever stands in the file
    properties = (source.get("properties") or {}) if isinstance(source, dict) else {}
    if "kind" not in properties or not source.get("geometry"):
        raise ConfigError(f"wall.map: {file}, feature {number}: needs a geometry and a property 'kind'.")
    try:
        shape = shapely.from_geojson(json.dumps(source["geometry"]))
    except shapely.errors.ShapelyError as error:
        raise ConfigError(f"wall.map: {file}, feature {number}: its geometry is no GeoJSON: {error}") from error
    width = properties.get("width_m")
    return Feature(
        kind=str(properties["kind"]),
        name=str(properties.get("name") or ""),
        name_ko=str(properties.get("name_ko") or ""),
        use=str(properties.get("use") or ""),
        width_m=float(width) if isinstance(width, int | float) else None,
        shape=shape,
        source=source,
    )


def _origin(given: object, features: tuple[Feature, ...]) -> Point:
    if isinstance(given, list) and len(given) >= 2:
        return Point(float(given[0]), float(given[1]))
    if not features:
        return Point(0, 0)
    west, south, east, north = shapely.total_bounds([feature.shape for feature in features])
    return Point(float(west + east) / 2, float(south + north) / 2)
