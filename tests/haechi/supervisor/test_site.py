"""What other commands learn from the file that `haechi up` keeps."""

import os
from pathlib import Path

import pytest

from haechi import cli
from haechi.clock import utc_now
from haechi.config import Settings, load
from haechi.supervisor.site import Site, reached, write_site

POSTGRES, REDIS = "postgresql://haechi:secret@127.0.0.1:1/haechi", "redis://:secret@127.0.0.1:2/0"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a centre that runs."""
    write_site(tmp_path, Site(os.getpid(), utc_now(), {"postgres": POSTGRES, "redis": REDIS}, []))
    return tmp_path


def servers(settings: Settings) -> list[str | None]:
    return [url and url.get_secret_value() for url in (settings.postgres.url, settings.redis.url, settings.mqtt.url)]


def test_the_servers_of_a_running_centre_stand_in_where_no_setting_names_one(data: Path) -> None:
    assert servers(reached(load({}, data=data))) == [POSTGRES, REDIS, None]
    assert servers(reached(load({"HAECHI_REDIS__URL": "redis://ours:6379/0"}, data=data))) == [
        POSTGRES,
        "redis://ours:6379/0",
        None,
    ]


def test_one_process_more_joins_the_centre_that_runs(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Settings] = []
    monkeypatch.setattr(cli, "run_process_of", lambda _main, settings, _name: begun.append(settings))
    cli.run("analytics.positions", data=data)
    assert servers(begun[0]) == [POSTGRES, REDIS, None]
