"""Settings: where they come from, and words for what is wrong."""

from pathlib import Path

import pytest

from haechi.config import changed, described, environment_of, load, resolve, value_of
from haechi.errors import ConfigError


def test_a_variable_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    (tmp_path / "haechi.yaml").write_text("wall: {port: 81}\ndistrict: a\n")
    environ = {"HAECHI_DATA": str(tmp_path), "HAECHI_WALL__PORT": "82"}
    settings, sources = resolve(environ)
    assert (settings.wall.port, settings.district) == (82, "a")
    assert sources["wall.port"] == "HAECHI_WALL__PORT"
    assert sources["district"] == str(tmp_path / "haechi.yaml")
    assert resolve(environ, district="b")[0].district == "b"


def test_one_underscore_suffices_where_it_means_one_key() -> None:
    settings, sources = resolve({"HAECHI_VISION_MODEL": "none", "HAECHI_ALERTS_CALLBACKS_PORT": "81"})
    assert (settings.vision.model, settings.alerts.callbacks_port) == ("none", 81)
    assert sources["vision.model"] == "HAECHI_VISION_MODEL"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"HAECHI_WALL__PROT": "1"},
            r"HAECHI_WALL__PROT: there is no setting 'wall\.prot'\. Did you mean 'wall\.port'\?",
        ),
        ({"HAECHI_WALL__PORT": "x"}, "HAECHI_WALL__PORT: 'wall.port' is wrong: .*integer.*Port of the wall"),
        ({"HAECHI_WALL__PORT": "70000"}, "less than or equal to 65535"),
        ({"HAECHI_VISION__CONFIDENCE": "7"}, r"'vision\.confidence' is wrong"),
        (
            {"HAECHI_ALERTS__ALLOW_NETWORKS": "10.20.0.0/16, intranet"},
            r"ALLOW_NETWORKS: 'alerts\.allow_networks' is wrong: .*'intranet' is neither a network",
        ),
        ({"HAECHI_CONFIG": "/nonexistent.yaml"}, "nonexistent.yaml: cannot be read"),
    ],
)
def test_a_wrong_key_is_named_with_its_source_and_the_fix(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(environ)


def test_a_wrong_key_in_the_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "haechi.yaml").write_text("alerts: {slotz: 1}\n")
    with pytest.raises(ConfigError, match=r"haechi\.yaml: there is no setting 'alerts\.slotz'"):
        load({"HAECHI_DATA": str(tmp_path)})


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "haechi.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load({"HAECHI_DATA": str(tmp_path)})


def test_secrets_are_masked_wherever_they_are_shown() -> None:
    settings = load({"HAECHI_POSTGRES__URL": "postgresql://u:hunter2@h/d"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(value_of(settings, "postgres.url"))


def test_every_setting_is_described() -> None:
    for key, words, _ in described():
        assert len(words) > 10, key


def test_another_process_gets_the_same_settings() -> None:
    environ = {"HAECHI_ALERTS__ALLOW_NETWORKS": "10.0.0.0/8,127.0.0.1:80", "HAECHI_REDIS__URL": "redis://:pw@h:1/0"}
    settings = changed(load(environ), {"wall.port": 9, "kafka.url": "kafka://h:1"})
    assert load(environment_of(settings)) == settings


def test_the_settings_of_the_process_itself_are_no_settings() -> None:
    assert load({"HAECHI_FAILPOINT": "x=kill", "HAECHI_TEST_NO_SKIPS": "1"}) == load({})
