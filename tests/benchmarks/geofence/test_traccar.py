"""Traccar's rule does what Traccar's own tests and documentation say."""

import numpy as np
import pytest
from shapely import Polygon

from benchmarks.geofence.days import Area, Circle
from benchmarks.geofence.traccar import PUBLISHED, Settings, Traccar
from sample_feeds.district.plane import ExactPlane
from tests.benchmarks.geofence.build import NONE, fixes, minutes

ZONE = (Circle(0, 0, 100),)
OFF = Settings("off")


def leaves(settings: Settings, *rows: tuple[float, ...], every_s: int = 60) -> list[float]:
    return minutes(Traccar(settings).leaves(ZONE, fixes(*rows, every_s=every_s)))


def test_outside_inside_inside_outside_inside_is_one_exit() -> None:
    """GeofenceEventHandlerTest.testOrderVisitOnEntryAndReentry: five events, of which two visits, two enters, one exit."""
    assert leaves(OFF, (1280,), (0,), (0,), (1280,), (0,)) == [3]


def test_the_circle_of_its_test_contains_what_it_contains() -> None:
    """GeofenceCircleTest.testContainsCircle."""
    plane = ExactPlane(37.6204, 55.75414)
    x, y = plane.to_metres([(37.62025, 55.75477), (37.61921, 55.75545)]).T
    assert (Circle(0, 0, 100).beyond(x, y) == 0).tolist() == [True, False]


def test_the_polygon_of_its_test_contains_what_it_contains() -> None:
    """GeofencePolygonTest.testContainsPolygon."""
    plane = ExactPlane(37.62, 55.754)
    corners = [(37.61823, 55.75474), (37.61888, 55.75513), (37.6222, 55.7535), (37.62165, 55.75315)]
    x, y = plane.to_metres([(37.61915, 55.75476), (37.61921, 55.75545)]).T
    assert (Area(Polygon(plane.to_metres(corners))).beyond(x, y) == 0).tolist() == [True, False]


def test_a_position_passes_that_no_filter_of_its_test_is_against() -> None:
    """FilterHandlerTest.testFilter: valid, now, 10 knots, no position before it."""
    every = next(s for s in PUBLISHED if s.name == "every filter")
    assert leaves(every, (0, 5, 5.1), (150, 5, 5.1)) == [1]


@pytest.mark.parametrize(("accuracy", "expected"), [(40, [1.0]), (40.1, []), (NONE, [1.0])])
def test_an_accuracy_of_more_than_forty_metres_is_filtered(accuracy: float, expected: list[float]) -> None:
    """traccar.org/forums/topic/filter-approximate-and-accuracy: with 40, more than 40 m is filtered out: yes."""
    assert leaves(Settings("", accuracy=40), (0,), (300, accuracy)) == expected


def test_exactly_zero_speed_is_static_and_so_is_none() -> None:
    """traccar.org/configuration-file, filter.static."""
    static = Settings("", static=True)
    assert leaves(static, (0,), (300, 5, 0), (300, 5, NONE)) == []
    assert leaves(static, (0,), (300, 5, 0.01)) == [1]


def test_a_position_closer_than_the_distance_to_the_last_is_filtered() -> None:
    """traccar.org/configuration-file, filter.distance; the last is the last that passed."""
    assert leaves(Settings("", distance=40), (90,), (120,), (129,)) == []
    assert leaves(Settings("", distance=40), (90,), (120,), (130,)) == [2]


def test_a_jump_faster_than_the_limit_is_filtered_until_time_has_passed() -> None:
    """traccar.org/configuration-file, filter.maxSpeed, in knots, from the distance and the time to the last."""
    rows = [(0.0,), (1000.0,), (1000.0,), (1000.0,)]
    assert leaves(Settings("", max_speed=20), *rows) == [2]  # 1 km in one minute is 32 knots, in two 16
    assert leaves(Settings("", max_speed=33), *rows) == [1]


def test_after_the_skip_limit_distance_and_static_filter_no_more_but_accuracy_does() -> None:
    """traccar.org/configuration-file, filter.skipLimit; FilterHandler asks it for duplicate, static and distance only."""
    keys = Settings("", static=True, distance=500, accuracy=40, skip_limit=100)
    assert leaves(keys, (0,), (300, 5, 0), (300, 5, 0)) == [2]
    assert leaves(keys, (0,), (300, 50, 0), (300, 50, 0)) == []


def test_a_position_that_never_arrived_changes_nothing() -> None:
    assert leaves(OFF, (0,), (NONE,), (0,), (150,)) == [3]


def test_the_first_position_is_no_exit() -> None:
    assert leaves(OFF, (150,), (160,)) == []


def test_devices_do_not_meet() -> None:
    both = fixes((0,), (150,), (0,))
    two = type(both)(*(np.repeat(getattr(both, name), 2, axis=0) for name in type(both).__dataclass_fields__))
    two.x[1] = 0
    alerts = Traccar(OFF).leaves(ZONE * 2, two)
    assert (alerts.device.tolist(), minutes(alerts)) == ([0], [1])
