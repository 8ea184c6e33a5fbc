"""The command line: words for what is wrong, without a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from haechi.cli import chosen, masked
from haechi.errors import ConfigError
from haechi.process import NAMES, main_of


def haechi(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("HAECHI_")}
    command = [sys.executable, "-m", "haechi", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=own | environment | {"COLUMNS": "300"}, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["up"], {"HAECHI_WALL__PROT": "80"}, "Did you mean 'wall.port'"),
        (["up"], {"HAECHI_GATEWAY__BATCH_MS": "0"}, "'gateway.batch_ms' is wrong"),
        (["config", "show"], {"HAECHI_ALERTS__ALLOW_NETWORKS": "x"}, "wrong: 'x' is neither a network such as"),
        (["status"], {"HAECHI_ALERTS__ALLOW_NETWORKS": "x"}, "10.20.0.7:8443 or [fd00::7]:8443."),
        (["run", "ingest.gatway"], {}, "There is no process 'ingest.gatway'; there are ingest.gateway"),
        (["up", "--only", "visoin"], {}, "there is no process or room 'visoin'"),
        (["run", "analytics.urgent"], {}, "redis.url: no Redis is configured"),
        (["status"], {}, "Nothing has been started in the data folder"),
        (["user", "list"], {}, "No PostgreSQL is known"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    answer = haechi(*arguments, HAECHI_DATA=str(tmp_path), **environment)
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert words in said
    assert "Traceback" not in said


def test_a_fixed_port_that_is_taken_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        elsewhere = {f"HAECHI_{name}__URL": f"{scheme}://127.0.0.1:9" for name, scheme in SERVERS.items()}
        answer = haechi("up", HAECHI_DATA=str(tmp_path), HAECHI_WALL__PORT=port, **elsewhere)
    assert answer.returncode == 2
    assert f"HAECHI_WALL__PORT: port {port} is taken" in answer.stderr
    assert "Traceback" not in answer.stderr


SERVERS = {"KAFKA": "kafka", "POSTGRES": "postgresql", "REDIS": "redis", "MQTT": "mqtt"}


def test_config_show_masks_secrets_and_says_where_values_come_from(tmp_path: Path) -> None:
    answer = haechi("config", "show", HAECHI_DATA=str(tmp_path), HAECHI_POSTGRES__URL="postgresql://u:hunter2@h/d")
    assert answer.returncode == 0
    assert "hunter2" not in answer.stdout
    assert "HAECHI_POSTGRES__URL" in answer.stdout


def test_a_room_means_all_of_its_processes() -> None:
    assert chosen("analytics, wall") == (
        "analytics.urgent",
        "analytics.positions",
        "analytics.readings",
        "analytics.sightings",
        "analytics.archive",
        "wall",
    )
    assert chosen("") == NAMES
    with pytest.raises(ConfigError):
        chosen("alert")


def test_every_name_is_a_process_of_its_room() -> None:
    for name in NAMES:
        assert callable(main_of(name)), name


def test_the_packages_resolve_into_this_tree() -> None:
    """An installed `analytics-python` would shadow `analytics`."""
    import alerts
    import analytics
    import control_room
    import ingest
    import sample_feeds
    import vision

    root = Path(__file__).parents[2]
    for room in (alerts, analytics, control_room, ingest, sample_feeds, vision):
        assert Path(room.__file__ or "").is_relative_to(root)


def test_passwords_in_addresses_are_masked() -> None:
    assert masked("redis://:secret@127.0.0.1:1/0") == "redis://:…@127.0.0.1:1/0"
    assert masked("http://127.0.0.1:80") == "http://127.0.0.1:80"
