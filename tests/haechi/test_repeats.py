"""What the engineer on call is spared, and what never."""

import io
import json
import logging

import pytest
import structlog

from haechi import repeats
from haechi.config import TelemetrySettings
from haechi.repeats import Repeats
from haechi.telemetry import configure_logging


class Night:
    """A process's log, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self._said = io.StringIO()
        root = logging.getLogger()
        monkeypatch.setattr(root, "handlers", [])
        self.repeats = configure_logging(TelemetrySettings(log="json"), "ingest.gateway")
        monkeypatch.setattr(self.repeats, "_monotonic", lambda: self.now)
        root.handlers[0].setStream(self._said)
        self.kafka = logging.getLogger("aiokafka")
        self.ours = structlog.get_logger("alerts.inbox")

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._said.getvalue().splitlines()]

    def events(self) -> list[str]:
        return [str(line["event"]) for line in self.lines()]


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch):
    level, configured = logging.getLogger().level, structlog.get_config()
    yield Night(monkeypatch)
    logging.getLogger().setLevel(level)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def complain(night: Night) -> None:
    """As aiokafka's producer and consumer do in a tenth of a second."""
    for node in (1, 2):
        night.kafka.error("Unable connect to node with id %s: %s", node, "[Errno 111] Connect call failed")
        night.kafka.error("Unable to update metadata from %s", [node])
        night.kafka.warning("Got error produce response: %s", f"NodeNotReadyError: node {node} is not ready")
    night.now += 0.1


def test_a_kafka_that_is_away_is_one_sentence_with_what_to_do_a_reminder_a_minute_and_an_end(night: Night) -> None:
    for _ in range(700):
        complain(night)
    assert len(night.lines()) == 2
    first, reminder = night.events()
    assert first.startswith("Kafka is away or does not answer")
    assert "`haechi doctor`" in first
    assert "Errno 111" in first
    assert "times in 60 s" in reminder
    night.now += repeats.ENDED_S + 1
    night.repeats.tell_ends()
    end = night.lines()[-1]
    assert (end["event"], end["times"], end["for_s"]) == ("said no more", 4200, 70)
    complain(night)
    assert night.events()[-1].startswith("Kafka is away or does not answer"), "and another time is said again"


def test_our_own_words_are_said_once_a_minute_and_how_often_they_were_meant(night: Night) -> None:
    for _ in range(241):
        night.ours.warning("inbox.away", error="PostgreSQL is away")
        night.now += 0.5
    assert [(line["event"], line.get("times")) for line in night.lines()] == [
        ("inbox.away", None),
        ("inbox.away", 120),
        ("inbox.away", 120),
    ]


def test_a_wait_that_grows_makes_no_other_complaint(night: Night) -> None:
    for wait_s in (0.05, 0.1, 0.2, 0.4):
        night.ours.warning("stream.retry", error="PostgreSQL is away", wait_s=wait_s)
    assert len(night.lines()) == 1


def test_two_dead_letters_are_two_lines_and_so_are_two_reasons(night: Night) -> None:
    night.ours.error("stream.dead_letter", offset=1, reason="does not decode")
    night.ours.error("stream.dead_letter", offset=2, reason="does not decode")
    night.kafka.error("Topic %s is not authorized for this client", "urgent")
    night.kafka.error("Topic %s is not authorized for this client", "positions")
    for problem in (ValueError("a"), ValueError("b")):
        logging.getLogger("asyncio").error("Exception in callback", exc_info=problem)
    assert len(night.lines()) == 6


def test_what_is_no_complaint_is_always_said(night: Night) -> None:
    for _ in range(3):
        night.ours.info("urgent.accepted", call="one")
    assert len(night.lines()) == 3


def test_few_repetitions_end_without_a_word(night: Night) -> None:
    for _ in range(4):
        night.ours.warning("the registry cannot be followed")
    night.now += repeats.ENDED_S + 1
    night.repeats.tell_ends()
    assert len(night.lines()) == 1


def test_memory_is_bounded_and_forgets_the_oldest(night: Night) -> None:
    for number in range(3 * repeats._KEPT):
        night.ours.warning("once", number=number)
    assert len(night.repeats._said) == repeats._KEPT
    night.ours.warning("once", number=0)
    assert len(night.lines()) == 3 * repeats._KEPT + 1


def test_it_looks_at_every_line_by_itself() -> None:
    assert Repeats().filter(logging.LogRecord("x", logging.WARNING, "", 0, "no arguments: 100 %", None, None))
