"""Incidents: what alerts make, and the one way an incident may change (states of ISA-18.2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from haechi.domain.alerting import CALLS, KINDS, LATE, STRANGER, Alert, Because, Severity, Status
from haechi.domain.geo import Point
from haechi.domain.scene import Scene
from haechi.errors import Conflict
from haechi.ids import alert_id

IncidentState = Literal["unacknowledged", "acknowledged", "returned-unacknowledged", "closed"]


class Incident(msgspec.Struct, frozen=True):
    """What people work on. At most one open incident per (kind, subject, place); `previous` links the one before.

    `moot`: since `ends_at` nobody asks any more whether it is over (`Alert`).
    """

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
    moot: bool = False

    @property
    def open(self) -> bool:
        return self.state != "closed"

    @property
    def of_stranger(self) -> bool:
        """It came from a device that nobody registered: anybody can make as many of these as they have addresses."""
        return self.subject.startswith(STRANGER)

    @property
    def rank(self) -> tuple[int, bool]:
        """The more urgent first; of one severity strangers last, so that a flood of theirs hides nobody who is registered."""
        return self.severity, self.of_stranger

    @property
    def came_late(self) -> bool:
        """A call for help that reached us so long after it happened that nobody may take it for fresh."""
        return self.kind in CALLS and self.received_at - self.starts_at > LATE

    @property
    def seen_at(self) -> datetime:
        """When `point` was seen; with the present instant, the age of the place."""
        if self.scene is not None and self.scene.seen_at is not None:
            return self.scene.seen_at
        return self.because.fixes[-1].seen_at if self.because.fixes else self.starts_at


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


def told_where(of: Alert | Incident) -> bool:
    """Whether a place belongs to it, known or not."""
    return of.kind not in KINDS or not KINDS[of.kind].nowhere


def is_notice(of: Alert | Incident) -> bool:
    """Whether it is only good to know: told, and closed from the beginning, which does not say that it is over."""
    return of.kind in KINDS and KINDS[of.kind].notice


def _has_an_end(of: Alert | Incident) -> bool:
    """Whether it is told when it is over, and a newer raise of it is another episode."""
    return of.kind in KINDS and KINDS[of.kind].end_told


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
    """A person says that it is over, and how it ended. `presses`: of so many they knew when they began to (None: they do not
    say)."""

    by: str
    at: datetime
    outcome: str
    presses: int | None = None


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
    """The incident after the step, what the trail says, and whether its recipients must be told (again).

    `tell_end`: guardians who were told of it are to hear that it is over.
    """

    incident: Incident
    events: tuple[IncidentEvent, ...]
    tell: bool = False
    tell_end: bool = False


def open_incident(
    alert: Alert, incident_id: str, number: int, opened_at: datetime, previous: str | None, scene: Scene | None = None
) -> Step:
    """The first raise of an episode. `scene` says where, also for an alert that does not know its own place.

    A drill about a person keeps no place but the fix that the press itself brought, for the case that it was real.
    """
    scene = _scene(alert, scene)
    notice = is_notice(alert)
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
        starts_at=_began(alert),
        received_at=alert.received_at,
        decided_at=alert.decided_at,
        opened_at=opened_at,
        because=alert.because,
        ends_at=alert.ends_at,
        moot=alert.moot,
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


def _began(alert: Alert) -> datetime:
    """By whose clock it was yet to come when it was known, is ahead. A call is known when it reaches us; what a rule finds may
    follow from the hour, long after the last fix."""
    known_at = alert.received_at if alert.kind in CALLS else alert.decided_at
    return min(alert.starts_at, known_at)


def _scene(alert: Alert, scene: Scene | None) -> Scene:
    """What is known of the place, by the alert itself if by nobody else."""
    if _drills_a_person(alert):
        return Scene()
    if scene is not None:
        return scene
    fixes = alert.because.fixes
    if alert.point is None:
        return Scene()
    return Scene(alert.point, alert.accuracy_m, fixes[-1].seen_at if fixes else alert.starts_at)


def apply_alert(incident: Incident, alert: Alert, at: datetime, scene: Scene | None = None) -> Step:
    """What an alert does to the open incident of its (kind, subject, place).

    The same raise again changes nothing. Another raise (a second press) updates, and re-alarms if severity rose, the
    condition had gone and is back (a child who left, came home, and left again), or it is of another test, whose answer
    somebody waits for; its fix moves the place unless it is older than the one that is known. What is back began now, and
    who was on it before does not know: as where severity rose, it is on nobody. What has an end (`end_told`) and is raised
    anew was over in between, also where nobody could know: while a consent was paused. A clear older than the episode
    is ignored. A cleared incident stays until a person has acknowledged and closed it.
    """
    if alert.action == "clear":
        ended = alert.ends_at or alert.decided_at
        if ended < incident.starts_at:
            return Step(incident, (IncidentEvent("ignored", at, "rule", "a clear older than the episode"),))
        if incident.ends_at is not None:
            return Step(incident, ())
        state: IncidentState = "returned-unacknowledged" if incident.state == "unacknowledged" else incident.state
        cleared = _changed(incident, state=state, ends_at=ended, moot=alert.moot)
        told = _has_an_end(incident) and not alert.moot
        return Step(cleared, (IncidentEvent("cleared", at, "rule", alert.because.words),), tell_end=told)
    if alert.action == "raise" and alert.id == incident.alert_id:
        return Step(incident, ())
    rose = alert.severity < incident.severity
    raises = alert.action == "raise"
    later = _began(alert) > incident.starts_at
    came_back = raises and (incident.ends_at is not None or (_has_an_end(incident) and later))
    over = alert.ends_at if came_back else None
    asks = rose or came_back
    episode = alert if came_back else incident
    state = "unacknowledged" if asks else incident.state
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
        because=_because(incident, alert),
        starts_at=_began(alert) if came_back else incident.starts_at,
        received_at=episode.received_at,
        decided_at=episode.decided_at,
        first_attempt_at=None if came_back else incident.first_attempt_at,
        acknowledged_at=None if asks else incident.acknowledged_at,
        acknowledged_by=None if asks else incident.acknowledged_by,
        ends_at=over if came_back else incident.ends_at,
        moot=episode.moot,
        point=scene.point if moves else incident.point,
        accuracy_m=scene.accuracy_m if moves else incident.accuracy_m,
        scene=where,
        evidence=alert.evidence or incident.evidence,
        presses=incident.presses + raises,
    )
    word: EventKind = "severity rose" if rose else "raised again" if raises else "updated"
    place = f"; {scene.place.en}" if moves and scene.place is not None else ""
    events = [IncidentEvent(word, at, "rule", f"{alert.because.words}{place}")]
    if over is not None:
        events.append(IncidentEvent("cleared", at, "rule", _OVER_ALREADY))
    return Step(changed, tuple(events), tell=asks or (raises and alert.status == "Test"))


def is_another_press(told: Incident, alert: Alert) -> bool:
    """Whether a call for help with the id of one that was `told` of, and was received at another time, is a call of its own.

    A phone without a new fix gives each press the time of its last one. One that sends the same press again, because it never
    had our answer, can't be told from that; when in doubt somebody needs help. What a broker kept is in no doubt.
    """
    return alert.action == "raise" and alert.kind in CALLS and not told.open and not alert.retained


def as_another(alert: Alert) -> Alert:
    """The alert under an id of its own, the same on each road: by when it reached us."""
    return msgspec.structs.replace(alert, id=alert_id(alert.kind, alert.subject, alert.place, alert.received_at))


def _because(incident: Incident, alert: Alert) -> Because:
    """What decided it: the newest alert, but never a cancel, which is a line of the trail.

    Nobody of whom an earlier alert of the incident spoke is forgotten: partitions tell of an area each their part.
    """
    before, now = incident.because, alert.because
    if alert.action == "update" and alert.kind in CALLS:
        return before
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
    if incident.kind in CALLS and command.presses is not None and command.presses < incident.presses:
        raise Conflict(f"Incident {incident.number} was called again meanwhile; look at it before closing.")
    closed = _changed(incident, state="closed", closed_at=command.at, closed_by=command.by)
    return Step(closed, (IncidentEvent("closed", command.at, command.by, command.outcome),))


def _changed(incident: Incident, **changes: object) -> Incident:
    return msgspec.structs.replace(incident, version=incident.version + 1, **changes)
