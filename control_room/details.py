"""An opened incident: its picture, who was told, what happened when. Opening is a look, and looks are audited."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from control_room import describe
from control_room.live.view import View, seen
from control_room.words import word
from haechi.clock import Clock
from haechi.domain.access import Principal, sees_place_of, sees_places
from haechi.domain.coverage import CameraSite, Coverage
from haechi.domain.deliveries import DeliveryView
from haechi.domain.geo import Point, distance_m
from haechi.domain.incidents import Incident, IncidentEvent, trail_for_people
from haechi.domain.people import Person
from haechi.domain.signatures import named
from haechi.domain.video import BoundingBox
from haechi.store.audit import Look, OwnReason

LOOK_AGAIN = timedelta(minutes=10)  # the same eyes on the same incident are one look for so long
_LOOKS = 4096


class IncidentReader(Protocol):
    """`haechi.store.incidents.Incidents`, as far as a look needs it."""

    async def get(self, incident_id: str, district: str) -> Incident: ...
    async def trail(self, incident_id: str) -> list[IncidentEvent]: ...
    async def deliveries(self, incident_id: str) -> list[DeliveryView]: ...


class AuditWriter(Protocol):
    """`haechi.store.audit.Audit`, as far as a look needs it."""

    async def write(self, who: str, what: str, subject: str, district: str | None, reason: str = "") -> None: ...
    async def look(self, *looks: Look) -> None: ...
    async def follow(self, *looks: Look) -> None: ...


class Line(msgspec.Struct, frozen=True):
    """A line of the timeline; `after_s` since it happened."""

    at: datetime
    after_s: float
    words: str
    by: str = ""


class Told(msgspec.Struct, frozen=True):
    """One recipient and how far telling them is."""

    name: str
    state: str
    at: datetime | None
    error: str | None


class Picture(msgspec.Struct, frozen=True):
    """The evidence, with what was seen in it (shares of width and height)."""

    sha256: str
    camera: str
    at: datetime
    boxes: tuple[BoundingBox, ...]
    zone: tuple[tuple[float, float], ...]
    masked: bool


class NearCamera(msgspec.Struct, frozen=True):
    """A camera that sees the spot as far as is known now, may see it, or, where none does, hangs nearest."""

    id: str
    name: str
    metres: int
    sees: Literal["own", "sees", "may see", "nearest"]


class Details(msgspec.Struct, frozen=True):
    """All that the panel on the right shows."""

    id: str
    number: int
    version: int
    severity: int
    status: str
    state: str
    title: str
    who: str
    about: Literal["person", "thing"]
    name: str | None
    where: str
    accuracy_m: float | None
    happened_at: datetime
    opened_at: datetime
    late: bool
    seen_at: datetime | None
    battery: float | None
    presses: int
    owner: str | None
    open: bool
    told: tuple[Told, ...]
    timeline: tuple[Line, ...]
    picture: Picture | None
    cameras: tuple[NearCamera, ...]
    point: Point | None


class Looks:
    """Which looks are on record already; bounded, the oldest are forgotten (and would be recorded again)."""

    def __init__(self, audit: AuditWriter, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def record(self, who: str, what: str, subject: str, district: str, reason: str = "") -> None:
        """An audit entry, unless the same eyes saw the same thing within `LOOK_AGAIN`."""
        await self._once((who, f"{what} {subject}"), lambda: self._audit.write(who, what, subject, district, reason))

    async def opened(self, principal: Principal, incident: Incident) -> None:
        """The same for where the subject of an opened incident is; the person's guardian can see it."""
        key = principal.name, f"place {incident.id}"
        await self._once(key, lambda: self._audit.look(look_at(principal, incident, "opened it")))

    async def follow(self, principal: Principal, incidents: Sequence[Incident]) -> None:
        """Markers of people that have come in sight: one entry for each pair of eyes and incident, for ever."""
        fresh = [one for one in incidents if (principal.name, f"marker {one.id}") not in self._seen]
        if fresh:
            await self._audit.follow(*(look_at(principal, one, "an open incident") for one in fresh))
        for one in incidents:
            self._keep((principal.name, f"marker {one.id}"))

    async def _once(self, key: tuple[str, str], write: Callable[[], Awaitable[None]]) -> None:
        if key in self._seen and self._clock() - self._seen[key] < LOOK_AGAIN:
            return
        await write()
        self._keep(key)

    def _keep(self, key: tuple[str, str]) -> None:
        self._seen[key] = self._clock()
        self._seen.move_to_end(key)
        while len(self._seen) > _LOOKS:
            self._seen.popitem(last=False)


def look_at(principal: Principal, incident: Incident, why: OwnReason) -> Look:
    """That somebody sees where the subject of an incident is."""
    role = principal.role_in(incident.district)
    return Look(incident.subject, incident.district, principal.name, role, f"incident {incident.number}", why)


