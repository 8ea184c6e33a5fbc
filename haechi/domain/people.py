"""The protected people, who guards them, where their devices say they are, and where they should be."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.geo import Area, Point
from haechi.domain.schedule import Schedule

PersonKind = Literal["child", "elder", "other"]
DeviceKind = Literal["phone", "watch", "tag", "tracker", "button"]
Scope = Literal["position", "sos", "search"]
ReaderKind = Literal["gate", "bus-stop"]
Battery = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Consent(msgspec.Struct, frozen=True):
    """What a person's ledger (`haechi.domain.consent`) says from now on: who allowed what, from when until when.

    A paused one allows nothing until it is resumed, or until `paused_until`. Of a pause that has ended it still knows when it
    was: a telephone that kept its fixes meanwhile sends them afterwards.
    """

    given_by: str
    given_at: datetime
    scopes: tuple[Scope, ...]
    expires_at: datetime | None = None
    paused: bool = False
    paused_until: datetime | None = None
    paused_at: datetime | None = None

    def allows(self, scope: Scope, at: datetime) -> bool:
        """Whether the scope is covered at the instant; the end itself is no longer covered."""
        return scope in self.scopes and self.holds(at)

    def holds(self, at: datetime) -> bool:
        """Whether it has begun, is not over, and is not paused."""
        return self.given_at <= at and not self.over(at) and not self.pauses(at)

    def until(self, at: datetime) -> datetime | None:
        """When what holds at the instant may next be otherwise without another word; None: never."""
        ends = (self.given_at, self.expires_at, self.paused_until)
        return min((end for end in ends if end is not None and end > at), default=None)

    def in_pause(self, at: datetime) -> bool:
        """Whether the instant lies in the newest pause, be it over or not."""
        return (
            self.paused_at is not None and self.paused_at <= at and not (self.paused_until and self.paused_until <= at)
        )

    def over(self, at: datetime) -> bool:
        return self.expires_at is not None and at >= self.expires_at

    def pauses(self, at: datetime) -> bool:
        return self.paused and (self.paused_until is None or at < self.paused_until)


class Person(msgspec.Struct, frozen=True):
    """A registered person. Streams carry only the id. `night_walks`: their guardians are told when they walk an unusual way
    at night; for the old, whom dementia makes wander."""

    id: str
    district: str
    name: str
    born: date
    kind: PersonKind
    guardian_ids: tuple[str, ...]
    consent: Consent | None
    night_walks: bool = False


class Guardian(msgspec.Struct, frozen=True):
    """Who is told about a person, by phone or by webhook; `language` (BCP 47) is the one to write in."""

    id: str
    district: str
    name: str
    phone: str | None = None
    webhook_url: str | None = None
    language: str = "ko"


_FROM_ABROAD = re.compile(r"^(?:\+|00)820?")


def dialled(phone: str | None) -> str:
    """The digits of a telephone as Korea dials them, the same for "+82 10 1234 5678" and "010-1234-5678"; "" for none."""
    return _FROM_ABROAD.sub("0", re.sub("[^0-9+]", "", phone or "")).removeprefix("+")


REACHED_WITHIN = timedelta(days=30)


def reachable(reached_at: datetime | None, now: datetime) -> bool:
    """Whether at least one guardian is proven reachable: the newest proof is younger than `REACHED_WITHIN`."""
    return reached_at is not None and reached_at > now - REACHED_WITHIN


class Device(msgspec.Struct, frozen=True):
    """A device reports under its `id`, which is its credential: unguessable.

    `cadence_s`: it reports at least so often, seconds; None: that is learned from what it sends.
    `serial` is what its maker calls it (an IMEI, a tag's number): no credential, so only readers and reporters may
    report under it. `encryption_key` is the phrase with which OwnTracks encrypts its payloads.
    """

    id: str
    district: str
    person_id: str
    kind: DeviceKind
    cadence_s: int | None = None
    serial: str | None = None
    encryption_key: str | None = None


class Reader(msgspec.Struct, frozen=True):
    """Sees tags that pass within `radius_m` metres of it; reports under its unguessable `id`."""

    id: str
    district: str
    name: str
    kind: ReaderKind
    location: Point
    radius_m: float


class Reporter(msgspec.Struct, frozen=True):
    """A server that reports for registered devices of its district (Traccar, a vendor's); its `id` is its token."""

    id: str
    district: str
    name: str


ZoneKind = Literal["safe", "forbidden", "place"]


class SafeZone(msgspec.Struct, frozen=True):
    """An area that matters for somebody: where they should be while the schedule holds, or (`forbidden`) must not be; a
    `place` is neither: its guardians only want to know.

    It is one person's (`person_id`), several people's (`person_ids`), or everyone's of the district (neither). `notices`
    tells the guardians of arriving and leaving. `expected_by`: at this time of each day on which the schedule holds,
    somebody must be there; a schedule is needed. `holidays` are local dates on which the windows do what they say.
    """

    id: str
    district: str
    person_id: str | None
    name: str
    area: Area
    schedule: Schedule
    version: int = 1
    kind: ZoneKind = "safe"
    person_ids: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()
    notices: bool = False
    expected_by: time | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Whose it is; nobody's where it is everyone's of the district."""
        every = self.person_ids if self.person_id is None else (self.person_id, *self.person_ids)
        return tuple(dict.fromkeys(every))


class Position(msgspec.Struct, frozen=True):
    """One fix of one device: event time and received time, WGS84, metres, m/s, degrees, percent; None is unknown."""

    device: str
    person: str
    at: datetime
    received_at: datetime
    point: Point
    accuracy_m: float | None = None
    speed: float | None = None
    course: float | None = None
    battery: Battery | None = None

    @property
    def seen_at(self) -> datetime:
        """Since when nobody knows better: its time, but none that was yet to come when it reached us. A device whose clock
        is ahead would have everybody believe for so long that somebody is still there."""
        return min(self.at, self.received_at)


class PositionBatch(msgspec.Struct, frozen=True):
    """Positions of one partition as columns of n rows, read by numpy without a loop.

    `devices` and `persons` are dictionaries of opaque ids; `device` and `person` (int32) index them, `shard` (uint8)
    is the person's. `at` and `received` are int64 microseconds since 1970 UTC. `lon`, `lat` are float64 degrees;
    `accuracy` (m), `speed` (m/s), `course` (degrees), `battery` (percent) are float32 with NaN for unknown.
    """

    devices: tuple[str, ...]
    persons: tuple[str, ...]
    device: NDArray[np.int32]
    person: NDArray[np.int32]
    shard: NDArray[np.uint8]
    at: NDArray[np.int64]
    received: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    accuracy: NDArray[np.float32]
    speed: NDArray[np.float32]
    course: NDArray[np.float32]
    battery: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.at)


UrgentKind = Literal["sos", "cancel", "man-down", "strap-cut", "tamper"]


class UrgentCall(msgspec.Struct, frozen=True):
    """One press of a button, or its kin, with its own fix. `person` is None for a device that nobody registered.

    `source` is the place the call came from, kept for unknown devices only: an address (of IPv6 the network), and the
    tracker's name too where a known server speaks for it. `on_behalf`: such a server of the district said it, so that
    `device` may be a serial. `fixed_at`: when the point was found, where that was not at the press. `retained`: an MQTT
    broker kept it, and says it to whoever subscribes; it may have been said before.
    """

    id: str
    kind: UrgentKind
    device: str
    person: str | None
    district: str
    at: datetime
    received_at: datetime
    point: Point | None = None
    accuracy_m: float | None = None
    battery: Battery | None = None
    source: str | None = None
    on_behalf: bool = False
    fixed_at: datetime | None = None
    retained: bool = False
