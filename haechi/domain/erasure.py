"""Erasing a person: when it may begin, by when it is done, when it is over, and what stays of an incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from haechi.domain.alerting import KINDS, Alert, Because, cleared, raised
from haechi.domain.incidents import Incident
from haechi.domain.signatures import A_GUARDIAN, signature

ErasureState = Literal["waiting", "erasing", "erased", "final"]
ERASED = "erased"
SETTLE = timedelta(seconds=60)  # what was in hand when the consent went has reached the stores by then
LOOK_AGAIN = timedelta(seconds=10)
LOCKED = timedelta(hours=1)
DONE_WITHIN = timedelta(hours=24)  # the stores, from the request on
TELL_AFTER = timedelta(hours=12)  # of waiting: the other half is for whoever must close what is in the way

# What the receipt says of itself.
_SAID: Mapping[ErasureState, str] = {
    "waiting": "Nothing is erased yet. It begins at once, or when the incidents named here are closed: the duty desk is told "
    "when they are still open 12 hours after the request. The stores are empty of the person by `stores_by`, if they are "
    "closed before.",
    "erasing": "Gone from PostgreSQL, Redis and the evidence; everything is looked for once more within two minutes.",
    "erased": "The stores are empty of the person. What is left are messages in Kafka, each stream until the time named "
    "here, at most 7 days: they carry an opaque id that no registry explains any more, and no name; those that keep a "
    "state or failed are encrypted; no process decides about, shows or keeps anything of that id. Kafka cannot take "
    "single messages out of a stream. An incident named here was opened meanwhile, or is under a lock.",
    "final": "Nothing is left but what the law asks for: opaque ids, times, and who of the staff did what.",
}


class Erasure(msgspec.Struct, frozen=True):
    """A receipt. It names nobody but who asked, and the person by the opaque id alone.

    waiting: an incident is open (`incidents`, by number), or nobody has looked yet. erasing: gone from the stores, and
    looked for once more after `SETTLE`. erased: what is left lies in streams that nobody reads any more, each until the
    time in `streams`, and in incidents that are open (a call that was on its way) or whose evidence somebody has locked
    (`locked`). final: nothing is left. `counts` are rows; `stores_by` is what was promised; `words` say it all to people.
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
    stores_by: datetime | None = None
    words: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """A receipt that waited for `TELL_AFTER`; `now` is the database's clock."""

    erasure: Erasure
    now: datetime


def ask(erasure_id: str, person: str, district: str, by: str, now: datetime) -> Erasure:
    """The receipt of a request, to be looked at now."""
    stores_by = now + DONE_WITHIN
    return _in("waiting", Erasure(erasure_id, person, district, by, now, due_at=now, stores_by=stores_by))


def _in(state: ErasureState, erasure: Erasure, **changes: object) -> Erasure:
    return msgspec.structs.replace(erasure, state=state, words=_SAID[state], **changes)


def waits(one: Waiting) -> Alert:
    """That an erasure waits, to the desk; over when it has begun. The same alert whoever computes it.

    Its subject is the receipt, not the person: an incident of the person would be one more to wait for.
    """
    erasure, kind = one.erasure, KINDS["erasure-waits"]
    by = erasure.asked_at + DONE_WITHIN
    until = f"The erasure asked for on {erasure.asked_at:%Y-%m-%d} must be done by {by:%Y-%m-%d %H:%M} UTC"
    if erasure.incidents:
        words = f"{until}. Close incident {', '.join(map(str, erasure.incidents))}: it waits for that"
    else:
        words = f"{until}, and nobody has begun it: does analytics.archive run"
    because = Because(rule="erasure", words=words, values=(("done_by", by.timestamp()),))
    alert = raised(kind, erasure.id, "-", erasure.district, erasure.asked_at + TELL_AFTER, because, now=one.now)
    if erasure.state == "waiting":
        return alert
    over = Because(rule="erasure", words="The erasure has begun")
    return cleared(msgspec.structs.replace(alert, because=over), one.now)


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
        return _in("erasing", more, begun_at=now, due_at=now + SETTLE)
    if erasure.state == "erasing":
        streams = {name: now + keep for name, keep in keeps.items()}
        return _in("erased", more, erased_at=now, streams=streams, due_at=max(streams.values(), default=now))
    if unclosed or locked:
        return msgspec.structs.replace(more, due_at=now + LOCKED)
    return _in("final", more, final_at=now, due_at=None)


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
        "moot",
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
