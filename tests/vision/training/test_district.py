import numpy as np
import pytest

from sample_feeds.scenes.clips import SCORING_CAMERAS, plans
from vision.training import district
from vision.training.compose import SIZE
from vision.training.scene import Label


def test_nobody_and_no_post_of_the_scoring_set_is_trained_on():
    scored = {walk.identity for plan in plans("scoring") for walk in plan.walks}
    assert not scored & set(district.PEOPLE)
    assert not {camera.id for camera in SCORING_CAMERAS} & {camera.id for camera in district.CAMERAS}


@pytest.mark.parametrize(
    ("box", "expected", "share"),
    [
        ((110, 60, 130, 120), (10, 10, 30, 70), 1.0),
        ((90, 60, 130, 120), (0, 10, 30, 70), 0.75),
        ((500, 60, 530, 120), None, 0.0),
    ],
    ids=["inside", "over the edge", "elsewhere"],
)
def test_a_cut_takes_its_part_of_each_box(box, expected, share):
    frame = np.zeros((360, 640, 3), np.float32)
    picture, labels = district.cut(frame, [Label(box, 1.0)], 100, 50)
    assert picture.shape == (SIZE, SIZE, 3)
    assert [label.box for label in labels] == ([expected] if expected else [])
    assert sum(label.share for label in labels) == pytest.approx(share)
