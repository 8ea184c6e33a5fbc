"""The district's map: drawn by us, the same every time, and walkable."""

import json
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from sample_feeds.district import draw
from sample_feeds.district import map as maps
from sample_feeds.district.plane import ExactPlane


@pytest.fixture(scope="module")
def district() -> maps.District:
    return maps.read()


def test_drawing_the_plan_again_gives_the_same_bytes() -> None:
    assert draw.geojson(draw.draw(), ExactPlane()) == maps.PATH.read_text(encoding="utf-8")


def test_every_feature_has_an_id_and_a_kind_and_lies_around_the_origin() -> None:
    features = json.loads(maps.PATH.read_text(encoding="utf-8"))["features"]
    ids = [f["properties"]["id"] for f in features]
    assert len(set(ids)) == len(ids)
    assert all(f["properties"]["kind"] for f in features)
    lonlat = shapely.get_coordinates(shapely.from_geojson([json.dumps(f["geometry"]) for f in features]))
    assert np.abs(lonlat - [126.9227, 37.6186]).max() < 0.006


def test_the_district_has_what_its_stories_need(district: maps.District) -> None:
    assert len(district.buildings) > 60
    assert {g.kind for g in district.grounds} == {"river", "bank", "park", "school_yard", "bridge"}
    assert sum(b.kind == "shelter" for b in district.buildings) == 2
    assert {"school", "clinic", "library", "fire-station", "police-box", "kiosk"} <= {b.id for b in district.buildings}
    assert all(s.name and s.name_ko and s.width_m > 3 for s in district.streets)
    assert all(b.height_m > 2 for b in district.buildings)


def test_one_can_walk_from_every_way_to_every_other(district: maps.District) -> None:
    start = next(iter(district.nodes))
    seen, open_ = {start}, [start]
    while open_:
        for way in district.nodes[open_.pop()]:
            for node in (way.start, way.end):
                if node not in seen:
                    seen.add(node)
                    open_.append(node)
    assert seen == set(district.nodes)


def test_no_footway_runs_through_a_house(district: maps.District) -> None:
    houses = shapely.union_all([b.shape for b in district.buildings])
    assert [w.id for w in district.ways if w.line.intersects(houses)] == []


def test_footways_meet_the_river_on_bridges_only(district: maps.District) -> None:
    bridges = shapely.union_all([g.shape for g in district.grounds if g.kind == "bridge"])
    wet = district.ground("river").shape.difference(bridges.buffer(0.2))
    assert [w.id for w in district.ways if w.line.intersection(wet).length > 0.01] == []


def test_houses_stand_apart_from_streets_water_and_each_other(district: maps.District) -> None:
    shapes = [b.shape for b in district.buildings]
    streets = shapely.union_all([s.line.buffer(s.width_m / 2) for s in district.streets])
    assert not any(s.intersects(streets) or s.intersects(district.ground("river").shape) for s in shapes)
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="intersects")
    assert (left == right).all()


def test_the_yard_is_fenced_and_the_gate_is_its_only_door(district: maps.District) -> None:
    gate = next(p.at for p in district.places if p.kind == "gate")
    fence = shapely.union_all([f.line for f in district.fences])
    round_ = district.ground("school-yard").shape.exterior
    assert 4 < round_.length - fence.length < 8
    assert round_.difference(fence.buffer(0.1)).distance(gate) < 1
    assert district.nodes[(gate.x, gate.y)], "the gate is a node of the footways"


def test_ways_have_no_ends_that_nearly_meet(district: maps.District) -> None:
    nodes = np.array(sorted(district.nodes))
    left, right = shapely.STRtree(shapely.points(nodes)).query(shapely.points(nodes), predicate="dwithin", distance=0.3)
    assert (left == right).all()


def test_an_unknown_kind_is_named(tmp_path) -> None:
    path = tmp_path / "map.geojson"
    path.write_text(maps.PATH.read_text(encoding="utf-8").replace('"kind":"river"', '"kind":"lava"'), encoding="utf-8")
    with pytest.raises(maps.MapError, match="'river' has the kind 'lava'"):
        maps.read(path)


@given(st.lists(st.tuples(st.floats(-600, 600), st.floats(-600, 600)), min_size=2, max_size=5))
def test_the_plane_keeps_distances(points: list[tuple[float, float]]) -> None:
    from pyproj import Geod

    plane, metres = ExactPlane(), np.array(points)
    assert np.allclose(plane.to_metres(plane.to_lonlat(metres)), metres, atol=1e-3)
    for a, b in pairwise(metres):
        (alon, alat), (blon, blat) = plane.to_lonlat(a), plane.to_lonlat(b)
        assert Geod(ellps="WGS84").inv(alon, alat, blon, blat)[2] == pytest.approx(np.hypot(*(b - a)), abs=1e-3)
