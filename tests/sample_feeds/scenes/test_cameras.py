"""A pixel of the ground has a place, and a place has its pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_feeds.district import map as district_map
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.clips import SCORING_CAMERAS


@given(st.sampled_from(CAMERAS), st.floats(0, 1), st.floats(0.55, 1))
def test_the_ground_under_a_pixel_projects_back_to_it(camera, u, v) -> None:
    pixel = np.array([[u * camera.width, v * camera.height]])
    ground = camera.ground(pixel)
    back, depth = camera.project(np.c_[ground, [0.0]])
    assert depth[0] > 0
    assert back == pytest.approx(pixel, abs=1e-6)


@given(st.sampled_from(CAMERAS), st.floats(-60, 60), st.floats(1, 60))
def test_homography_and_projection_agree_on_the_ground(camera, right, ahead) -> None:
    forward = camera.axes[2, :2] / np.hypot(*camera.axes[2, :2])
    x, y = camera.position[:2] + forward * ahead + camera.axes[0, :2] * right
    pixel, _ = camera.project(np.array([[x, y, 0.0]]))
    h = camera.homography @ (x, y, 1)
    assert h[:2] / h[2] == pytest.approx(pixel[0], rel=1e-6, abs=1e-6)


def test_what_is_straight_ahead_is_in_the_middle_and_east_is_right_of_north() -> None:
    camera = CAMERAS[1]
    ahead = camera.position + camera.axes[2] * 20
    assert camera.project(ahead[None])[0][0] == pytest.approx((camera.width / 2, camera.height / 2))
    clockwise = (
        camera.position
        + np.array([np.sin(np.radians(camera.yaw + 10)), np.cos(np.radians(camera.yaw + 10)), -0.3]) * 20
    )
    assert camera.project(clockwise[None])[0][0][0] > camera.width / 2


@pytest.mark.parametrize("camera", [*CAMERAS, *SCORING_CAMERAS], ids=lambda c: c.id)
def test_no_camera_hangs_inside_a_house(camera) -> None:
    from shapely import Point

    assert not any(b.shape.contains(Point(camera.x, camera.y)) for b in district_map.read().buildings)


def test_no_scoring_view_is_one_that_tuning_has_seen() -> None:
    for one in SCORING_CAMERAS:
        twin = next(c for c in CAMERAS if one.id == f"{c.id}-b")
        assert np.linalg.norm(one.position - twin.position) > 1.5
        assert abs(one.yaw - twin.yaw) > 4
