"""The present of all districts in memory, from which each audience gets its view."""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from control_room.live.counts import count_cells
from control_room.live.sources import Registry
from control_room.live.view import Audience, Cell, Place, Spot, View, seen
from haechi.domain.incidents import Incident, for_people
from haechi.domain.people import Position
from haechi.domain.video import CameraState
from haechi.process import NAMES

TRAIL = 240  # spots kept of one subject: some minutes, and a line that can be read
REPORTING = timedelta(minutes=5)


class World:
    """Written by the feed, read by `view`. `revision` grows with every change.

    Only subjects of open incidents keep a trail, and it goes with the incident; everyone else is a count.
    """

    def __init__(self, registry: Registry, place: Place) -> None:
        self._registry = registry
        self._place = place
        self._incidents: dict[str, Incident] = {}
        self._touched: dict[str, int] = {}
        self._trails: dict[str, deque[Spot]] = {}
        self._camera_states: dict[str, CameraState] = {}
        self._counts: dict[str, tuple[Cell, ...]] = {}
        self._reporting: dict[str, int] = {}
        self._running: set[str] = set()
        self._gone: tuple[str, ...] = ()
        self._revision = 0

    @property
    def revision(self) -> tuple[int, ...]:
        """Another value means that a view may differ."""
        return (self._revision, *self._registry.version)

    @property
    def subjects(self) -> set[str]:
        """People whom an open incident is about; a drill shows nobody's place."""
        return {
            i.subject for i in self._incidents.values() if i.status == "Actual" and self._registry.people.get(i.subject)
        }

    def replace_incidents(self, incidents: Iterable[Incident]) -> None:
        """All open incidents, after a start or a gap."""
        self._incidents = {}
        self.put_incidents(incidents)
        self._touched = {key: times for key, times in self._touched.items() if key in self._incidents}
        self._trails = {key: trail for key, trail in self._trails.items() if key in self._incidents}
        self._revision += 1

    def put_incidents(self, incidents: Iterable[Incident]) -> None:
        """Changed incidents; an older version than the known one is ignored."""
        for incident in map(for_people, incidents):
            known = self._incidents.get(incident.id)
            if known is not None and known.version > incident.version:
                continue
            if incident.open:
                self._incidents[incident.id] = incident
                self._touched[incident.id] = self._touched.get(incident.id, 0) + 1
                before = incident.scene.fixes if incident.scene else ()
                self._add_spots(incident, (*before, *incident.because.fixes))
            else:
                self._incidents.pop(incident.id, None)
                self._touched.pop(incident.id, None)
                self._trails.pop(incident.id, None)
            self._revision += 1

    def put_positions(self, positions: Mapping[str, Position]) -> None:
        """Last positions of `subjects`."""
        for incident in self._incidents.values():
            if incident.status == "Actual" and incident.subject in positions:
                self._add_spots(incident, (positions[incident.subject],))

    def put_camera_states(self, states: dict[str, CameraState]) -> None:
        if states != self._camera_states:
            self._camera_states = states
            self._revision += 1

    def put_running(self, names: Iterable[str]) -> None:
        """Processes whose heart beats; what beat once and does not now is gone. Only names of the house are kept."""
        running = set(names) & set(NAMES)
        self._running |= running
        gone = tuple(sorted(self._running - running))
        if gone != self._gone:
            self._gone = gone
            self._revision += 1

    def put_everyone(self, positions: Mapping[str, Position], at: datetime) -> None:
        """Last positions of all people, to be counted and forgotten."""
        fresh: dict[str, list[Position]] = {}
        for person in self._registry.people.values():
            position = positions.get(person.id)
            if position is not None and at - position.at < REPORTING:
                fresh.setdefault(person.district, []).append(position)
        counts = {district: count_cells(p.point for p in here) for district, here in fresh.items()}
        reporting = {district: len(here) for district, here in fresh.items()}
        if (counts, reporting) != (self._counts, self._reporting):
            self._counts, self._reporting = counts, reporting
            self._revision += 1

    def view(self, audience: Audience, at: datetime) -> View:
        """What somebody with these rights may look at."""
        districts = audience.districts
        incidents = tuple(
            for_people(i, places=i.district in audience.places)
            for i in self._incidents.values()
            if i.district in districts
        )
        shown = [i for i in incidents if i.district in audience.places]
        people = (self._registry.people.get(i.subject) for i in incidents)
        cameras = tuple(c for c in self._registry.cameras.values() if c.district in districts)
        zones = (self._registry.zones.get(i.because.zone or i.place) for i in shown)
        return View(
            at=at,
            incidents=incidents,
            people={p.id: seen(p) for p in people if p is not None and p.district in districts},
            cameras=cameras,
            camera_states={c.id: self._camera_states[c.id] for c in cameras if c.id in self._camera_states},
            sensors=tuple(s for s in self._registry.sensors.values() if s.district in districts),
            zones={z.id: z for z in zones if z is not None and z.district in districts},
            trails={i.id: tuple(self._trails[i.id]) for i in shown if i.id in self._trails},
            counts=tuple(cell for d in sorted(districts) for cell in self._counts.get(d, ())),
            reporting=sum(self._reporting.get(d, 0) for d in districts),
            touched={i.id: self._touched[i.id] for i in incidents},
            gone=self._gone,
            place=self._place,
        )

    def _add_spots(self, incident: Incident, positions: Iterable[Position]) -> None:
        trail = self._trails.get(incident.id) or deque(maxlen=TRAIL)
        for position in sorted(positions, key=lambda p: p.at):
            if position.person == incident.subject and (not trail or position.at > trail[-1].at):
                trail.append(Spot(position.at, position.point, position.accuracy_m))
                self._trails[incident.id] = trail
                self._revision += 1
