"""Makes the sample district by the administration API, once: the ids are kept in `sample/seeded.json` (0600).

A second start finds everything there; what was not reached the first time is made then. Only addresses may change.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from sample_feeds.cameras import CAMERAS, REACH_M, CameraPlan
from sample_feeds.centre import Centre, Fields
from sample_feeds.district.map import District
from sample_feeds.people import GUARDIANS, RESIDENTS, Resident, Town
from sample_feeds.scenario import TZ
from sample_feeds.sensors import SENSORS

SCHOOL_RADIUS_M = 45.0
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
EVERY_DAY = [*WEEKDAYS, "sat", "sun"]
SCHOOL_HOURS = [{"tz": TZ, "days": WEEKDAYS, "from": "09:00", "to": "14:00"}]
NIGHT = [{"tz": TZ, "days": EVERY_DAY, "from": "21:00", "to": "06:00"}]
AGENCIES = {"police": "Dallae Police Box", "fire": "Haetae Fire Station", "desk": "Duty desk"}
WEBHOOKS = "webhooks"  # key of the address that the rows' webhooks were last given
STREAMS = "streams"


class Receiver(msgspec.Struct, frozen=True):
    """Somebody who is told: the row, the secret that signs, and what they are."""

    id: str
    secret: str
    role: str  # guardian, police, fire, desk
    name: str


class Seeded(msgspec.Struct):
    """The ids of what was made, by our own names."""

    receivers: dict[str, Receiver] = {}
    people: dict[str, str] = {}
    devices: dict[str, str] = {}
    zones: dict[str, str] = {}
    cameras: dict[str, str] = {}
    sensors: dict[str, str] = {}
    addresses: dict[str, str] = {}


class Book:
    """The file of what was made; written after every row, so that a stop in the middle makes nothing twice."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.seeded = msgspec.json.decode(file.read_bytes(), type=Seeded) if file.exists() else Seeded()

    def write(self) -> None:
        """Replace the file at once."""
        fresh = self._file.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(self.seeded))
        fresh.replace(self._file)


async def seed(centre: Centre, book: Book, district: District, webhooks: str, stream_of: dict[str, str] | None) -> None:
    """People, devices, zones, agencies, sensors, and the cameras (`stream_of` each; None leaves them out)."""
    kept, plane, town = book.seeded, district.plane, Town(district, 0)

    def lonlat(x: float, y: float) -> list[float]:
        return [round(float(v), 6) for v in plane.to_lonlat((x, y))]

    async def receiver(slug: str, role: str, name: str, kind: str, body: Fields) -> None:
        url = f"{webhooks}/hook/{slug}"
        if slug not in kept.receivers:
            row = await centre.add(kind, body | {"name": name, "webhook_url": url})
            kept.receivers[slug] = Receiver(row["id"], row["webhook_secret"], role, name)
            book.write()
        elif kept.addresses.get(WEBHOOKS) != webhooks:
            await centre.change(kind, kept.receivers[slug].id, {"webhook_url": url})

    for role, name in AGENCIES.items():
        await receiver(role, role, name, "agencies", {"role": role})
    for guardian in GUARDIANS:
        await receiver(guardian.slug, "guardian", guardian.name, "guardians", {"language": "en"})
    kept.addresses[WEBHOOKS] = webhooks
    for resident in RESIDENTS:
        if resident.slug not in kept.people:
            kept.people[resident.slug] = (await centre.add("people", _person(resident, kept)))["id"]
            book.write()
        person = kept.people[resident.slug]
        if resident.slug not in kept.devices:
            kind = {"child": "watch", "elder": "button", "other": "phone"}[resident.kind]
            kept.devices[resident.slug] = (await centre.add("devices", {"person_id": person, "kind": kind}))["id"]
            book.write()
        if resident.slug not in kept.zones and (zone := _zone(resident, town, lonlat)):
            kept.zones[resident.slug] = (await centre.add("safe-zones", {"person_id": person} | zone))["id"]
            book.write()
    for sensor in SENSORS:
        if sensor.slug not in kept.sensors:
            body: Fields = {"name": sensor.name, "observed_property": sensor.observed_property, "unit": sensor.unit}
            row = await centre.add("sensors", body | {"location": lonlat(sensor.x, sensor.y)})
            kept.sensors[sensor.slug] = row["id"]
            book.write()
    for camera in CAMERAS if stream_of is not None else ():
        url = stream_of[camera.slug] if stream_of is not None else ""
        if camera.slug not in kept.cameras:
            view: Fields = {"heading": camera.heading, "width": camera.width, "reach_m": REACH_M}
            body = {"name": camera.name, "url": url, "location": lonlat(camera.x, camera.y), "view": view}
            kept.cameras[camera.slug] = (await centre.add("cameras", body | {"zones": camera_zones(camera, NIGHT)}))[
                "id"
            ]
            book.write()
        elif kept.addresses.get(f"{STREAMS}/{camera.slug}") != url:
            await centre.change("cameras", kept.cameras[camera.slug], {"url": url})
        kept.addresses[f"{STREAMS}/{camera.slug}"] = url
    book.write()


def camera_zones(camera: CameraPlan, schedule: list[Fields]) -> list[Fields]:
    """The forbidden zone of a camera, in force by the schedule; the same id each time."""
    if camera.forbidden is None:
        return []
    polygon = [list(point) for point in camera.forbidden.polygon]
    zone = {"name": camera.forbidden.name, "kind": "forbidden", "polygon": polygon, "schedule": schedule}
    return [{"id": f"{camera.slug}-forbidden"} | zone]


def _person(resident: Resident, kept: Seeded) -> Fields:
    return {
        "name": resident.name,
        "born": resident.born.isoformat(),
        "kind": resident.kind,
        "guardian_ids": [kept.receivers[guardian.slug].id for guardian in resident.guardians],
        "consent": {
            "given_by": resident.guardians[0].name if resident.kind == "child" else resident.name,
            "given_at": "2026-01-01T00:00:00Z",
            "scopes": ["position", "sos", "search"],
        },
    }


def _zone(resident: Resident, town: Town, lonlat: Callable[[float, float], list[float]]) -> Fields | None:
    if resident.life == "school child":
        centre = {"type": "Point", "coordinates": lonlat(*town.places["school"]), "radius_m": SCHOOL_RADIUS_M}
        return {"name": "Haneulbit School, school hours", "geometry": centre, "schedule": SCHOOL_HOURS}
    shape = town.zone(resident)
    if shape is None:
        return None
    ring = [lonlat(x, y) for x, y in shape.exterior.coords]
    ring[-1] = ring[0]
    words = "Home, school and the way between" if resident.kind == "child" else "Home and around"
    return {"name": words, "geometry": {"type": "Polygon", "coordinates": [ring]}}
