"""What a process inherits of the environment of whoever started the centre."""

import pytest

from haechi.config import load
from haechi.supervisor import Supervisor


async def test_a_process_runs_the_code_that_its_supervisor_runs(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/a/checkout")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody's own")
    supervisor = Supervisor(load({}, data=tmp_path), names=("wall",))
    await supervisor._plan()
    [wall] = supervisor._children
    assert wall.command.environment["PYTHONPATH"] == "/a/checkout"
    assert "AWS_SECRET_ACCESS_KEY" not in wall.command.environment
