"""Rendering with Blender from a body: needs both, so it runs in `make test-shared` only."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sample_feeds.scenes import assets, render
from sample_feeds.scenes.people import BY_ID

BODY = Path(__file__).parents[4] / "shared" / "human" / "data"


@pytest.mark.shared
@pytest.mark.timeout(900)
def test_a_person_rendered_anew_has_the_committed_silhouette(tmp_path) -> None:
    if not BODY.is_dir() or not shutil.which("blender"):
        pytest.skip("no body or no Blender here")
    told: list[str] = []
    render.people(BODY, tmp_path / "work", 2, told.append, [BY_ID["nuri"]], tmp_path)
    again, kept = assets.read_sheet("nuri", tmp_path), assets.read_sheet("nuri")
    assert len(told) == 1
    assert again.masks.shape == kept.masks.shape
    assert np.mean(again.masks != kept.masks) < 0.002


def test_a_body_that_is_none_is_refused_before_blender_starts(tmp_path) -> None:
    with pytest.raises(render.RenderError, match=r"base\.obj, default\.mhskel, default_weights\.mhw"):
        render.people(tmp_path, tmp_path / "work", 2, print)
