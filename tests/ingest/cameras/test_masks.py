"""Masks: what lies in one is gone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.video import CameraZone
from ingest.cameras.masks import GREY, Masks

WINDOW = CameraZone("m", "a bedroom window", "mask", ((0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5)))


def test_nothing_of_the_masked_area_leaves_and_the_rest_is_untouched() -> None:
    image = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    masked = Masks([WINDOW]).apply(image)
    assert (masked[90:181, 160:321] == GREY).all()
    assert (masked[200:, :] == image[200:, :]).all()
    assert (image[90:181, 160:321] != masked[90:181, 160:321]).any()


def test_other_zones_mask_nothing() -> None:
    image = np.zeros((36, 64, 3), np.uint8)
    assert Masks([CameraZone("z", "yard", "forbidden", WINDOW.polygon)]).apply(image) is image


@given(st.integers(8, 400), st.integers(8, 400))
def test_a_mask_covers_its_area_at_any_picture_size(width: int, height: int) -> None:
    image = np.full((height, width, 3), 200, np.uint8)
    masked = Masks([WINDOW]).apply(image)
    inside = masked[int(np.ceil(0.25 * height)) : int(0.5 * height), int(np.ceil(0.25 * width)) : int(0.5 * width)]
    assert (inside == GREY).all()
