"""What must have been told, against what was: alerts in Kafka, incidents in PostgreSQL. Every difference is in words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from haechi.domain.alerting import Alert
from haechi.domain.time import micros_of
from haechi.ids import alert_id
from haechi.store.postgres import Pool
from tests.days.fixes import MINUTE
from tests.days.lives import Someone, Truth, truth_of

_OURS = ("blind",)  # about us and by the wall clock, not about anybody of the day


class Row(NamedTuple):
    """One applied alert and its incident."""

    alert: str
    action: str
    incident: str
    kind: str
    subject: str
    state: str
    presses: int


class Ledger:
    """`begins`: the day's first minute, microseconds since 1970."""

    def __init__(self, people: Iterable[Someone], begins: int) -> None:
        self._begins = begins
        self.truth = [truth for one in people for truth in truth_of(one)]

    def of_alerts(self, alerts: Sequence[Alert]) -> list[str]:
        """What is wrong with these, which may hold repetitions: each raise that must be there once with its clear behind
        it, ids that follow from what happened, and nothing else."""
        wrong = [f"{_words(a)} has an id of chance" for a in alerts if a.id != _id_of(a)]
        first: dict[tuple[str, str], Alert] = {}
        for alert in alerts:
            first.setdefault((alert.id, alert.action), alert)
        told: dict[tuple[str, str], list[Alert]] = defaultdict(list)
        for alert in first.values():
            if alert.kind not in _OURS:
                told[alert.kind, alert.subject].append(alert)
        expected: dict[tuple[str, str], list[Truth]] = defaultdict(list)
        for truth in self.truth:
            expected[truth.kind, truth.person].append(truth)
        for key in sorted(told.keys() | expected.keys()):
            wrong += self._compared(key, expected[key], told[key])
        return wrong

    def of_incidents(self, rows: Sequence[Row], alerts: Sequence[Alert]) -> list[str]:
        """What is wrong with the incidents: every raise is in exactly one, of its kind and person, and there is no other.

        Nobody has closed any, so that somebody's second leave or press is in the incident of the first.
        """
        homes: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            homes[row.alert].add(row.incident)
        raises = {a.id: a for a in alerts if a.action == "raise" and a.kind not in _OURS}
        wrong = [f"{_words(a)} is in {len(homes[a.id])} incidents" for a in raises.values() if len(homes[a.id]) != 1]
        wrong += [
            f"{row.kind} of {row.subject} holds {_words(raises[row.alert])}"
            for row in rows
            if row.alert in raises and (raises[row.alert].kind, raises[row.alert].subject) != (row.kind, row.subject)
        ]
        incidents = {row.incident: row for row in rows if row.kind not in _OURS}
        found = Counter((row.kind, row.subject) for row in incidents.values())
        expected = Counter({(t.kind, t.person): 1 for t in self.truth})
        wrong += [f"{n} incidents too many: {key}" for key, n in (found - expected).items()]
        wrong += [f"no incident: {key}" for key in expected - found]
        times = Counter((t.kind, t.person) for t in self.truth)
        over = {(t.kind, t.person): t.ends is not None for t in self.truth}
        for row in incidents.values():
            key = (row.kind, row.subject)
            if row.presses != times[key]:
                wrong.append(f"{key} was raised {row.presses} times, not {times[key]}")
            state = "returned-unacknowledged" if over.get(key) else "unacknowledged"
            if row.state != state:
                wrong.append(f"{key} is {row.state}, not {state}")
        return wrong

    def _compared(self, key: tuple[str, str], expected: list[Truth], told: list[Alert]) -> list[str]:
        """In order: raise, clear, raise, clear, as they happened."""
        due = [(action, t) for t in sorted(expected, key=lambda t: t.begins) for action in _actions(t)]
        if [action for action, _ in due] != [a.action for a in told]:
            return [f"{key} must have {[self._due(*one) for one in due]}, has {[self._seen(a) for a in told]}"]
        ids = [a.id for a in told]
        if len(set(ids)) != len(expected):
            return [f"{key}: a clear belongs to another raise: {[self._seen(a) for a in told]}"]
        return [
            f"{key} must have {self._due(action, truth)}, has {self._seen(alert)}"
            for (action, truth), alert in zip(due, told, strict=True)
            if not (truth.begins if action == "raise" else truth.ends or truth.begins).has(
                self._minute(_when(alert)), 0.1
            )
        ]

    def _due(self, action: str, truth: Truth) -> str:
        span = truth.begins if action == "raise" else truth.ends
        return f"{action} in {span}"

    def _seen(self, alert: Alert) -> str:
        return f"{alert.action} at {self._minute(_when(alert)):.1f}"

    def _minute(self, at: datetime) -> float:
        return (micros_of(at) - self._begins) / MINUTE


def _actions(truth: Truth) -> tuple[str, ...]:
    return ("raise",) if truth.ends is None else ("raise", "clear")


def _when(alert: Alert) -> datetime:
    return alert.starts_at if alert.action == "raise" else alert.ends_at or alert.decided_at


def _id_of(alert: Alert) -> str:
    return alert_id(alert.kind, alert.subject, alert.place, alert.starts_at)


def _words(alert: Alert) -> str:
    return f"{alert.action} {alert.kind} of {alert.subject} since {alert.starts_at}"


async def rows_of(pool: Pool) -> list[Row]:
    """Every alert that was applied."""
    rows = await pool.fetch(
        "SELECT a.alert_id::text, a.action, i.id::text, i.kind, i.subject, i.state, i.body FROM applied_alerts a "
        "JOIN incidents i ON i.id = incident_id"
    )
    return [Row(*tuple(row)[:6], msgspec.json.decode(row["body"])["presses"]) for row in rows]
