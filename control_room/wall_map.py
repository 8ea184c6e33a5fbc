"""The district's base map as the browser gets it: compressed once, and asked for places in words."""

import gzip
import hashlib
import json

import msgspec

from haechi.base_map import read_base_map
from haechi.domain.geo import Point
from haechi.domain.places import Gazetteer

# What the wall draws; the file may hold more (lamps for the renderer, sidewalks for the routes of people).
DRAWN = {"bank", "park", "river", "school_yard", "street", "bridge", "path", "crossing", "building", "shelter"} | {
    "fence",
    "gate",
    "bus_stop",
    "tree",
}


class WallMap(msgspec.Struct, frozen=True):
    """`body` is gzipped JSON for the browser."""

    gazetteer: Gazetteer
    body: bytes
    etag: str

    def where(self, point: Point) -> str:
        """The place in the wall's words; "" where nothing is known."""
        words = self.gazetteer.describe(point)
        return words.en if words else ""


def load_wall_map(file: str | None) -> WallMap:
    """The map of `wall.map`; an empty ground without one. ConfigError names the file and what is wrong with it."""
    base = read_base_map(file)
    drawn = [feature.source for feature in base.features if feature.kind in DRAWN]
    plain = json.dumps({"origin": [base.origin.lon, base.origin.lat], "features": drawn}, ensure_ascii=False)
    body = gzip.compress(plain.encode(), mtime=0)
    return WallMap(base.gazetteer(), body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
