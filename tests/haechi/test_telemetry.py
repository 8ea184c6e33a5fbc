"""Logs: one line each, with the component; tracebacks never show local values, which can be people's data."""

import asyncio
import json
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from haechi import telemetry
from haechi.errors import ConfigError, TransientError

SCRIPT = """
import structlog, logging
from haechi.config import TelemetrySettings
from haechi.telemetry import configure_logging
configure_logging(TelemetrySettings(log={log!r}), "alerts.sender")
def work():
    child = "the name of a child"
    raise ValueError("went wrong")
try:
    work()
except ValueError:
    structlog.get_logger("x").error("sender.failed", delivery="d1", exc_info=True)
logging.getLogger("aiokafka").warning("from a library")
"""


@pytest.mark.parametrize("log", ["json", "console"])
def test_a_traceback_names_the_place_and_no_local_values(log: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(log=log)], capture_output=True, text=True, check=True
    ).stderr
    assert "went wrong" in said
    assert "in work" in said
    assert "the name of a child" not in said
    assert "alerts.sender" in said
    assert "from a library" in said


def test_json_lines_can_be_read_by_a_program() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(log="json")], capture_output=True, text=True, check=True
    ).stderr
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines] == ["sender.failed", "from a library"]
    assert {line["component"] for line in lines} == {"alerts.sender"}
    assert lines[0]["delivery"] == "d1"


class Moody:
    """A store that fails in ways nobody expects, then in the usual one, and then takes the beat."""

    def __init__(self) -> None:
        self.beats = asyncio.Event()
        self._moods: list[Exception] = [
            RuntimeError("read() called while another coroutine waits"),
            TransientError("away"),
        ]

    async def beat(self, component: str, instance: str, fields: dict[str, str], ttl_s: int) -> None:
        if self._moods:
            raise self._moods.pop(0)
        self.beats.set()


async def test_a_heart_beats_on_whatever_its_store_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "HEARTBEAT_S", 0)
    store = Moody()
    heart = asyncio.create_task(telemetry.beat_forever(store, "alerts.sender", None, {}))
    with capture_logs() as said:
        async with asyncio.timeout(60):
            await store.beats.wait()
    heart.cancel()
    assert [line["event"] for line in said] == ["heartbeat.failed"]


def test_a_port_of_metrics_that_is_taken_is_said_in_words() -> None:
    port = telemetry.serve_metrics(telemetry.make_registry(), 0)
    assert port is not None
    with pytest.raises(ConfigError, match=r"HAECHI_TELEMETRY__METRICS_PORT: .* port of its own; 0 takes any free one"):
        telemetry.serve_metrics(telemetry.make_registry(), port)
