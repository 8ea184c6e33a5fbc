"""The truth's format, read and written."""

import pytest

from sample_feeds.scenes import clips
from sample_feeds.scenes.truth import COLUMNS, Seen, TruthError, header_text, read, table

ROWS = [
    Seen(0, "danu", (0.1, 0.2, 0.05, 0.3), (0.1, 0.2, 0.05, 0.15), 0.5, 126.92, 37.61),
    Seen(3, "beom", (0.0, 0.2, 0.05, 0.3), (0.0, 0.2, 0.05, 0.3), 1.0, 126.93, 37.62),
]


@pytest.fixture
def clip(tmp_path):
    header, _ = clips.truth_of(clips.Plan("small", "tuning", clips.CAMERAS[0], "rain", 1, 0.5))
    (tmp_path / "small.json").write_text(header_text(header), encoding="utf-8")
    (tmp_path / "small.csv").write_text(table(ROWS), encoding="utf-8")
    return tmp_path / "small.mp4"


def test_what_is_written_is_read(clip) -> None:
    truth = read(clip)
    assert [len(f) for f in truth.frames] == [1, 0, 0, 1, 0]
    person = truth.frames[0][0]
    assert (person.identity, person.share, person.ground.lat) == ("danu", 0.5, 37.61)
    assert (person.box.h, person.visible.h) == (0.3, 0.15)
    assert truth.header.calibration.height_m == clips.CAMERAS[0].z
    assert len(truth.header.calibration.ground_to_pixel) == 3


def test_a_clip_without_truth_says_so(tmp_path) -> None:
    with pytest.raises(TruthError, match=r"other.mp4 has no other.json beside it"):
        read(tmp_path / "other.mp4")


@pytest.mark.parametrize(("old", "new"), [("0.10000", "wide"), ("\n3,", "\n99,"), ("vx", "ux")])
def test_a_damaged_table_names_its_line(clip, old, new) -> None:
    path = clip.with_suffix(".csv")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TruthError, match=r"small.csv, line [23]"):
        read(clip)


def test_a_damaged_header_is_named(clip) -> None:
    clip.with_suffix(".json").write_text("{", encoding="utf-8")
    with pytest.raises(TruthError, match=r"small.json"):
        read(clip)


def test_the_table_has_the_documented_columns() -> None:
    assert table([]) == ",".join(COLUMNS) + "\n"
