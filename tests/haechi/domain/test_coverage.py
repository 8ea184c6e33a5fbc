"""Which cameras can see a spot: the cases of `haechi.domain.coverage`, one each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.coverage import AT_MOST, CameraSite, Coverage
from haechi.domain.geo import LocalPlane, Point
from haechi.domain.video import CameraView

SPOT = Point(127.0, 37.5)
NORTH = CameraView(heading=0, width=60, reach_m=80)


def site(x: float, y: float, view: CameraView | None = None, name: str = "c", district: str = "haneul") -> CameraSite:
    """A camera x metres east and y north of the spot."""
    lon, lat = LocalPlane(SPOT).to_degrees(np.array([x]), np.array([y]))
    return CameraSite(name, district, name, Point(float(lon[0]), float(lat[0])), view)


@pytest.mark.parametrize(
    ("camera", "accuracy", "sees"),
    [
        (site(0, -40, NORTH), 5, "sees"),
        (site(0, -40, NORTH), 15, "sees"),
        (site(0, -40, NORTH), 25, "may see"),
        (site(0, -40, NORTH), None, "may see"),
        (site(0, -78, NORTH), 5, "may see"),
        (site(0, -90, NORTH), 5, None),
        (site(0, 40, NORTH), 5, None),
        (site(0, 3, NORTH), 5, "may see"),
        (site(40, 0, NORTH), 5, None),
        (site(40, 0, CameraView(270, 60, 80)), 5, "sees"),
        (site(-15, -40, CameraView(350, 60, 80)), 2, "may see"),
        (site(10, -40, CameraView(350, 60, 80)), 2, "sees"),
        (site(0, 40, CameraView(10, 360, 80)), 5, "sees"),
        (site(0, -50), 5, "may see"),
        (site(0, -64), 5, "may see"),
        (site(0, -70), 5, None),
        (site(0, -40, NORTH, district="bada"), 5, None),
    ],
)
def test_a_camera_sees_a_spot_by_the_table(camera: CameraSite, accuracy: float | None, sees: str | None) -> None:
    found = Coverage([camera]).watchers(SPOT, accuracy, "haneul")
    assert [watcher.sees for watcher in found] == ([sees] if sees else [])


def test_who_sees_comes_first_then_who_may_and_the_nearest_first() -> None:
    sites = [site(0, -50, name="near"), site(0, -60, NORTH, "far"), site(0, -30, NORTH, "close")]
    found = Coverage(sites).watchers(SPOT, 5, "haneul")
    assert [(watcher.name, watcher.metres) for watcher in found] == [("close", 30), ("far", 60), ("near", 50)]


def test_without_cameras_nobody_sees() -> None:
    assert Coverage([]).watchers(SPOT, 5, "haneul") == ()


@given(
    st.lists(st.tuples(st.floats(-200, 200), st.floats(-200, 200), st.floats(0, 359.9)), max_size=30),
    st.floats(0, 300),
)
def test_a_better_fix_never_makes_a_sure_view_unsure(
    cameras: list[tuple[float, float, float]], accuracy: float
) -> None:
    coverage = Coverage([site(x, y, CameraView(heading, 90, 100), str(n)) for n, (x, y, heading) in enumerate(cameras)])
    sure = {w.id for w in coverage.watchers(SPOT, accuracy, "haneul") if w.sees == "sees"}
    better = coverage.watchers(SPOT, accuracy / 2, "haneul")
    assert len(better) <= AT_MOST
    assert sure <= {w.id for w in better if w.sees == "sees"} or len(better) == AT_MOST
