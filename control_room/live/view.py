"""What a wall may look at: one frozen view per audience. No person's name is in it, by construction."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

import msgspec

from haechi.domain.access import Principal, sees_places
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident
from haechi.domain.people import Person, PersonKind, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera, CameraState

Place = Callable[[Point], str]


class Audience(msgspec.Struct, frozen=True):
    """Who has the same rights sees the same: the districts, and of those the ones in which people are seen: where they are,
    and in pictures."""

    districts: frozenset[str]
    places: frozenset[str]


def audience_of(principal: Principal, districts: Iterable[str]) -> Audience:
    """Its audience, of these districts."""
    here = frozenset(districts)
    return Audience(here, frozenset(one for one in here if sees_places(principal, one)))


class PersonSeen(msgspec.Struct, frozen=True):
    """What the queue may say of a person before anyone has opened the incident."""

    id: str
    district: str
    kind: PersonKind
    born: date

    def age(self, at: datetime) -> int:
        """Whole years at the instant."""
        return at.year - self.born.year - ((at.month, at.day) < (self.born.month, self.born.day))


def seen(person: Person) -> PersonSeen:
    """The person without the name."""
    return PersonSeen(person.id, person.district, person.kind, person.born)


class Cell(msgspec.Struct, frozen=True):
    """A square of the map in which at least five people are; `point` is its middle."""

    point: Point
    people: int


class Spot(msgspec.Struct, frozen=True):
    """Where the subject of an open incident was last."""

    at: datetime
    point: Point
    accuracy_m: float | None


class View(msgspec.Struct, frozen=True):
    """All that the panels are made from, of some districts, at one instant.

    `gone` are processes that were running and are not now. `touched` counts what happened to an incident, also what leaves its row alone: a note, a delivery.
    """

    at: datetime
    incidents: tuple[Incident, ...] = ()
    people: Mapping[str, PersonSeen] = {}
    cameras: tuple[Camera, ...] = ()
    camera_states: Mapping[str, CameraState] = {}
    sensors: tuple[Sensor, ...] = ()
    zones: Mapping[str, SafeZone] = {}
    trails: Mapping[str, tuple[Spot, ...]] = {}
    counts: tuple[Cell, ...] = ()
    reporting: int = 0
    touched: Mapping[str, int] = {}
    gone: tuple[str, ...] = ()
    place: Place = lambda _: ""

    def camera(self, camera_id: str) -> Camera | None:
        return next((c for c in self.cameras if c.id == camera_id), None)

    def sensor(self, sensor_id: str) -> Sensor | None:
        return next((s for s in self.sensors if s.id == sensor_id), None)
