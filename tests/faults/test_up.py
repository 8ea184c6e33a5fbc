"""`haechi up` as a user has it: killed with -9, started again, stopped by Ctrl-C; nothing is left, nothing is gone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.crowd import Patience

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

LONGEST_S = 150


@contextmanager
def up(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("HAECHI_")}
    own |= {"HAECHI_VISION__MODEL": "none"}
    with (data.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "haechi", "up", "--data", str(data)], stdout=log, stderr=log, env=own
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def site(data: Path) -> dict[str, object]:
    return json.loads((data / "site.json").read_text())


def wait_until_live(data: Path, process: subprocess.Popen[bytes]) -> dict[str, object]:
    patience = Patience(LONGEST_S)
    while not patience.over():
        assert process.poll() is None, (data.parent / "up.log").read_text()[-3000:]
        if (data / "site.json").exists():
            now = site(data)
            states = now["processes"]
            if now["pid"] == process.pid and states and all(p["state"] == "live" for p in states):
                return now
        time.sleep(0.3)
    pytest.fail(f"not live: {site(data)['processes']}\n{(data.parent / 'up.log').read_text()[-2000:]}")


def wait_until_gone(pids: list[int]) -> None:
    patience = Patience(30)
    while left := [pid for pid in pids if lives(pid)]:
        assert not patience.over(), left
        time.sleep(0.1)


def lives(pid: int) -> bool:
    """It may go while it is looked at."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids_of(now: dict[str, object]) -> list[int]:
    return [p["pid"] for p in now["processes"]]


def test_killed_restarted_and_stopped_it_leaves_no_process_and_loses_no_address(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as first:
        before = wait_until_live(data, first)
        victim = next(p for p in before["processes"] if p["name"] == "analytics.urgent")
        os.kill(victim["pid"], signal.SIGKILL)
        patience = Patience(LONGEST_S)
        while True:
            again = next(p for p in site(data)["processes"] if p["name"] == "analytics.urgent")
            if again["restarts"] == 1 and again["state"] == "live":
                break
            assert not patience.over()
            time.sleep(0.2)
        alive = pids_of(site(data))
        first.kill()
        first.wait()
        wait_until_gone(alive)
    with up(data) as second:
        after = wait_until_live(data, second)
        assert after["addresses"] == before["addresses"]
        second.send_signal(signal.SIGINT)
        assert second.wait() == 0  # bounded by the test's own time-out
        wait_until_gone(pids_of(after))