def details(
    incident: Incident,
    trail: Sequence[IncidentEvent],
    deliveries: Sequence[DeliveryView],
    view: View,
    person: Person | None,
    principal: Principal,
) -> Details:
    """Pure: what `principal` may read of the incident. The person's name needs the right to handle it."""
    incident, trail = named(incident, trail, deliveries)
    trail = trail_for_people(incident, trail, places=sees_place_of(principal, incident))
    if person is not None:  # the subject of a closed incident is no longer in the view
        view = msgspec.structs.replace(view, people={person.id: seen(person)})
    may_name = principal.may("handle incidents", incident.district)
    spots = view.trails.get(incident.id, ())
    point = spots[-1].point if spots else incident.point
    return Details(
        id=incident.id,
        number=incident.number,
        version=incident.version,
        severity=int(incident.severity),
        status=incident.status,
        state=incident.state,
        title=describe.headline(incident),
        who=describe.who(incident, view),
        about="thing" if view.camera(incident.subject) or view.sensor(incident.subject) else "person",
        name=person.name if may_name and person is not None else None,
        where=_where(incident, view, point),
        accuracy_m=spots[-1].accuracy_m if spots else incident.accuracy_m,
        happened_at=incident.starts_at,
        opened_at=incident.opened_at,
        late=incident.came_late,
        seen_at=spots[-1].at if spots else incident.seen_at if incident.point is not None else None,
        battery=incident.scene.battery if incident.scene is not None else None,
        presses=incident.presses,
        owner=incident.owner,
        open=incident.open,
        told=tuple(_told(delivery) for delivery in deliveries),
        timeline=_timeline(incident, trail, deliveries),
        picture=_picture(incident, view) if sees_places(principal, incident.district) else None,
        cameras=_cameras(incident, point, spots[-1].accuracy_m if spots else incident.accuracy_m, view),
        point=point,
    )


def _where(incident: Incident, view: View, point: Point | None) -> str:
    """In words; where the map has none for it, in degrees, so that it can be said on the telephone."""
    camera = view.camera(incident.subject)
    if camera is None:
        unnamed = point is not None and not view.place(point)
        return f"{point.lat:.5f}, {point.lon:.5f}" if point and unnamed else describe.where(incident, view)
    return ", ".join(filter(None, (camera.name, view.place(camera.location))))


def _told(delivery: DeliveryView) -> Told:
    return Told(delivery.recipient.name, delivery.state, delivery.finished_at, delivery.last_error)


def _timeline(
    incident: Incident, trail: Sequence[IncidentEvent], deliveries: Sequence[DeliveryView]
) -> tuple[Line, ...]:
    steps = [
        (incident.starts_at, word("time.happened"), ""),
        (incident.received_at, word("time.received"), ""),
        (incident.decided_at, word("time.decided", words=incident.because.words), ""),
        (incident.opened_at, word("time.opened", n=incident.number), ""),
    ]
    steps += [
        (d.finished_at, word(f"time.{d.state}", name=d.recipient.name, error=d.last_error or "-"), "")
        for d in deliveries
        if d.finished_at is not None and d.state in ("delivered", "failed")
    ]
    if incident.first_attempt_at is not None:
        steps.append((incident.first_attempt_at, word("time.told"), ""))
    steps += [
        (
            event.at,
            f"{event.kind}: {event.words}" if event.words else event.kind,
            "" if event.by == "rule" else event.by,
        )
        for event in trail
        if event.kind != "opened"
    ]
    steps.sort(key=lambda step: step[0])
    return tuple(Line(at, (at - incident.starts_at).total_seconds(), words, by) for at, words, by in steps)


def _picture(incident: Incident, view: View) -> Picture | None:
    if incident.evidence is None:
        return None
    sightings = incident.because.sightings
    camera = view.camera(sightings[0].track.camera if sightings else incident.subject)
    zone = next((z.polygon for z in camera.zones if z.id == incident.place), ()) if camera else ()
    return Picture(
        sha256=incident.evidence,
        camera=camera.name if camera else "",
        at=incident.starts_at,
        boxes=tuple(s.box for s in sightings),
        zone=zone,
        masked=camera is not None and any(z.kind == "mask" for z in camera.zones),
    )


def _cameras(incident: Incident, point: Point | None, accuracy_m: float | None, view: View) -> tuple[NearCamera, ...]:
    """Where to look: the incident's own camera, those that see where its subject was last, else the nearest."""
    own, sensor = view.camera(incident.subject), view.sensor(incident.subject)
    first = () if own is None else (NearCamera(own.id, own.name, 0, "own"),)
    fixed = own or sensor
    spot = fixed.location if point is None and fixed is not None else point
    if spot is None or not view.cameras:
        return first
    sites = (
        CameraSite(c.id, c.district, c.name, c.location, c.view) for c in view.cameras if own is None or c.id != own.id
    )
    watchers = Coverage(sites).watchers(spot, accuracy_m, incident.district)
    found = (*first, *(NearCamera(w.id, w.name, w.metres, w.sees) for w in watchers))
    if found:
        return found
    camera = min(view.cameras, key=lambda c: distance_m(c.location, spot))
    return (NearCamera(camera.id, camera.name, round(distance_m(camera.location, spot)), "nearest"),)
