"""The bodies of what reports: devices, tag readers, and the servers that report for devices."""

from typing import Annotated, Self

from pydantic import Field, field_validator

from control_room.api.models import MASK, Name, RowId
from control_room.api.places import Body, LonLat
from haechi.domain.geo import Point
from haechi.domain.people import Device, DeviceKind, Reader, ReaderKind, Reporter

MOST_KEY_BYTES = 32


def masked(_: str) -> str:
    """Nothing of it."""
    return MASK


class DeviceBody(Body):
    """A device. What it reports under is its credential: the `id` is told whole once, when the device is added or renewed;
    afterwards only its front, and the `handle` by which paths name the device."""

    person_id: RowId
    kind: DeviceKind
    cadence_s: int | None = Field(
        None,
        ge=5,
        le=86_400,
        description="Seconds: it reports at least so often, and is silent after some missed reports. Null: learned "
        "from what it sends; a tag or a button is then not watched for silence.",
    )
    serial: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")] | None = Field(
        None, description="What its maker calls it: an IMEI, a tag's number. Readers and reporters report under it."
    )
    encryption_key: str | None = Field(
        None,
        min_length=1,
        max_length=32,
        description="The phrase set in OwnTracks as its encryption key. Answers never show it; leave it out to keep it.",
    )

    @field_validator("encryption_key")
    @classmethod
    def _fits(cls, key: str | None) -> str | None:
        if key == MASK:
            raise ValueError("this is the mask of an answer; leave the key out to keep the one that is there")
        if key is not None and len(key.encode()) > MOST_KEY_BYTES:
            raise ValueError(f"at most {MOST_KEY_BYTES} bytes as UTF-8, which OwnTracks pads with zeroes")
        return key

    def value(self) -> Device:
        return Device("", "", self.person_id, self.kind, self.cadence_s, self.serial, self.encryption_key)

    @classmethod
    def of(cls, value: Device) -> Self:
        return cls(
            person_id=value.person_id,
            kind=value.kind,
            cadence_s=value.cadence_s,
            serial=value.serial,
            encryption_key=value.encryption_key,
        )


class ReaderBody(Body):
    """A reader of tags at a gate or a bus stop. The `id` that it reports under is told whole once, as a device's."""

    name: Name
    kind: ReaderKind
    location: LonLat
    radius_m: float = Field(10, gt=0, le=1000, description="How far from it a tag is seen, metres.")

    def value(self) -> Reader:
        return Reader("", "", self.name, self.kind, Point(*self.location), self.radius_m)

    @classmethod
    def of(cls, value: Reader) -> Self:
        location = (value.location.lon, value.location.lat)
        return cls(name=value.name, kind=value.kind, location=location, radius_m=value.radius_m)


class ReporterBody(Body):
    """A server that reports for registered devices (Traccar, a vendor's). The `id` is its token, told whole once, as a
    device's."""

    name: Name

    def value(self) -> Reporter:
        return Reporter("", "", self.name)

    @classmethod
    def of(cls, value: Reporter) -> Self:
        return cls(name=value.name)
