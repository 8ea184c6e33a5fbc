"""The bodies of the registry's resources: what is read, checked field by field, and what is answered.

Each body knows its way into the domain (`value`) and back (`of`).
"""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from pydantic import AfterValidator, AwareDatetime, Field, ValidationInfo, field_validator, model_validator

from control_room.api.places import (
    Body,
    Geometry,
    LonLat,
    PicturePolygon,
    ScheduleWindow,
    Windows,
    checked_picture_polygon,
    clock_time,
    geometry_of,
)
from haechi.domain.deliveries import Agency, AgencyRole
from haechi.domain.geo import Point
from haechi.domain.people import (
    Consent,
    Guardian,
    Person,
    PersonKind,
    SafeZone,
    ZoneKind,
)
from haechi.domain.sensing import OBSERVED_PROPERTIES, Sensor
from haechi.domain.video import CAMERA_SCHEMES, Camera, CameraView, CameraZone

T = TypeVar("T", bound=msgspec.Struct)
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
RowId = Annotated[str, Field(min_length=1, max_length=64)]
Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


def _in_utc(at: datetime) -> datetime:
    try:
        at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is no instant of the years 1 to 9999 in UTC") from error
    return at


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
MASK = "***"
MOST_DIGITS = 15  # of a telephone (E.164)


class ResourceBody(Protocol[T]):
    """How the API's side of a resource is used."""

    def value(self) -> T: ...
    @classmethod
    def of(cls, value: T) -> Self: ...


def _url(text: str, schemes: tuple[str, ...]) -> str:
    if MASK in text:
        raise ValueError("this is the masked address of an answer; leave the field out to keep the one that is there")
    try:
        parts = urlsplit(text)
        sane = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sane = False
    if not sane or re.search(r"\s", text) or not text.isprintable():
        raise ValueError(f"a full address is needed, beginning with {' or '.join(f'{s}://' for s in schemes)}")
    return text


def _webhook(text: str | None) -> str | None:
    """Its syntax only; where it may lead is decided when it is called."""
    return None if text is None else _url(text, ("http", "https"))


WebhookUrl = Annotated[
    str,
    Field(
        max_length=2000, description="http or https. Whoever knows it can often post to it: answers show the host only."
    ),
]


