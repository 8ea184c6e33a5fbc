"""Distances by arithmetic are those of shapely."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions.edges import Edges
from haechi.domain.geo import Area, Circle, Corridor, Point, Polygon
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


def test_beyond_what_is_near_only_the_side_is_right() -> None:
    edges = Edges(PLANE, AREAS)
    row = np.arange(len(AREAS))
    far = np.full(len(AREAS), 5000.0)
    found = edges.distance(row, far, far, np.full(len(AREAS), 50.0))
    exact = edges.distance(row, far, far, np.full(len(AREAS), np.inf))
    assert ((found > 50) & (found <= exact + 1e-6)).all()


def test_reach_is_about_the_radius_inside() -> None:
    reach = Edges(PLANE, AREAS).reach
    assert np.allclose(reach[[0, 1, 5]], [120, 300, 60], rtol=0.01)
