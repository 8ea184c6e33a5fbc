"""Alerts: what a person must know, of which kind, and what decided it."""

from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal

import msgspec

from haechi.domain.geo import Point
from haechi.domain.people import Position, UrgentCall
from haechi.domain.time import span_in_words
from haechi.domain.video import Sighting
from haechi.ids import alert_id, front_of

Status = Literal["Actual", "Exercise", "Test"]


class Severity(IntEnum):
    """The badge on the wall: 1 diamond, 2 triangle, 3 triangle pointing down."""

    LIFE_SAFETY = 1
    URGENT = 2
    ADVISORY = 3


class AlertKind(msgspec.Struct, frozen=True):
    """A row of what can be alerted. Urgent kinds travel on `alerts.urgent`, never behind video or sensors.

    A `notice` is good to know and nobody's work: its incident is told, and closed from the beginning. A `thing` is about
    a camera, a sensor or the centre itself, whose place is nobody's secret; every other kind is about a person. `end_told`:
    the guardians who heard of it hear of its end, too. `nowhere`: where the person is has no part in it, so that nobody looks
    it up and nobody is told.
    """

    name: str
    title: str
    severity: Severity
    urgent: bool = False
    notice: bool = False
    thing: bool = False
    end_told: bool = False
    nowhere: bool = False


