"""Erasing a person: when it may begin, when it is over, and what stays of an incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from haechi.domain.alerting import Because
from haechi.domain.incidents import Incident
from haechi.domain.signatures import A_GUARDIAN, signature

ErasureState = Literal["waiting", "erasing", "erased", "final"]
ERASED = "erased"
SETTLE = timedelta(seconds=60)  # what was in hand when the consent went has reached the stores by then
LOOK_AGAIN = timedelta(seconds=10)
LOCKED = timedelta(hours=1)


class Erasure(msgspec.Struct, frozen=True):
    """A receipt. It names nobody but who asked, and the person by the opaque id alone.

    waiting: an incident is open (`incidents`, by number), or nobody has looked yet. erasing: gone from the stores, and
    looked for once more after `SETTLE`. erased: what is left lies in streams that nobody reads any more, each until the
    time in `streams`, and in incidents that are open (a call that was on its way) or whose evidence somebody has locked
    (`locked`). final: nothing is left. `counts` are rows.
    """

    id: str
    person: str
    district: str
    asked_by: str
    asked_at: datetime
    state: ErasureState = "waiting"
    due_at: datetime | None = None
    incidents: tuple[int, ...] = ()
    locked: tuple[int, ...] = ()
    counts: Mapping[str, int] = {}
    streams: Mapping[str, datetime] = {}
    begun_at: datetime | None = None
    erased_at: datetime | None = None
    final_at: datetime | None = None


def wait(erasure: Erasure, incidents: Sequence[int], now: datetime) -> Erasure:
    """Open incidents stand in the way."""
    return msgspec.structs.replace(erasure, incidents=tuple(incidents), due_at=now + LOOK_AGAIN)


def advance(
    erasure: Erasure,
    counts: Mapping[str, int],
    unclosed: Sequence[int],
    locked: Sequence[int],
    keeps: Mapping[str, timedelta],
    now: datetime,
) -> Erasure:
    """After a pass over the stores that removed `counts`; `keeps` is how long each stream keeps a message."""
    both = {what: erasure.counts.get(what, 0) + counts.get(what, 0) for what in {**erasure.counts, **counts}}
    more = msgspec.structs.replace(
        erasure,
        counts={what: rows for what, rows in both.items() if rows},
        incidents=tuple(unclosed),
        locked=tuple(locked),
    )
    if erasure.state == "waiting":
        return msgspec.structs.replace(more, state="erasing", begun_at=now, due_at=now + SETTLE)
    if erasure.state == "erasing":
        streams = {name: now + keep for name, keep in keeps.items()}
        return msgspec.structs.replace(
            more, state="erased", erased_at=now, streams=streams, due_at=max(streams.values(), default=now)
        )
    if unclosed or locked:
        return msgspec.structs.replace(more, due_at=now + LOCKED)
    return msgspec.structs.replace(more, state="final", final_at=now, due_at=None)


# What stays of an incident: opaque ids, times, and who of the staff did what. Everything else goes back to its default.
KEPT_OF_INCIDENT = frozenset(
    {
        "id",
        "alert_id",
        "number",
        "kind",
        "subject",
        "place",
        "district",
        "severity",
        "status",
        "state",
        "starts_at",
        "received_at",
        "decided_at",
        "opened_at",
        "ends_at",
        "first_attempt_at",
        "acknowledged_at",
        "acknowledged_by",
        "owner",
        "closed_at",
        "closed_by",
        "previous",
        "presses",
        "version",
    }
)


def without_person(incident: Incident) -> Incident:
    """The incident without place, picture and words; which guardian did something becomes "a guardian"."""
    changes: dict[str, object] = {"title": ERASED, "because": Because(incident.because.rule, ERASED)}
    for field in msgspec.structs.fields(Incident):
        if field.name not in KEPT_OF_INCIDENT and field.name not in changes:
            changes[field.name] = field.default
    for name in ("acknowledged_by", "owner", "closed_by"):
        if (by := getattr(incident, name)) is not None:
            changes[name] = A_GUARDIAN if by.startswith(signature("")) else by
    return msgspec.structs.replace(incident, **changes)
