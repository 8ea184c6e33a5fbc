"""The ground plan of the rendered corner: shapes of the district's map, cut and sorted for the renderer, as plain JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shapely
from shapely import LineString, Polygon

from sample_feeds.district.map import District

WINDOW = (-250.0, -345.0, 190.0, 150.0)
KERB_M = 3.2


def plan(district: District) -> dict[str, object]:
    """Layers of polygons (`[outside, hole, …]`, each a list of x, y), lines and points, in metres."""
    window = shapely.box(*WINDOW)
    water = district.ground("river").shape
    yard = district.ground("school-yard").shape
    bridges = shapely.union_all([g.shape for g in district.grounds if g.kind == "bridge"])
    asphalt = shapely.union_all([s.line.buffer(s.width_m / 2, cap_style="flat") for s in district.streets])
    asphalt = asphalt.buffer(3).buffer(-3)
    beside = shapely.union_all([s.line.buffer(s.width_m / 2 + KERB_M, cap_style="flat") for s in district.streets])
    pavement = beside.difference(asphalt).difference(water)
    paths = (
        shapely.union_all([w.line.buffer(1.5) for w in district.ways if w.kind == "path"])
        .difference(asphalt)
        .difference(pavement)
    )
    park = shapely.union_all([g.shape for g in district.grounds if g.kind in ("park", "bank")])
    grass = park.difference(shapely.union_all([paths, asphalt, pavement, water]))
    soil = window.difference(shapely.union_all([asphalt, pavement, paths, grass, water, yard]))
    near = [b for b in district.buildings if b.shape.intersects(window)]
    return {
        "asphalt": _polygons(asphalt.intersection(window)),
        "pavement": _polygons(pavement.intersection(window)),
        "path": _polygons(paths.intersection(window)),
        "grass": _polygons(grass.intersection(window)),
        "soil": _polygons(soil),
        "yard": _polygons(yard),
        "water": _polygons(water.intersection(window)),
        "bridge": _polygons(bridges.intersection(window)),
        "zebra": [q for w in district.ways if w.kind == "crossing" and w.line.within(window) for q in _zebra(w.line)],
        "lanes": [_line(part) for s in district.streets if s.width_m > 7 for part in _parts(_lane(s.line, district).intersection(window))],
        "buildings": [
            {"id": b.id, "use": b.use, "height": b.height_m, "shape": _polygons(b.shape)[0]} for b in near
        ],
        "fence": [_line(part) for f in district.fences for part in _parts(f.line)],
        "gate": [list(p.at.coords[0]) for p in district.places if p.kind == "gate"],
        "lamps": [list(p.at.coords[0]) for p in district.places if p.kind == "lamp" and p.at.within(window)],
        "trees": [list(p.at.coords[0]) for p in district.places if p.kind == "tree" and p.at.within(window)],
        "bus_stops": [list(p.at.coords[0]) for p in district.places if p.kind == "bus_stop" and p.at.within(window)],
        "bank_path": [_line(p) for p in _parts(water.buffer(5.5).exterior.intersection(window))],
    }  # fmt: skip


def write(path: Path, district: District) -> None:
    """The plan as a file the renderer reads."""
    path.write_text(json.dumps(plan(district)), encoding="utf-8")


def _lane(line: LineString, district: District) -> shapely.Geometry:
    others = [s.line.buffer(s.width_m / 2 + 8) for s in district.streets if s.line != line]
    return line.difference(shapely.union_all(others))


def _zebra(line: LineString) -> list[list[list[float]]]:
    (ax, ay), (bx, by) = line.coords[0], line.coords[-1]
    length = float(np.hypot(bx - ax, by - ay))
    ux, uy = (bx - ax) / length, (by - ay) / length
    quads = []
    for at in np.arange(1.9, length - 2.1, 0.9):
        corners = ((at, -1.6), (at + 0.45, -1.6), (at + 0.45, 1.6), (at, 1.6))
        quads.append([[ax + ux * a - uy * b, ay + uy * a + ux * b] for a, b in corners])
    return quads


def _parts(shape: shapely.Geometry) -> list[LineString]:
    return [p for p in shapely.get_parts(shape) if isinstance(p, LineString) and p.length > 1]


def _line(line: LineString) -> list[list[float]]:
    return [list(c) for c in line.coords]


def _polygons(shape: shapely.Geometry) -> list[list[list[list[float]]]]:
    parts = [p for p in shapely.get_parts(shape.simplify(0.05)) if isinstance(p, Polygon) and p.area > 0.5]
    return [[[list(c) for c in ring.coords[:-1]] for ring in (p.exterior, *p.interiors)] for p in parts]