class GuardianBody(Body):
    """Who is told about a person."""

    name: Name
    phone: str | None = Field(None, pattern=r"^\+?[0-9][0-9 ()./-]{2,30}$")
    webhook_url: WebhookUrl | None = None
    language: str = Field("ko", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47, such as ko.")

    _checked = field_validator("webhook_url")(_webhook)

    @field_validator("phone")
    @classmethod
    def _one(cls, phone: str | None) -> str | None:
        if phone is not None and sum(letter.isdigit() for letter in phone) > MOST_DIGITS:
            raise ValueError(f"is one telephone, of at most {MOST_DIGITS} digits")
        return phone

    def value(self) -> Guardian:
        return Guardian("", "", self.name, self.phone, self.webhook_url, self.language)

    @classmethod
    def of(cls, value: Guardian) -> Self:
        return cls(name=value.name, phone=value.phone, webhook_url=value.webhook_url, language=value.language)


class AgencyBody(Body):
    """Police, fire or the duty desk."""

    name: Name
    role: AgencyRole
    webhook_url: WebhookUrl

    _checked = field_validator("webhook_url")(_webhook)

    def value(self) -> Agency:
        return Agency("", "", self.name, self.role, self.webhook_url)

    @classmethod
    def of(cls, value: Agency) -> Self:
        return cls(name=value.name, role=value.role, webhook_url=value.webhook_url)


class ConsentBody(Body):
    """Who allowed what until when."""

    given_by: Name
    given_at: Instant
    scopes: Annotated[list[Literal["position", "sos", "search"]], Field(max_length=3)]
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise ValueError("expires_at must be later than given_at")
        return self

    def value(self) -> Consent:
        return Consent(self.given_by, self.given_at, tuple(dict.fromkeys(self.scopes)), self.expires_at)

    @classmethod
    def of(cls, value: Consent) -> Self:
        """As it was given; whether it is paused is in the ledger."""
        return cls(
            given_by=value.given_by,
            given_at=value.given_at,
            scopes=list(value.scopes),
            expires_at=value.expires_at,
        )


class PersonBody(Body):
    """A protected person."""

    name: Name
    born: date = Field(ge=date(1890, 1, 1))
    kind: PersonKind
    guardian_ids: Annotated[list[RowId], Field(max_length=20)] = Field([], description="In order of call.")
    consent: ConsentBody | None = None
    night_walks: bool = Field(False, description="Tell the guardians when an elder walks an unusual way at night.")

    @field_validator("guardian_ids")
    @classmethod
    def _once_each(cls, ids: list[str]) -> list[str]:
        if len(set(ids)) != len(ids):
            raise ValueError("a guardian stands twice")
        return ids

    @field_validator("night_walks")
    @classmethod
    def _of_elders(cls, night_walks: bool, info: ValidationInfo) -> bool:
        if night_walks and info.data.get("kind", "elder") != "elder":
            raise ValueError("is for elders; a child at night has a home zone")
        return night_walks

    def value(self) -> Person:
        consent = self.consent.value() if self.consent else None
        guardians = tuple(self.guardian_ids)
        return Person("", "", self.name, self.born, self.kind, guardians, consent, self.night_walks)

    @classmethod
    def of(cls, value: Person) -> Self:
        return cls(
            name=value.name,
            born=value.born,
            kind=value.kind,
            guardian_ids=list(value.guardian_ids),
            consent=ConsentBody.of(value.consent) if value.consent else None,
            night_walks=value.night_walks,
        )


class SafeZoneBody(Body):
    """A place that matters: where somebody should be while the schedule holds, or (`forbidden`) must not be; of a `place`
    its guardians are only told.

    It is one person's (`person_id`), several people's (`person_ids`), or everyone's of the district (`district`: true).
    """

    name: Name
    kind: ZoneKind = "safe"
    person_id: RowId | None = None
    person_ids: Annotated[list[RowId], Field(max_length=1000)] = Field([], description="Several, instead of person_id.")
    district: bool = False
    geometry: Geometry = Field(description="A Polygon, a Point with radius_m, or a LineString with width_m.")
    schedule: Windows = Field([], description="Empty: always.")
    holidays: Annotated[list[date], Field(max_length=400)] = Field(
        [], description="Local dates on which the windows do what their on_holidays says."
    )
    notices: bool = Field(False, description="Tell the guardians of arriving and leaving while the schedule holds.")
    expected_by: time | None = Field(
        None, description="HH:MM within a window: who is not there by then is missed. By the clock of the window's tz."
    )

    @model_validator(mode="before")
    @classmethod
    def _radius_inside(cls, data: Any) -> Any:
        """`radius_m` and `width_m` may stand in the geometry or beside it."""
        for name in ("radius_m", "width_m"):
            if isinstance(data, dict) and name in data and isinstance(data.get("geometry"), dict):
                data = dict(data)
                data["geometry"] = {name: data.pop(name), **data["geometry"]}
        return data

    @field_validator("person_ids", "holidays")
    @classmethod
    def _once_each(cls, values: list[Any]) -> list[Any]:
        if len(set(values)) != len(values):
            raise ValueError("one of them stands twice")
        return values

    @field_validator("holidays")
    @classmethod
    def _of_a_schedule(cls, holidays: list[date], info: ValidationInfo) -> list[date]:
        if holidays and not info.data.get("schedule", True):
            raise ValueError("holidays belong to a schedule, and there is none")
        return holidays

    @field_validator("notices")
    @classmethod
    def _of_a_safe_zone(cls, notices: bool, info: ValidationInfo) -> bool:
        if notices and info.data.get("kind") == "forbidden":
            raise ValueError("a forbidden zone alarms; notices are for safe zones and places")
        return notices

    @field_validator("expected_by", mode="before")
    @classmethod
    def _clock(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, time) else clock_time(value)

    @field_validator("expected_by")
    @classmethod
    def _within_the_schedule(cls, by: time | None, info: ValidationInfo) -> time | None:
        if by is None or "schedule" not in info.data:
            return by
        if info.data.get("kind") == "forbidden":
            raise ValueError("nobody is expected in a forbidden zone")
        if not any(window.contains(by) for window in info.data["schedule"]):
            raise ValueError("must lie within a window of the schedule")
        return by

    @model_validator(mode="after")
    def _tells(self) -> Self:
        if self.kind == "place" and not self.notices and self.expected_by is None:
            raise ValueError("a place needs notices or expected_by: nothing else is told of it")
        return self

    @model_validator(mode="after")
    def _someones(self) -> Self:
        if (self.person_id is not None) + bool(self.person_ids) + self.district != 1:
            raise ValueError("give one of person_id, person_ids, or district: true for everyone")
        return self

    def value(self) -> SafeZone:
        schedule = tuple(window.window() for window in self.schedule)
        return SafeZone(
            "",
            "",
            self.person_id,
            self.name,
            self.geometry.area(),
            schedule,
            kind=self.kind,
            person_ids=tuple(self.person_ids),
            holidays=tuple(sorted(self.holidays)),
            notices=self.notices,
            expected_by=self.expected_by,
        )

    @classmethod
    def of(cls, value: SafeZone) -> Self:
        return cls(
            name=value.name,
            kind=value.kind,
            person_id=value.person_id,
            person_ids=list(value.person_ids),
            district=not value.people,
            geometry=geometry_of(value.area),
            schedule=[ScheduleWindow.of(window) for window in value.schedule],
            holidays=list(value.holidays),
            notices=value.notices,
            expected_by=value.expected_by,
        )


class CameraZoneBody(Body):
    """A polygon in the picture, points 0-1 of its width and height."""

    id: RowId | None = Field(None, description="Given by the server; keep it when you send the zone again.")
    name: Name
    kind: Literal["forbidden", "mask", "watch"]
    polygon: PicturePolygon
    schedule: Windows = Field([], description="Empty: always.")

    _checked = field_validator("polygon")(checked_picture_polygon)

    def value(self) -> CameraZone:
        schedule = tuple(window.window() for window in self.schedule)
        return CameraZone(self.id or str(uuid4()), self.name, self.kind, tuple(self.polygon), schedule)

    @classmethod
    def of(cls, zone: CameraZone) -> Self:
        schedule = [ScheduleWindow.of(window) for window in zone.schedule]
        return cls(id=zone.id, name=zone.name, kind=zone.kind, polygon=list(zone.polygon), schedule=schedule)


class CameraViewBody(Body):
    """What a fixed camera sees of the ground: a sector."""

    heading: float = Field(ge=0, lt=360, allow_inf_nan=False, description="Degrees: 0 north, 90 east.")
    width: float = Field(gt=0, le=360, allow_inf_nan=False, description="Degrees, the horizontal field of view.")
    reach_m: float = Field(gt=0, le=1000, allow_inf_nan=False, description="Metres to which a person can be made out.")


class CameraBody(Body):
    """A camera. Its url is a secret: answers show the host only."""

    name: Name
    url: str = Field(max_length=2000, description="rtsp, rtsps, http or https.")
    location: LonLat
    view: CameraViewBody | None = Field(
        None, description="Which way it looks; without it, it may see what is within 60 m."
    )
    zones: Annotated[list[CameraZoneBody], Field(max_length=50)] = Field([])

    @field_validator("url")
    @classmethod
    def _whole(cls, url: str) -> str:
        return _url(url, CAMERA_SCHEMES)

    @field_validator("zones")
    @classmethod
    def _once_each(cls, zones: list[CameraZoneBody]) -> list[CameraZoneBody]:
        ids = [zone.id for zone in zones if zone.id is not None]
        if len(set(ids)) != len(ids):
            raise ValueError("a zone's id stands twice")
        return zones

    def value(self) -> Camera:
        view = None if self.view is None else CameraView(self.view.heading, self.view.width, self.view.reach_m)
        zones = tuple(zone.value() for zone in self.zones)
        return Camera("", "", self.name, self.url, Point(*self.location), zones, view)

    @classmethod
    def of(cls, value: Camera) -> Self:
        location = (value.location.lon, value.location.lat)
        zones = [CameraZoneBody.of(zone) for zone in value.zones]
        view = None if value.view is None else CameraViewBody.model_validate(msgspec.to_builtins(value.view))
        return cls(name=value.name, url=value.url, location=location, zones=zones, view=view)


def masked_url(url: str) -> str:
    """Scheme, host and port; user, password, path and query may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{MASK}@{parts.netloc.rpartition('@')[2]}/{MASK}"


def masked_webhook(url: str) -> str:
    """Scheme, host and port; what follows may be all that it takes to post there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"


class SensorBody(Body):
    """A sensor; its unit is its observed property's."""

    name: Name
    observed_property: str = Field(max_length=64)
    unit: str = Field(max_length=64)
    location: LonLat

    @model_validator(mode="after")
    def _known(self) -> Self:
        row = next((row for row in OBSERVED_PROPERTIES if row.name == self.observed_property), None)
        if row is None:
            known = ", ".join(row.name for row in OBSERVED_PROPERTIES)
            raise ValueError(f"observed_property '{self.observed_property}' is unknown; there are {known}")
        if self.unit != row.unit:
            raise ValueError(f"the unit of {row.name} is {row.unit} (UCUM), not '{self.unit}'")
        return self

    def value(self) -> Sensor:
        return Sensor("", "", self.name, self.observed_property, self.unit, Point(*self.location))

    @classmethod
    def of(cls, value: Sensor) -> Self:
        location = (value.location.lon, value.location.lat)
        return cls(name=value.name, observed_property=value.observed_property, unit=value.unit, location=location)
