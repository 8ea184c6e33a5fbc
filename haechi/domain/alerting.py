"""Alerts, the incidents they make, and the one way an incident may change (states of ISA-18.2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Literal

import msgspec

from haechi.domain.geo import Point
from haechi.domain.people import Position, UrgentCall
from haechi.domain.scene import Scene
from haechi.domain.video import Sighting
from haechi.errors import Conflict
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
    a camera, a sensor or the centre itself, whose place is nobody's secret; every other kind is about a person.
    """

    name: str
    title: str
    severity: Severity
    urgent: bool = False
    notice: bool = False
    thing: bool = False


KINDS: dict[str, AlertKind] = {
    kind.name: kind
    for kind in (
        AlertKind("sos", "SOS pressed", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("man-down", "Man down", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("strap-cut", "Strap cut", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("tamper", "Device tampered with", Severity.URGENT, urgent=True),
        AlertKind("zone-exit", "Left safe zone", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("zone-entry", "Entered forbidden zone", Severity.LIFE_SAFETY, urgent=True),
        AlertKind("not-arrived", "Has not arrived at", Severity.URGENT),
        AlertKind("arrived", "Arrived at", Severity.ADVISORY, notice=True),
        AlertKind("left", "Left", Severity.ADVISORY, notice=True),
        AlertKind("night-walk", "Walks an unusual way at night", Severity.ADVISORY, notice=True),
        AlertKind("usual-place", "Usual places were found", Severity.ADVISORY, notice=True),
        AlertKind("trespass", "Trespass", Severity.URGENT, thing=True),
        AlertKind("gas", "Gas", Severity.LIFE_SAFETY, thing=True),
        AlertKind("fire", "Fire", Severity.LIFE_SAFETY, thing=True),
        AlertKind("flood", "High water", Severity.URGENT, thing=True),
        AlertKind("air", "Bad air", Severity.ADVISORY, thing=True),
        AlertKind("consent-ends", "Consent ends soon", Severity.ADVISORY, notice=True),
        AlertKind("phone-test", "Test of the telephones", Severity.ADVISORY),
        AlertKind("dead-letter", "A life-safety message could not be processed", Severity.LIFE_SAFETY, thing=True),
        AlertKind("blind", "No observations arrive", Severity.URGENT, thing=True),
        AlertKind("clock-off", "A clock of ours is off", Severity.URGENT, thing=True),
        AlertKind("silent", "Device fell silent", Severity.URGENT),
        AlertKind("cell-silent", "All devices of an area fell silent", Severity.URGENT),
        AlertKind("battery-low", "Battery low", Severity.ADVISORY),
    )
}

# What people ask for by a button, or a device for them: processed whoever it is, and whatever they consented to.
CALLS = frozenset({"sos", "man-down", "strap-cut", "tamper"})


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

    `call` is the call for help that it came from, where its door did not know whose device that was: the registry is asked
    once more when the incident is made, which keeps nothing of it.
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


IncidentState = Literal["unacknowledged", "acknowledged", "returned-unacknowledged", "closed"]


class Incident(msgspec.Struct, frozen=True):
    """What people work on. At most one open incident per (kind, subject, place); `previous` links the one before."""

    id: str
    alert_id: str
    number: int
    kind: str
    subject: str
    place: str
    district: str
    severity: Severity
    status: Status
    state: IncidentState
    title: str
    starts_at: datetime
    received_at: datetime
    decided_at: datetime
    opened_at: datetime
    because: Because
    ends_at: datetime | None = None
    first_attempt_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    owner: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    previous: str | None = None
    point: Point | None = None
    accuracy_m: float | None = None
    evidence: str | None = None
    presses: int = 1
    version: int = 1
    scene: Scene | None = None

    @property
    def open(self) -> bool:
        return self.state != "closed"

    @property
    def seen_at(self) -> datetime:
        """The event time of what `point` comes from; with the present instant, the age of the place."""
        if self.scene is not None and self.scene.seen_at is not None:
            return self.scene.seen_at
        return self.because.fixes[-1].at if self.because.fixes else self.starts_at


HIDDEN = "(not shown: it may say where a person is)"


def for_people(incident: Incident, *, places: bool = True) -> Incident:
    """The incident as people may look at it: a drill tells nobody where a person is or was, whatever is stored with it.

    Who may not see where people are (`places`) is told neither the place nor the rule's words, which may say it.
    """
    if places or not about_person(incident):
        return placeless(incident) if _drills_a_person(incident) else incident
    hidden = placeless(incident)
    because = msgspec.structs.replace(hidden.because, words=HIDDEN, values=(), zone_name=None)
    title = KINDS[hidden.kind].title if hidden.kind in KINDS else hidden.kind
    return msgspec.structs.replace(hidden, because=because, title=title)


def placeless(incident: Incident) -> Incident:
    """Without where its subject is or was."""
    because = msgspec.structs.replace(incident.because, fixes=())
    return msgspec.structs.replace(incident, point=None, accuracy_m=None, scene=None, because=because)


def about_person(of: Alert | Incident) -> bool:
    """Whether its place is where a person is or was; a kind that nobody knows is taken for such a one."""
    return of.kind not in KINDS or not KINDS[of.kind].thing


def _drills_a_person(of: Alert | Incident) -> bool:
    return of.status != "Actual" and about_person(of)


class Acknowledge(msgspec.Struct, frozen=True):
    """A person has seen it and is on it."""

    by: str
    at: datetime


class Own(msgspec.Struct, frozen=True):
    """`owner` takes the incident (or, None, gives it back)."""

    by: str
    at: datetime
    owner: str | None


class Note(msgspec.Struct, frozen=True):
    """Words for the trail; a guardian's "false alarm" is one too, and never ends anything."""

    by: str
    at: datetime
    words: str


class Close(msgspec.Struct, frozen=True):
    """A person says that it is over, and how it ended."""

    by: str
    at: datetime
    outcome: str


class EndTest(msgspec.Struct, frozen=True):
    """A test is over: it was answered, or its time is; nothing else ends by itself."""

    by: str
    at: datetime
    words: str


Command = Acknowledge | Own | Note | Close | EndTest
EventKind = Literal[
    "opened",
    "raised again",
    "updated",
    "cleared",
    "severity rose",
    "acknowledged",
    "owner",
    "note",
    "closed",
    "ignored",
]


class IncidentEvent(msgspec.Struct, frozen=True):
    """One line of an incident's trail."""

    kind: EventKind
    at: datetime
    by: str
    words: str = ""


def trail_for_people(incident: Incident, trail: Sequence[IncidentEvent], *, places: bool) -> list[IncidentEvent]:
    """The trail beside `for_people`: what people did, and that the rule spoke."""
    hides = not places and about_person(incident)
    return [
        msgspec.structs.replace(line, words=HIDDEN) if hides and line.by == "rule" and line.words else line
        for line in trail
    ]


_OVER_ALREADY = "it was over already when it was decided"


class Step(msgspec.Struct, frozen=True):
    """The incident after the step, what the trail says, and whether its recipients must be told (again)."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    tell: bool = False


def open_incident(
    alert: Alert, incident_id: str, number: int, opened_at: datetime, previous: str | None, scene: Scene | None = None
) -> Step:
    """The first raise of an episode. `scene` says where, also for an alert that does not know its own place.

    A drill about a person keeps no place but the fix that the press itself brought, for the case that it was real.
    """
    scene = _scene(alert, scene)
    notice = alert.kind in KINDS and KINDS[alert.kind].notice
    state: IncidentState = "unacknowledged" if alert.ends_at is None else "returned-unacknowledged"
    incident = Incident(
        id=incident_id,
        alert_id=alert.id,
        number=number,
        kind=alert.kind,
        subject=alert.subject,
        place=alert.place,
        district=alert.district,
        severity=alert.severity,
        status=alert.status,
        state="closed" if notice else state,
        title=alert.title,
        starts_at=alert.starts_at,
        received_at=alert.received_at,
        decided_at=alert.decided_at,
        opened_at=opened_at,
        because=alert.because,
        ends_at=alert.ends_at,
        previous=previous,
        point=scene.point,
        accuracy_m=scene.accuracy_m,
        evidence=alert.evidence,
        scene=scene,
        closed_at=opened_at if notice else None,
        closed_by="rule" if notice else None,
    )
    events = [IncidentEvent("opened", opened_at, "rule", alert.because.words)]
    if alert.ends_at is not None:
        events.append(IncidentEvent("cleared", opened_at, "rule", _OVER_ALREADY))
    return Step(incident, tuple(events), tell=True)


def _scene(alert: Alert, scene: Scene | None) -> Scene:
    """What is known of the place, by the alert itself if by nobody else."""
    if _drills_a_person(alert):
        return Scene()
    if scene is not None:
        return scene
    fixes = alert.because.fixes
    if alert.point is None:
        return Scene()
    return Scene(alert.point, alert.accuracy_m, fixes[-1].at if fixes else alert.starts_at)


def apply_alert(incident: Incident, alert: Alert, at: datetime, scene: Scene | None = None) -> Step:
    """What an alert does to the open incident of its (kind, subject, place).

    The same raise again changes nothing. Another raise (a second press) updates, and re-alarms if severity rose or the
    condition had gone and is back (a child who left, came home, and left again); its fix moves the place unless it is
    older than the one that is known. A clear older than the episode is ignored. A cleared incident stays until a person
    has acknowledged and closed it.
    """
    if alert.action == "clear":
        ended = alert.ends_at or alert.decided_at
        if ended < incident.starts_at:
            return Step(incident, (IncidentEvent("ignored", at, "rule", "a clear older than the episode"),))
        if incident.ends_at is not None:
            return Step(incident, ())
        state: IncidentState = "returned-unacknowledged" if incident.state == "unacknowledged" else incident.state
        cleared = _changed(incident, state=state, ends_at=ended)
        return Step(cleared, (IncidentEvent("cleared", at, "rule", alert.because.words),))
    if alert.action == "raise" and alert.id == incident.alert_id:
        return Step(incident, ())
    rose = alert.severity < incident.severity
    came_back = incident.ends_at is not None and alert.action == "raise"
    over = alert.ends_at if came_back else None
    state = "unacknowledged" if rose or came_back else incident.state
    if over is not None:
        state = "returned-unacknowledged"
    scene = _scene(alert, scene)
    moves = scene.seen_at is not None and (incident.point is None or scene.seen_at >= incident.seen_at)
    where = scene if moves or incident.scene is None else incident.scene
    changed = _changed(
        incident,
        state=state,
        severity=min(alert.severity, incident.severity),
        title=alert.title,
        because=_with_everyone(incident.because, alert.because),
        ends_at=over if came_back else incident.ends_at,
        point=scene.point if moves else incident.point,
        accuracy_m=scene.accuracy_m if moves else incident.accuracy_m,
        scene=where,
        evidence=alert.evidence or incident.evidence,
        presses=incident.presses + (alert.action == "raise"),
    )
    word: EventKind = "severity rose" if rose else "raised again" if alert.action == "raise" else "updated"
    place = f"; {scene.place.en}" if moves and scene.place is not None else ""
    events = [IncidentEvent(word, at, "rule", f"{alert.because.words}{place}")]
    if over is not None:
        events.append(IncidentEvent("cleared", at, "rule", _OVER_ALREADY))
    return Step(changed, tuple(events), tell=rose or came_back)


def _with_everyone(before: Because, now: Because) -> Because:
    """Nobody of whom an earlier alert of the incident spoke is forgotten: partitions tell of an area each their part."""
    people = tuple(dict.fromkeys((*before.people, *now.people)))
    return msgspec.structs.replace(now, people=people) if now.people else now


def apply_command(incident: Incident, command: Command) -> Step:
    """What a person does. Raises Conflict in words when it is not possible in the present state."""
    if isinstance(command, Note):
        return Step(incident, (IncidentEvent("note", command.at, command.by, command.words),))
    if not incident.open:
        raise Conflict(
            f"Incident {incident.number} was closed by {incident.closed_by}; open incidents only can change."
        )
    if isinstance(command, Acknowledge):
        if incident.acknowledged_at is not None and incident.state == "acknowledged":
            return Step(incident, ())
        acknowledged = _changed(
            incident,
            state="acknowledged",
            acknowledged_at=incident.acknowledged_at or command.at,
            acknowledged_by=incident.acknowledged_by or command.by,
            owner=incident.owner or command.by,
        )
        return Step(acknowledged, (IncidentEvent("acknowledged", command.at, command.by),))
    if isinstance(command, Own):
        words = f"taken by {command.owner}" if command.owner else "given back"
        return Step(_changed(incident, owner=command.owner), (IncidentEvent("owner", command.at, command.by, words),))
    if isinstance(command, EndTest):
        if incident.status != "Test":
            raise Conflict(f"Incident {incident.number} is no test; a person closes it.")
        ended = _changed(incident, state="closed", closed_at=command.at, closed_by=command.by)
        return Step(ended, (IncidentEvent("closed", command.at, command.by, command.words),))
    if incident.state != "acknowledged":
        raise Conflict(f"Incident {incident.number} is not acknowledged yet; acknowledge it before closing.")
    closed = _changed(incident, state="closed", closed_at=command.at, closed_by=command.by)
    return Step(closed, (IncidentEvent("closed", command.at, command.by, command.outcome),))


def _changed(incident: Incident, **changes: object) -> Incident:
    return msgspec.structs.replace(incident, version=incident.version + 1, **changes)


def urgent_alert(call: UrgentCall, decided_at: datetime) -> Alert:
    """SOS and its kin to an alert; both roads (Kafka and the inbox) call it, and its id merges them.

    A cancel from the device updates and never closes. An unknown device's call is its own subject.
    """
    kind = KINDS["sos" if call.kind == "cancel" else call.kind]
    subject = call.person or f"unknown:{call.source or call.device}"
    words = (
        f"{kind.title} on device {front_of(call.device)}" if call.person else "SOS from a device that nobody registered"
    )
    if call.kind == "cancel":
        words = "The device sent a cancel; a person must decide"
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
            fixes=()
            if call.point is None
            else (
                Position(device, subject, call.at, call.received_at, call.point, call.accuracy_m, battery=call.battery),
            ),
            values=() if call.battery is None else (("battery", call.battery),),
        ),
        title=kind.title if call.person else "SOS from an unknown device",
        point=call.point,
        accuracy_m=call.accuracy_m,
        call=None if call.person else call,
    )


AgencyRole = Literal["police", "fire", "desk"]


class Agency(msgspec.Struct, frozen=True):
    """Police, fire or the duty desk of a district, told by webhook."""

    id: str
    district: str
    name: str
    role: AgencyRole
    webhook_url: str


RecipientKind = Literal["guardian", "police", "fire", "desk"]


NO_CHANNEL = "none"


class Recipient(msgspec.Struct, frozen=True):
    """Who is told, and by which channel: a guardian, an agency or the duty desk.

    With NO_CHANNEL it is somebody who ought to be told and cannot be; `address` then says why. `language` (BCP 47) is a
    guardian's.
    """

    kind: RecipientKind
    id: str
    name: str
    channel: str
    address: str
    language: str = ""


A_GUARDIAN = "a guardian"


def signature(guardian: str) -> str:
    """What a guardian did is signed by the opaque id: the name stands in the registry alone, and goes with the row."""
    return f"guardian:{guardian}"


def in_words(by: str, names: Mapping[str, str] | None = None) -> str:
    """Who did something, for people to read. `names` are guardians' by signature; whose is not known is "a guardian"."""
    if not by.startswith(signature("")):
        return by
    name = (names or {}).get(by)
    return f"{name} (guardian)" if name else A_GUARDIAN


DeliveryState = Literal["pending", "sending", "delivered", "failed", "cancelled"]


class Delivery(msgspec.Struct, frozen=True):
    """One message to one recipient about one incident; `id` is the webhook-id and the same across retries."""

    id: str
    incident_id: str
    recipient: Recipient
    state: DeliveryState
    attempts: int
    created_at: datetime
    incident: Incident


class DeliveryView(msgspec.Struct, frozen=True):
    """How far one delivery is, as people look at it."""

    id: str
    recipient: Recipient
    reason: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    first_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None


def named(
    incident: Incident, trail: Sequence[IncidentEvent], deliveries: Sequence[DeliveryView]
) -> tuple[Incident, list[IncidentEvent]]:
    """Signatures as names, for people to read: of the guardians whom a message of the incident went to, as it named them."""
    names = {signature(d.recipient.id): d.recipient.name for d in deliveries if d.recipient.kind == "guardian"}
    signed = {
        field: in_words(by, names)
        for field in ("acknowledged_by", "owner", "closed_by")
        if (by := getattr(incident, field)) is not None
    }
    lines = [msgspec.structs.replace(event, by=in_words(event.by, names)) for event in trail]
    return msgspec.structs.replace(incident, **signed), lines
