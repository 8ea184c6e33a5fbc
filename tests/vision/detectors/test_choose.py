"""Which model looks."""

from pathlib import Path

import pytest

from haechi.errors import ConfigError
from vision.detectors.choose import SHIPPED_NOTICE, choose, load


def test_none_sees_nothing_and_says_so(tmp_path: Path) -> None:
    choice = choose("none", tmp_path)
    assert choice.path is None
    assert choice.notice.startswith("no model")


def test_a_path_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"vision\.model: there is nothing at .*gone\.onnx"):
        choose(str(tmp_path / "gone.onnx"), tmp_path)


def test_fetched_weights_come_before_the_shipped_model(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    (shipped / "person_openvino_model").mkdir(parents=True)
    assert choose("auto", tmp_path, shipped).notice == SHIPPED_NOTICE
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "yolo11n.pt").touch()
    assert choose("auto", tmp_path, shipped).path == tmp_path / "models" / "yolo11n.pt"


def test_without_any_model_the_notice_says_so(tmp_path: Path) -> None:
    assert choose("auto", tmp_path, tmp_path).notice == "no model: none is shipped with this version"


def test_a_file_that_is_no_model_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(b"not a model")
    with pytest.raises(ConfigError, match=r"x\.pt is no model that Ultralytics can load"):
        load(file, tmp_path)
    with pytest.raises(ConfigError, match=r"ends with .\.txt"):
        load(tmp_path / "x.txt", tmp_path)
