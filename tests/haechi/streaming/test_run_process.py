"""How a process ends: with its threads, and with a reason that its supervisor can say."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, threading
from haechi.config import TelemetrySettings
from haechi.errors import TransientError
from haechi.streaming import run_process
from haechi.telemetry import configure_logging
configure_logging(TelemetrySettings(log="json"), "wall")
threading.Thread(target=threading.Event().wait).start()
async def fails():
    raise {error}
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(fails())
        await asyncio.Event().wait()
run_process({main})
"""


@pytest.mark.parametrize(
    ("error", "main", "reason", "traced"),
    [
        ("TransientError('PostgreSQL is away.')", "main()", "PostgreSQL is away.", False),
        ("ValueError('a row that nobody can read')", "main()", "ValueError: a row that nobody can read", True),
        ("ValueError('a row that nobody can read')", "fails()", "ValueError: a row that nobody can read", True),
        ("asyncio.CancelledError('by nobody')", "fails()", "CancelledError: by nobody", True),
    ],
)
def test_a_process_that_fails_ends_with_its_threads_and_says_why(
    error: str, main: str, reason: str, traced: bool
) -> None:
    script = SCRIPT.format(error=error, main=main)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 70
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["reason"]) == ("process.ended", reason)
    assert ("exception" in last) == traced
