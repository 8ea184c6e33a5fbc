"""OsmAnd's and Traccar Client's report: `/?id=…&lat=…&lon=…`, the same as a form, or Traccar Client's JSON.

Sources: https://www.traccar.org/osmand/ and https://www.traccar.org/traccar-client/ (query: speed in knots, battery in
percent; JSON: speed in m/s, battery 0 to 1).
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ingest.devices.report import Fields, NoFix, Posted, Report, decoded, device_of, null_island, urgent_of
from ingest.refusal import unreadable

KNOT = 0.514444  # m/s
_MOST_FIELDS = 64
_PLACE = ("location.coords.longitude", "location.coords.latitude")
_INVALID = ("false", "0")


class _Coords(msgspec.Struct):
    latitude: Any = None
    longitude: Any = None
    accuracy: Any = None
    speed: Any = None
    heading: Any = None


class _Battery(msgspec.Struct):
    level: Any = None


class _Extras(msgspec.Struct):
    alarm: Any = None


class _Location(msgspec.Struct):
    coords: _Coords | None = None
    timestamp: Any = None
    battery: _Battery | None = None
    alarm: Any = None
    extras: _Extras | None = None


class _Document(msgspec.Struct):
    device_id: Any = None
    location: _Location | None = None
    alarm: Any = None


_json = msgspec.json.Decoder(_Document)


def parse(posted: Posted) -> Report | NoFix:
    """The report; NoFix where the tracker tells no place, or one that is not valid. Raises Refused naming the field."""
    if posted.body.lstrip()[:1] == b"{":
        return _of_json(posted)
    fields = _form(posted.query)
    if "id" not in fields and "deviceid" not in fields:
        fields |= _form(posted.body)
    device = device_of(fields.get("id") or fields.get("deviceid"))
    lat, lon = fields.get("lat"), fields.get("lon")
    if lat is None and "location" in fields:
        lat, _, lon = fields["location"].partition(",")
    get, read = fields.get, Fields()
    urgent = urgent_of(get("alarm"))
    placed = not (lat is None and lon is None) and not null_island(lon, lat) and get("valid") not in _INVALID
    if not placed and urgent is None:
        return NoFix(device)
    report = Report(
        device=device,
        at=read.time("timestamp", get("timestamp"), posted.received_at),
        point=read.point(lon, lat) if placed else None,
        accuracy_m=read.accuracy("accuracy", get("accuracy")),
        speed=read.positive("speed", get("speed"), 1000, KNOT),
        course=read.positive("bearing", get("bearing", get("heading")), 360),
        battery=read.positive("batt", get("batt"), 100),
        urgent=urgent,
    )
    read.refuse_unless(urgent)
    return report


def _form(data: bytes) -> dict[str, str]:
    text = data.decode("latin-1")
    if "%" not in text and "+" not in text and text.count("&") < _MOST_FIELDS:  # nothing is escaped: five times faster
        return {name: value for name, _, value in [pair.partition("=") for pair in text.split("&")]}
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise unreadable(f"The fields cannot be read: {error}.") from error


def _of_json(posted: Posted) -> Report | NoFix:
    document = decoded(_json, posted.body)
    location = document.location or _Location()
    coords = location.coords or _Coords()
    device = device_of(document.device_id, "device_id")
    urgent = urgent_of(location.alarm) or urgent_of((location.extras or _Extras()).alarm) or urgent_of(document.alarm)
    lat, lon = coords.latitude, coords.longitude
    placed = not (lat is None and lon is None) and not null_island(lon, lat)
    if not placed and urgent is None:
        return NoFix(device)
    read = Fields()
    report = Report(
        device=device,
        at=read.time("location.timestamp", location.timestamp, posted.received_at),
        point=read.point(lon, lat, _PLACE) if placed else None,
        accuracy_m=read.accuracy("location.coords.accuracy", coords.accuracy),
        speed=read.positive("location.coords.speed", coords.speed, 1000),
        course=read.positive("location.coords.heading", coords.heading, 360),
        battery=read.positive("location.battery.level", (location.battery or _Battery()).level, 100, 100),
        urgent=urgent,
    )
    read.refuse_unless(urgent)
    return report
