"""Distances by arithmetic are those of shapely."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions.edges import Edges
from haechi.domain.geo import Area, Circle, Corridor, LocalPlane, Point, Polygon
from tests.analytics.positions.build import HOME, PLANE


def points(xy: list[tuple[float, float]]) -> tuple[Point, ...]:
    lon, lat = PLANE.to_degrees(np.array([x for x, _ in xy], float), np.array([y for _, y in xy], float))
    return tuple(Point(float(a), float(b)) for a, b in zip(lon, lat, strict=True))


def star(outer: float, inner: float, corners: int) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 2 * corners + 1)[:-1]
    ring = [(r * np.cos(t), r * np.sin(t)) for t, r in zip(turns, [outer, inner] * corners, strict=True)]
    return [*ring, ring[0]]


SQUARE = [(-300, -300), (300, -300), (300, 300), (-300, 300), (-300, -300)]
HOLE = [(-100, -100), (-100, 100), (100, 100), (100, -100), (-100, -100)]
AREAS: list[Area] = [
    Circle(HOME, 120),
    Polygon((points(SQUARE),)),
    Polygon((points(SQUARE), points(HOLE))),
    Polygon((points(star(400, 150, 7)), points(star(90, 40, 5)))),
    Polygon((points(list(reversed(SQUARE))),)),
    Corridor(points([(0, 0), (500, 0), (500, 400), (500, 400), (100, 300)]), 60),
    Corridor(points([(-200, 0), (200, 0)]), 400),
]
coordinate = st.one_of(st.sampled_from([-300.0, -100, 0, 100, 300, 500]), st.floats(-800, 800))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(AREAS) - 1), coordinate, coordinate), min_size=1, max_size=30))
def test_the_distance_is_the_one_of_the_shape_and_negative_inside(places: list[tuple[int, float, float]]) -> None:
    edges = Edges(PLANE, AREAS)
    row, x, y = (np.array(column) for column in zip(*places, strict=True))
    found = edges.distance(row.astype(np.int64), x.astype(float), y.astype(float), np.full(len(row), np.inf))
    shapes = np.array([PLANE.shape(AREAS[i]) for i in row], dtype=object)
    spots = shapely.points(x, y)
    inside = shapely.distance(shapes, spots) == 0
    exact = np.where(inside, -1, 1) * shapely.distance(shapely.boundary(shapes), spots)
    assert np.allclose(found, exact, atol=0.8)  # shapely's round corners have 16 sides a quarter
    surely = np.abs(exact) > 0.8
    assert ((found < 0) == inside)[surely].all()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(AREAS) - 1), coordinate, coordinate), min_size=1), st.floats(0, 300))
def test_it_is_exact_as_far_as_asked_and_never_more_than_the_truth_beyond(
    places: list[tuple[int, float, float]], near: float
) -> None:
    row, x, y = (np.array(column) for column in zip(*places, strict=True))
    edges, everywhere = Edges(PLANE, AREAS), np.full(len(row), np.inf)
    found, exact = (edges.distance(row, x, y, asked) for asked in (np.full(len(row), near), everywhere))
    assert (found[exact <= near] == exact[exact <= near]).all()
    assert (found[exact > near] > near).all()
    assert (found <= exact + 1e-6).all()


def test_it_is_known_from_afar_how_far_it_is_wherever_in_the_plane_the_area_lies() -> None:
    places = points([(4000, 0), (0, -4000), (-3000, 3000)])
    for middle in (HOME, Point(HOME.lon + 0.4, HOME.lat)):
        plane = LocalPlane(middle)
        x, y = plane.to_metres(np.array([p.lon for p in places]), np.array([p.lat for p in places]))
        for row in range(len(AREAS)):
            rows, edges = np.full(len(places), row), Edges(plane, AREAS)
            found, exact = (edges.distance(rows, x, y, np.full(len(places), near)) for near in (0, np.inf))
            assert (found > 0.8 * exact).all(), "or it would be asked of each of its segments"


def test_reach_is_about_the_radius_inside() -> None:
    reach = Edges(PLANE, AREAS).reach
    assert np.allclose(reach[[0, 1, 5]], [120, 300, 60], rtol=0.01)
