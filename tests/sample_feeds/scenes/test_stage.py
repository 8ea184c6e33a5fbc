"""Boxes and visible shares are exact."""

import numpy as np
import pytest

from sample_feeds.district.plane import ExactPlane
from sample_feeds.scenes import assets, stage
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.story import Step, Walk

CAMERA = CAMERAS[1]
EMPTY = np.full((CAMERA.height, CAMERA.width), 65535, np.uint16)


def sheet(identity: str, half_width: int = 14) -> assets.Sheet:
    """Everyone a plain upright rectangle, from the soles up to 1.6 m."""
    pixels = np.zeros((17 * assets.CELL_H, assets.HEADINGS * assets.CELL_W, 4), np.uint8)
    whole = assets.Sheet(identity, pixels)
    for row in range(17):
        for column in range(assets.HEADINGS):
            cell = whole.cell(row, column)
            cell[
                32 : assets.CELL_H - assets.FOOT, assets.CELL_W // 2 - half_width : assets.CELL_W // 2 + half_width
            ] = 255
    return whole


def standing(identity: str, ahead: float, right: float = 0.0) -> Walk:
    forward = CAMERA.axes[2, :2] / np.hypot(*CAMERA.axes[2, :2])
    x, y = CAMERA.position[:2] + forward * ahead + CAMERA.axes[0, :2] * right
    return Walk(identity, 0.0, (Step(x, y, "stand", 100.0), Step(x, y + 1)))


def seen(*walks: Walk, depth=EMPTY):
    present = stage.figures(CAMERA, walks, 1.0, 200.0)
    sheets = {w.identity: sheet(w.identity) for w in walks}
    return {r.identity: r for r in stage.seen(CAMERA, ExactPlane(), depth, sheets, present, 0)}


def test_a_person_in_the_open_is_seen_whole_and_stands_on_the_ground_point() -> None:
    walk = standing("danu", 15)
    row = seen(walk)["danu"]
    assert row.share > 0.97
    assert row.box == pytest.approx(row.visible, abs=0.003)
    foot = (row.box[0] + row.box[2] / 2) * CAMERA.width, (row.box[1] + row.box[3]) * CAMERA.height
    x, y = CAMERA.ground(np.array([foot]))[0]
    assert ExactPlane().to_metres((row.lon, row.lat)) == pytest.approx((x, y), abs=0.05)


def test_a_person_twice_as_far_is_about_half_as_tall() -> None:
    near, far = seen(standing("danu", 12))["danu"], seen(standing("danu", 24))["danu"]
    assert far.box[3] / near.box[3] == pytest.approx(0.5, abs=0.06)


def test_who_stands_in_front_hides_who_stands_behind() -> None:
    rows = seen(standing("danu", 12), standing("beom", 16, 0.1))
    assert rows["danu"].share > 0.97
    assert 0.02 < rows["beom"].share < 0.85
    assert rows["beom"].visible[3] < rows["beom"].box[3]


def test_a_wall_hides_what_is_behind_it_and_not_what_is_before_it() -> None:
    wall = EMPTY.copy()
    wall[190:] = 1400
    assert seen(standing("danu", 12), depth=wall)["danu"].share > 0.97
    behind = seen(standing("danu", 17), depth=wall)["danu"]
    assert behind.share < 0.9
    assert (behind.visible[1] + behind.visible[3]) * CAMERA.height == pytest.approx(190, abs=1)


def test_who_is_half_out_of_the_picture_has_a_box_cut_at_its_edge_and_half_a_share() -> None:
    edge = CAMERA.ground(np.array([[0.0, 250.0]]))[0]
    walk = Walk("danu", 0.0, (Step(*edge, "stand", 100.0), Step(edge[0], edge[1] + 1)))
    row = seen(walk)["danu"]
    assert row.box[0] == 0
    assert row.share == pytest.approx(0.5, abs=0.05)


def test_who_is_wholly_hidden_or_behind_the_camera_has_no_row() -> None:
    assert seen(standing("danu", 12), depth=np.full_like(EMPTY, 300)) == {}
    assert seen(standing("danu", -12)) == {}


def test_a_walk_comes_again_after_the_period() -> None:
    walk = Walk("danu", 55.0, (*standing("danu", 12).steps[:1], Step(0, 0)))
    for seconds in (58.0, 3.0, 63.0):
        assert [f.person.id for f in stage.figures(CAMERA, [walk], seconds, 60.0)] == ["danu"]
