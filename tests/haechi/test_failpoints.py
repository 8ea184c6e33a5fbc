"""A failpoint acts where and when it was asked to, leaves its mark first, and is nothing otherwise."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from haechi.failpoints import Failpoint, FailpointError, Failpoints, parse


def test_several_failpoints_are_read_from_one_line() -> None:
    assert parse("a.b=kill, c=sleep:1.5@3,d=raise@2") == {
        "a.b": Failpoint("kill"),
        "c": Failpoint("sleep", 1.5, 3),
        "d": Failpoint("raise", 0.0, 2),
    }


@pytest.mark.parametrize("text", ["a", "a=", "=kill", "a=explode", "a=sleep", "a=sleep:soon", "a=kill:3", "a=kill@x"])
def test_a_wrong_line_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not a failpoint; write NAME=kill"):
        parse(text)


def test_only_the_nth_time_counts_when_a_number_is_given() -> None:
    points = Failpoints(parse("here=raise@2"))
    points.reach("here")
    with pytest.raises(FailpointError, match="here"):
        points.reach("here")
    points.reach("here")


def test_a_place_nobody_named_does_nothing() -> None:
    Failpoints({}).reach("anywhere")


def test_sleep_pauses_the_process() -> None:
    start = time.monotonic()
    Failpoints(parse("here=sleep:0.05")).reach("here")
    assert time.monotonic() - start >= 0.05


@pytest.mark.parametrize(("kind", "code"), [("kill", -signal.SIGKILL), ("term", -signal.SIGTERM)])
def test_a_process_dies_at_the_place_and_has_said_so_before(kind: str, code: int, tmp_path: Path) -> None:
    log = tmp_path / "failpoints.log"
    program = "import time; from haechi.failpoints import failpoint; failpoint('x.y'); failpoint('x.y'); time.sleep(60)"
    environment = os.environ | {"HAECHI_FAILPOINT": f"x.y={kind}@2", "HAECHI_FAILPOINT_LOG": str(log)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    assert process.wait(30) == code
    assert log.read_text() == f"x.y {kind} 2 {process.pid}\n"
