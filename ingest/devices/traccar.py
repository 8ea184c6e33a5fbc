"""What a Traccar server forwards of its devices: positions (`forward.url`) and events (`event.forward.url`), as JSON.

Sources: https://www.traccar.org/forward/ and Traccar's model classes Position, Event and Device: speed in knots, battery
in percent, alarms of one message with commas between them, `device.uniqueId` the IMEI or whatever names the tracker.
"""

from typing import Any

import msgspec

from haechi.domain.people import UrgentKind
from ingest.devices.osmand import KNOT
from ingest.devices.report import Fields, Posted, Report, decoded, device_of, null_island, urgent_of
from ingest.refusal import missing

ALARM = "alarm"
_PLACE = ("position.longitude", "position.latitude")


class _Attributes(msgspec.Struct):
    alarm: Any = None
    approximate: Any = None
    battery: Any = msgspec.field(default=None, name="batteryLevel")


class _Position(msgspec.Struct):
    fix_time: Any = msgspec.field(default=None, name="fixTime")
    device_time: Any = msgspec.field(default=None, name="deviceTime")
    outdated: Any = False
    valid: Any = True
    latitude: Any = None
    longitude: Any = None
    speed: Any = None
    course: Any = None
    accuracy: Any = None
    attributes: _Attributes | None = None


class _Event(msgspec.Struct):
    type: Any = None
    time: Any = msgspec.field(default=None, name="eventTime")
    attributes: _Attributes | None = None


class _Device(msgspec.Struct):
    unique_id: Any = msgspec.field(default=None, name="uniqueId")


class _Forwarded(msgspec.Struct):
    device: _Device | None = None
    position: _Position | None = None
    event: _Event | None = None


_json = msgspec.json.Decoder(_Forwarded)


def parse_position(posted: Posted) -> Report | None:
    """The report; None for a position without a new fix (the last known place, sent again). Raises Refused."""
    forwarded = decoded(_json, posted.body)
    if forwarded.position is None:
        raise missing("position")
    urgent = urgent_of((forwarded.position.attributes or _Attributes()).alarm)
    if urgent is None and not _is_fix(forwarded.position):
        _device(forwarded)
        return None
    return _report(forwarded, forwarded.position, urgent, posted)


def parse_event(posted: Posted) -> Report | None:
    """The call for help that an alarm means, the same as of its position; None for any other event. Raises Refused."""
    forwarded = decoded(_json, posted.body)
    event = forwarded.event
    if event is None:
        raise missing("event")
    position = forwarded.position or _Position(device_time=event.time, outdated=True)
    alarms = ((event.attributes or _Attributes()).alarm, (position.attributes or _Attributes()).alarm)
    urgent = next((kind for alarm in alarms if (kind := urgent_of(alarm))), None)
    if event.type != ALARM or urgent is None:
        _device(forwarded)
        return None
    return _report(forwarded, position, urgent, posted)


def _report(forwarded: _Forwarded, position: _Position, urgent: UrgentKind | None, posted: Posted) -> Report:
    """A call for help goes without a place that is only the last known one: how old that is, the trail knows better. It
    happened when it was pressed, and the tracker may have found its place long before that: indoors many presses have
    one fix.
    """
    read, fresh = Fields(), _is_fix(position)
    fixed, said = ("fixTime", position.fix_time), ("deviceTime", position.device_time)
    times = (said,) if not fresh else (fixed, said) if urgent is None else (said, fixed)
    name, value = next((time for time in times if time[1] is not None), said)
    at = read.time(f"position.{name}", value, posted.received_at)
    fixed_at = read.time("position.fixTime", position.fix_time or value, posted.received_at) if fresh else at
    report = Report(
        device=_device(forwarded),
        at=at,
        fixed_at=None if fixed_at == at else fixed_at,
        point=read.point(position.longitude, position.latitude, _PLACE) if fresh else None,
        accuracy_m=read.accuracy("position.accuracy", position.accuracy) if fresh else None,
        speed=read.positive("position.speed", position.speed, 1000, KNOT),
        course=read.positive("position.course", position.course, 360),
        battery=read.positive("position.attributes.batteryLevel", (position.attributes or _Attributes()).battery, 100),
        urgent=urgent,
    )
    read.refuse_unless(urgent)
    return report


def _is_fix(position: _Position) -> bool:
    """Whether the place is new. What Traccar found by Wi-Fi or cells is, though it leaves its mark `outdated` on it."""
    found = (position.attributes or _Attributes()).approximate is True
    known = position.valid is not False and not null_island(position.longitude, position.latitude)
    return known and (found or position.outdated is not True)


def _device(forwarded: _Forwarded) -> str:
    return device_of((forwarded.device or _Device()).unique_id, "device.uniqueId")
