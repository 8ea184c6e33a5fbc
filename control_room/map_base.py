"""The district's base map: a GeoJSON file, read once, sent compressed, and asked for places."""

import gzip
import hashlib
import json
from pathlib import Path

import msgspec

from control_room.map_places import Places
from haechi.domain.geo import Point
from haechi.errors import ConfigError

# What the wall draws; the file may hold more (lamps for the renderer, sidewalks for the routes of people).
DRAWN = {"bank", "park", "river", "school_yard", "street", "bridge", "path", "crossing", "building", "shelter"} | {
    "fence",
    "gate",
    "bus_stop",
    "tree",
}


class BaseMap(msgspec.Struct, frozen=True):
    """`body` is gzipped JSON for the browser."""

    places: Places
    body: bytes
    etag: str


def load_base_map(file: str | None) -> BaseMap:
    """The map of `wall.map`; an empty ground without one. ConfigError names the file and what is wrong with it."""
    collection: dict[str, object] = {"type": "FeatureCollection", "features": []}
    if file is not None:
        collection = _read(Path(file))
    features = collection["features"]
    assert isinstance(features, list)  # _read made sure
    drawn = [f for f in features if f["properties"]["kind"] in DRAWN]
    origin = collection.get("origin") or [0, 0]
    assert isinstance(origin, list)
    body = gzip.compress(json.dumps({"origin": origin, "features": drawn}, ensure_ascii=False).encode(), mtime=0)
    return BaseMap(Places(features, Point(*origin)), body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _read(file: Path) -> dict[str, object]:
    collection: dict[str, object]
    try:
        collection = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"wall.map: {file} cannot be read ({error.strerror}); name a GeoJSON file.") from error
    except ValueError as error:
        raise ConfigError(f"wall.map: {file} is not JSON: {error}") from error
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise ConfigError(f"wall.map: {file} must be a GeoJSON FeatureCollection (RFC 7946).")
    for number, feature in enumerate(features):
        if "kind" not in (feature.get("properties") or {}) or not feature.get("geometry"):
            raise ConfigError(f"wall.map: {file}, feature {number}: needs a geometry and a property 'kind'.")
    if "origin" not in collection:
        collection["origin"] = _first_position(features)
    return collection


def _first_position(features: list[dict[str, dict[str, object]]]) -> list[float]:
    position: object = features[0]["geometry"]["coordinates"] if features else [0.0, 0.0]
    while isinstance(position, list) and isinstance(position[0], list):
        position = position[0]
    assert isinstance(position, list)
    return position[:2]
