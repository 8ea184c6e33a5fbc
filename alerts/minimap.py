"""A small picture of where it is: the district's own base map around a point, as SVG, without asking any map server."""

from collections.abc import Mapping
from html import escape

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from haechi.base_map import BaseMap, Feature
from haechi.domain.geo import LocalPlane, Point

WIDTH, HEIGHT = 360, 260
_LEAST_REACH_M, _MOST_REACH_M = 130.0, 2000.0

# The kinds of the base map that are drawn, from below: colour, and the width of lines in metres (0: an area).
STYLES: Mapping[str, tuple[str, float]] = {
    "bank": ("#dfe8d2", 0),
    "river": ("#a9cbe3", 0),
    "park": ("#cfe3bd", 0),
    "school_yard": ("#e9dfc3", 0),
    "bridge": ("#f4f2ee", 0),
    "path": ("#f4f2ee", 2),
    "street": ("#ffffff", 8),
    "building": ("#cfcac2", 0),
    "shelter": ("#b9cdb5", 0),
}
_LAYERS = tuple(STYLES)


class Drawn(msgspec.Struct, frozen=True):
    """A thing of the base map; its geometry in metres around the map's origin."""

    kind: str
    shape: BaseGeometry
    name: str
    name_ko: str
    width_m: float

    def called(self, language: str) -> str:
        """Its name in the reader's language."""
        return (self.name_ko if language.startswith("ko") else self.name) or self.name


class MapSheet:
    """The base map, or an empty one."""

    def __init__(self, base: BaseMap) -> None:
        self._plane = LocalPlane(base.origin)
        self._features = [_drawn(feature, self._plane) for feature in base.features if feature.kind in STYLES]
        self._tree = shapely.STRtree([feature.shape for feature in self._features])

    def draw(self, point: Point, accuracy_m: float | None, language: str) -> str:
        """SVG: the surroundings, the circle of the fix's accuracy, a pin, and a bar of known length."""
        reach = min(max(_LEAST_REACH_M, 2.5 * (accuracy_m or 0)), _MOST_REACH_M)
        k = WIDTH / (2 * reach)
        x, y = self._metres(point)
        drawn = [_path(f, x, y, k, reach) for f in self._around(point, reach)]
        bar_m = next(m for m in (1000, 500, 200, 100, 50) if m <= reach * 0.8)
        words = f"{point.lat:.5f}, {point.lon:.5f}"
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}" xmlns="http://www.w3.org/2000/svg">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ecebe6"/>{"".join(drawn)}'
            f"{''.join(self._labels(point, language, k, reach))}"
            + (_circle((accuracy_m or 0) * k, "#1f5fbf", 0.15) if accuracy_m else "")
            + _circle(9, "#fff", 1)
            + _circle(6.5, "#c4161c", 1)
            + f'<path d="M12 {HEIGHT - 14}h{bar_m * k:.0f}" stroke="#222" stroke-width="3"/>'
            f'<text x="12" y="{HEIGHT - 20}" font-size="12" fill="#222">{bar_m} m</text></svg>'
        )

    def _metres(self, point: Point) -> tuple[float, float]:
        x, y = self._plane.to_metres(np.array([point.lon]), np.array([point.lat]))
        return float(x[0]), float(y[0])

    def _around(self, point: Point, reach: float) -> list[Drawn]:
        if not self._features:
            return []
        x, y = self._metres(point)
        found = [self._features[i] for i in self._tree.query(shapely.box(x - reach, y - reach, x + reach, y + reach))]
        return sorted(found, key=lambda feature: _LAYERS.index(feature.kind))

    def _labels(self, point: Point, language: str, k: float, reach: float) -> list[str]:
        x, y = self._metres(point)
        view = shapely.box(x - reach * 0.8, y - reach * 0.5, x + reach * 0.8, y + reach * 0.5)
        labels: dict[str, str] = {}
        for feature in self._around(point, reach):
            if feature.name and len(labels) < 7 and feature.shape.intersects(view):
                at = feature.shape.intersection(view).representative_point()
                px, py = WIDTH / 2 + (at.x - x) * k, HEIGHT / 2 - (at.y - y) * k
                name = feature.called(language)
                labels.setdefault(
                    name,
                    f'<text x="{px:.0f}" y="{py:.0f}" font-size="10" fill="#444" stroke="#fff" stroke-width="3" '
                    f'paint-order="stroke" text-anchor="middle">{escape(name)}</text>',
                )
        return list(labels.values())


def _drawn(feature: Feature, plane: LocalPlane) -> Drawn:
    width = STYLES[feature.kind][1] if feature.width_m is None else feature.width_m
    return Drawn(feature.kind, _in_metres(feature.shape, plane), feature.name, feature.name_ko, width)


def _in_metres(shape: BaseGeometry, plane: LocalPlane) -> BaseGeometry:
    def convert(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(plane.to_metres(coordinates[:, 0], coordinates[:, 1]))

    moved: BaseGeometry = shapely.transform(shape, convert)
    return moved


def _path(feature: Drawn, x: float, y: float, k: float, reach: float) -> str:
    clipped = shapely.clip_by_rect(feature.shape, x - reach, y - reach, x + reach, y + reach).simplify(reach / 300)
    colour, line = STYLES[feature.kind]
    parts = []
    for part in shapely.get_parts(clipped):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for ring in rings:
            if ring.geom_type not in ("LineString", "LinearRing"):
                continue
            points = " ".join(
                f"{WIDTH / 2 + (px - x) * k:.0f},{HEIGHT / 2 - (py - y) * k:.0f}" for px, py in ring.coords
            )
            parts.append(f"M{points}{'' if line else 'z'}")
    if not parts:
        return ""
    if line:
        width = max((feature.width_m or line) * k, 1)
        return f'<path d="{"".join(parts)}" fill="none" stroke="{colour}" stroke-width="{width:.0f}"/>'
    return f'<path d="{"".join(parts)}" fill="{colour}"/>'


def _circle(radius: float, colour: str, opacity: float) -> str:
    return f'<circle cx="{WIDTH / 2:.0f}" cy="{HEIGHT / 2:.0f}" r="{radius:.1f}" fill="{colour}" fill-opacity="{opacity}"/>'
