"""`haechi scenes`: what a person types."""

import pytest
from typer.testing import CliRunner

from haechi.errors import HaechiError
from sample_feeds.scenes import film
from sample_feeds.scenes.cli import app
from sample_feeds.scenes.truth import read

run = CliRunner().invoke


def test_show_draws_a_committed_clip_by_its_name(tmp_path) -> None:
    result = run(app, ["show", "school-yard-calm", "--out", str(tmp_path / "stills"), "--every", "100"])
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "stills").glob("*.png"))) == 2


def test_show_names_the_clips_there_are() -> None:
    result = run(app, ["show", "nowhere"])
    assert isinstance(result.exception, HaechiError)
    assert "school-yard-trespass" in str(result.exception)


def test_make_writes_the_committed_truth_again(tmp_path) -> None:
    result = run(app, ["make", "demo", "--only", "river", "--out", str(tmp_path), "--truth-only"])
    assert result.exit_code == 0, result.output
    for ending in ("json", "csv"):
        made, kept = tmp_path / f"river-bank.{ending}", film.FOLDER / "demo" / f"river-bank.{ending}"
        assert made.read_bytes() == kept.read_bytes()


def test_make_with_another_seed_needs_a_folder_and_gives_another_truth(tmp_path) -> None:
    refused = run(app, ["make", "scoring", "--seed", "5"])
    assert isinstance(refused.exception, HaechiError)
    assert "--out" in str(refused.exception)
    made = run(app, ["make", "scoring", "--seed", "5", "--only", "gate", "--out", str(tmp_path), "--truth-only"])
    assert made.exit_code == 0, made.output
    assert read(tmp_path / "scoring-gate-ir.mp4") != read(film.FOLDER / "scoring" / "scoring-gate-ir.mp4")


@pytest.mark.parametrize("name", ["demonstration", ""])
def test_an_unknown_set_is_named_with_those_that_exist(name) -> None:
    result = run(app, ["make", name])
    assert isinstance(result.exception, HaechiError)
    assert "tuning, scoring" in str(result.exception)


def test_a_body_folder_that_lacks_files_says_which(tmp_path) -> None:
    result = run(app, ["render", "--body", str(tmp_path), "--no-plates"])
    assert isinstance(result.exception, HaechiError)
    assert "base.obj" in str(result.exception)
