"""Metres around a district, checked against the geodesic."""

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.geo import Circle, LocalPlane, Point, Polygon, distance_m

SEOUL = Point(126.9227, 37.6186)
GEOD = pyproj.Geod(ellps="WGS84")
near = st.floats(-0.1, 0.1)


@given(near, near)
def test_distances_within_ten_kilometres_are_the_geodesics_within_half_a_percent(east: float, north: float) -> None:
    there = Point(SEOUL.lon + east, SEOUL.lat + north)
    *_, exact = GEOD.inv(SEOUL.lon, SEOUL.lat, there.lon, there.lat)
    x, y = LocalPlane(SEOUL).to_metres(np.array([there.lon]), np.array([there.lat]))
    assert np.hypot(x, y)[0] == pytest.approx(exact, rel=5e-3, abs=0.01)
    assert distance_m(SEOUL, there) == pytest.approx(exact, rel=5e-3, abs=0.01)


@given(st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))
def test_metres_and_degrees_are_each_others_inverse(x: float, y: float) -> None:
    plane = LocalPlane(SEOUL)
    back = plane.to_metres(*plane.to_degrees(np.array([x]), np.array([y])))
    assert back[0][0] == pytest.approx(x, abs=1e-3)
    assert back[1][0] == pytest.approx(y, abs=1e-3)


def test_longitude_is_x_and_latitude_is_y() -> None:
    x, y = LocalPlane(SEOUL).to_metres(np.array([SEOUL.lon + 0.001]), np.array([SEOUL.lat]))
    assert (round(x[0]), round(y[0])) == (88, 0)


def test_a_circle_has_its_radius_in_metres() -> None:
    shape = LocalPlane(SEOUL).shape(Circle(SEOUL, 100))
    assert shape.area == pytest.approx(np.pi * 100**2, rel=0.01)


def test_a_hole_is_not_inside() -> None:
    def square(half: float) -> tuple[Point, ...]:
        d = half / 111_320
        return tuple(
            Point(SEOUL.lon + a * d, SEOUL.lat + b * d) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        )

    shape = LocalPlane(SEOUL).shape(Polygon((square(100), square(50))))
    assert not shape.contains(LocalPlane(SEOUL).shape(Circle(SEOUL, 1)))
