"""What a play expected, what came, and how long each part took; written as JSON, shown as a table."""

from datetime import datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from sample_feeds.scenario import Outcome, Receipt, Step


class StepReport(msgspec.Struct, frozen=True):
    """One step: what was expected, its incident with the centre's own latencies (ms), and who was told when."""

    name: str
    kind: str
    expected: tuple[str, ...]
    not_told: tuple[str, ...]
    within_s: float
    did_at: datetime
    passed: bool
    outcome: Outcome
    incident_number: int | None = None
    latency_ms: dict[str, float | None] = {}


class Report(msgspec.Struct, frozen=True):
    """A whole play. `unexpected` are webhooks of incidents that no step made."""

    seed: int
    started_at: datetime
    ended_at: datetime
    steps: tuple[StepReport, ...]
    left_out: tuple[str, ...]
    unexpected: tuple[Receipt, ...]
    refused_reports: int
    passed: bool
    why: str = ""


def step_report(
    step: Step, did_at: datetime, outcome: Outcome, number: int | None, latency: dict[str, float | None]
) -> StepReport:
    """The report of one step."""
    expect = step.expect
    return StepReport(
        step.name,
        expect.kind,
        expect.told,
        expect.not_told,
        expect.within_s,
        did_at,
        outcome.passed,
        outcome,
        number,
        latency,
    )


def write(report: Report, file: Path) -> None:
    """Replace the file at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    fresh.replace(file)


def read(file: Path) -> Report:
    """A report that was written."""
    return msgspec.json.decode(file.read_bytes(), type=Report)


def show(report: Report, console: Console) -> None:
    """For the person at the terminal."""
    table = Table("", "step", "incident", "who was told, ms after the event", "what is wrong", box=None)
    for step in report.steps:
        told = ", ".join(f"{t.receiver} {t.ms:.0f}" for t in step.outcome.told)
        table.add_row("✓" if step.passed else "✗", step.name, f"#{step.incident_number}", told, _wrong(step.outcome))
    console.print(table)
    for name in report.left_out:
        console.print(f"Left out: {name}")
    for receipt in report.unexpected:
        console.print(f"Unexpected: {receipt.receiver} was told of {receipt.title}")
    if report.why:
        console.print(report.why)
    console.print("The play passed." if report.passed else "The play failed.")


def _wrong(outcome: Outcome) -> str:
    parts = {
        "not told": outcome.missing,
        "told late": outcome.late,
        "told and should not be": outcome.wrongly_told,
        "wrong signature or not Actual": outcome.not_genuine,
    }
    return "; ".join(f"{words}: {', '.join(who)}" for words, who in parts.items() if who)
