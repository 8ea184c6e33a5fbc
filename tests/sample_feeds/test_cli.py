from pathlib import Path

import pytest

from haechi.config import load
from haechi.errors import Conflict, HaechiError
from haechi.supervisor import Supervisor
from sample_feeds import cli
from sample_feeds.cli import Demo
from sample_feeds.district.map import PATH


def test_a_district_that_the_demo_did_not_make_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def refused(_: Supervisor) -> None:
        raise Conflict("The district 'haneul' is a real one.")

    monkeypatch.setattr(Supervisor, "start", refused)
    with pytest.raises(HaechiError, match=r"is a real one.*--data"):
        cli.demo(data=tmp_path, no_cameras=True)


async def test_only_the_sample_districts_own_receivers_may_be_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def token(*_: object) -> str:
        return "a token"

    monkeypatch.setattr(Supervisor, "token", token)
    settings = load({"HAECHI_ALERTS__ALLOW_NETWORKS": "10.0.0.0/8"}, data=tmp_path)
    demo = Demo(settings, seed=3, once=True, report=None, cameras=False)
    ports = []
    for _ in range(2):
        supervisor = Supervisor(settings)
        (extra,) = await demo._sample(supervisor)
        port = extra.arguments[extra.arguments.index("--port") + 1]
        assert supervisor.settings.alerts.allow_networks == (f"127.0.0.1:{port}",)
        assert supervisor.addresses["receivers"] == f"http://127.0.0.1:{port}"
        assert "rtsp" not in supervisor.addresses
        assert "--no-cameras" in extra.arguments
        assert "a token" not in extra.arguments, "arguments can be read by every user of the machine"
        ports.append(port)
    assert ports[0] == ports[1], "the port is kept"


def test_the_wall_shows_the_sample_map_unless_another_is_named(tmp_path: Path) -> None:
    def demo(environment: dict[str, str]) -> str | None:
        settings = load(environment, data=tmp_path)
        return Demo(settings, seed=1, once=False, report=None, cameras=False)._settings.wall.map

    assert demo({}) == str(PATH)
    assert demo({"HAECHI_WALL__MAP": "/a/map.geojson"}) == "/a/map.geojson"