KINDS: dict[str, AlertKind] = {
    kind.name: kind
    for kind in (
        AlertKind("sos", "SOS pressed", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("man-down", "Man down", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("strap-cut", "Strap cut", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("tamper", "Device tampered with", Severity.URGENT, urgent=True),
        AlertKind("zone-exit", "Left safe zone", Severity.LIFE_SAFETY, urgent=True, end_told=True),
        AlertKind("zone-entry", "Entered forbidden zone", Severity.LIFE_SAFETY, urgent=True, end_told=True),
        AlertKind("not-arrived", "Has not arrived at", Severity.URGENT, end_told=True),
        AlertKind("arrived", "Arrived at", Severity.ADVISORY, notice=True),
        AlertKind("left", "Left", Severity.ADVISORY, notice=True),
        AlertKind("night-walk", "Walks an unusual way at night", Severity.ADVISORY, notice=True),
        AlertKind("usual-place", "Usual places were found", Severity.ADVISORY, notice=True, nowhere=True),
        AlertKind("trespass", "Trespass", Severity.URGENT, thing=True),
        AlertKind("gas", "Gas", Severity.LIFE_SAFETY, thing=True),
        AlertKind("fire", "Fire", Severity.LIFE_SAFETY, thing=True),
        AlertKind("flood", "High water", Severity.URGENT, thing=True),
        AlertKind("air", "Bad air", Severity.ADVISORY, thing=True),
        AlertKind("consent-ends", "Consent ends soon", Severity.ADVISORY, notice=True, nowhere=True),
        AlertKind("phone-test", "Test of the telephones", Severity.ADVISORY, nowhere=True),
        AlertKind("dead-letter", "A life-safety message could not be processed", Severity.LIFE_SAFETY, thing=True),
        AlertKind("blind", "No observations arrive", Severity.URGENT, thing=True),
        AlertKind("clock-off", "A clock of ours is off", Severity.URGENT, thing=True),
        AlertKind("erasure-waits", "An erasure waits for open incidents", Severity.URGENT, thing=True),
        AlertKind("silent", "Device fell silent", Severity.URGENT, end_told=True),
        AlertKind("cell-silent", "All devices of an area fell silent", Severity.URGENT),
        AlertKind("battery-low", "Battery low", Severity.ADVISORY),
    )
}

STRANGER = "unknown:"
"""How the subject begins of a call that came from a device that nobody registered."""

# What people ask for by a button, or a device for them: processed whoever it is, and whatever they consented to.
CALLS = ("sos", "man-down", "strap-cut", "tamper")
# What guardians are told without a consent: calls, and what does not come of a position.
WITHOUT_CONSENT = (*CALLS, "consent-ends", "phone-test")
# A call for help that reaches us longer after it happened than this says so to everybody who reads of it.
LATE = timedelta(minutes=1)
# A fix that reaches us longer after it was taken comes out of a backlog, of which phones send one fix after the other.
BACKLOG = timedelta(minutes=2)
HOLD = timedelta(seconds=15)


class Because(msgspec.Struct, frozen=True, omit_defaults=True):
    """What decided an alert, so that it can be explained later: evidence, thresholds and row versions.

    `people` are the opaque ids of all whom one alert is about, where it is about many.
    """

    rule: str
    words: str
    fixes: tuple[Position, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    values: tuple[tuple[str, float], ...] = ()
    zone: str | None = None
    zone_name: str | None = None
    zone_version: int | None = None
    people: tuple[str, ...] = ()


class Alert(msgspec.Struct, frozen=True):
    """Something a person must know, at most once in effect: `id` is `haechi.ids.alert_id(...)` of its key and start.

    Subject and place: SOS person/-, exit person/zone, trespass camera/zone, reading sensor/rule. `starts_at` is event
    time; `received_at` and `decided_at` carry the latency. `evidence` is the SHA-256 of a picture.

    A raise with `ends_at` was over already when it was decided, as in a backlog that also shows the return.

    A `moot` clear does not say that it is over, but that nobody asks any more: the hours have ended, the zone was removed, or
    nothing may be known of the person. Nobody may read in it that somebody is back.

    `call` is the call for help that it came from, where its door did not know whose device that was: the registry is asked
    once more when the incident is made, which keeps nothing of it. `retained` as of that call.
    """

    id: str
    action: Literal["raise", "update", "clear"]
    kind: str
    subject: str
    place: str
    district: str
    severity: Severity
    status: Status
    starts_at: datetime
    received_at: datetime
    decided_at: datetime
    because: Because
    title: str
    ends_at: datetime | None = None
    point: Point | None = None
    accuracy_m: float | None = None
    evidence: str | None = None
    call: UrgentCall | None = None
    moot: bool = False
    retained: bool = False


def raised(
    kind: AlertKind,
    subject: str,
    place: str,
    district: str,
    at: datetime,
    because: Because,
    *,
    now: datetime | None = None,
    status: Status = "Actual",
    title: str | None = None,
) -> Alert:
    """The raise of an episode that started at `at` and is known `now` (without it: at once), about no point of the map."""
    return Alert(
        id=alert_id(kind.name, subject, place, at),
        action="raise",
        kind=kind.name,
        subject=subject,
        place=place,
        district=district,
        severity=kind.severity,
        status=status,
        starts_at=at,
        received_at=now or at,
        decided_at=now or at,
        because=because,
        title=title or kind.title,
    )


def hold_of(alert: Alert) -> timedelta:
    """How long nobody is told yet: of a zone that an old fix shows as left or entered, what comes behind it may show the
    end too, and nobody should run for who is back."""
    kind, fixes = KINDS.get(alert.kind), alert.because.fixes
    left_or_entered = kind is not None and kind.urgent and kind.end_told
    old = bool(fixes) and alert.received_at - fixes[-1].at > BACKLOG
    return HOLD if left_or_entered and old and alert.ends_at is None else timedelta(0)


def cleared(alert: Alert, ended_at: datetime) -> Alert:
    """The end of the episode that the alert raises."""
    return msgspec.structs.replace(alert, action="clear", ends_at=ended_at)


def urgent_alerts(call: UrgentCall, decided_at: datetime) -> tuple[Alert, ...]:
    """SOS and its kin to what they tell; both roads (Kafka and the inbox) call it, and the ids merge them.

    A cancel says not of what: it is an alert of each kind, for whichever is open.
    """
    kinds = CALLS if call.kind == "cancel" else (call.kind,)
    return tuple(urgent_alert(call, decided_at, kind) for kind in kinds)


def urgent_alert(call: UrgentCall, decided_at: datetime, of: str | None = None) -> Alert:
    """What the call tells `of` one kind, its own unless said; a cancel has none.

    A cancel from the device updates and never closes. An unknown device's call is its own subject.
    """
    kind = KINDS[of or call.kind]
    subject = call.person or f"{STRANGER}{call.source or call.device}"
    words = (
        f"{kind.title} on device {front_of(call.device)}" if call.person else "SOS from a device that nobody registered"
    )
    if call.kind == "cancel":
        words = f"Device {front_of(call.device)} sent a cancel; a person must decide"
    if (late := call.received_at - call.at) > LATE:
        words = f"{words}, by its clock {span_in_words(late.total_seconds())} before it reached us"
    device = front_of(call.device)
    return Alert(
        id=alert_id(kind.name, subject, "-", call.at),
        action="update" if call.kind == "cancel" else "raise",
        kind=kind.name,
        subject=subject,
        place="-",
        district=call.district,
        severity=kind.severity,
        status="Actual",
        starts_at=call.at,
        received_at=call.received_at,
        decided_at=decided_at,
        because=Because(
            rule="urgent",
            words=words,
            fixes=() if call.point is None else (_fix(call, call.point, device, subject),),
            values=() if call.battery is None else (("battery", call.battery),),
        ),
        title=kind.title if call.person else "SOS from an unknown device",
        point=call.point,
        accuracy_m=call.accuracy_m,
        call=None if call.person else call,
        retained=call.retained,
    )


def _fix(call: UrgentCall, point: Point, device: str, subject: str) -> Position:
    at = call.fixed_at or call.at
    return Position(device, subject, at, call.received_at, point, call.accuracy_m, battery=call.battery)
