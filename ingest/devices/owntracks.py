"""OwnTracks' JSON by HTTP and MQTT: https://owntracks.org/booklet/tech/json/ (velocity in km/h, battery in percent).

The device's id is the HTTP user, X-Limit-U, or the user of the topic. A watch that runs OwnTracks' format may add
`alarm` with the same words as Traccar's.
"""

from typing import Any

import msgspec

from ingest.devices.report import Fields, Posted, Report, device_of, urgent_of
from ingest.refusal import unreadable

KMH = 1 / 3.6  # m/s


class _Message(msgspec.Struct):
    kind: Any = msgspec.field(default=None, name="_type")
    lat: Any = None
    lon: Any = None
    tst: Any = None
    acc: Any = None
    alt: Any = None
    vel: Any = None
    cog: Any = None
    batt: Any = None
    alarm: Any = None


_json = msgspec.json.Decoder(_Message)


def parse(posted: Posted) -> Report | None:
    """The report; None for a message of another type than a location (a will, a card, a waypoint). Raises Refused."""
    try:
        message = _json.decode(posted.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(f"The JSON cannot be read: {error}.") from error
    if message.kind != "location":
        return None
    read = Fields()
    report = Report(
        device=device_of(posted.user),
        at=read.time("tst", message.tst, posted.received_at),
        point=read.point(message.lon, message.lat),
        accuracy_m=read.accuracy("acc", message.acc),
        speed=read.positive("vel", message.vel, 1000, KMH),
        course=read.positive("cog", message.cog, 360),
        altitude_m=read.number("alt", message.alt, -12_000, 100_000),
        battery=read.positive("batt", message.batt, 100),
        urgent=urgent_of(message.alarm),
    )
    read.refuse_unless(report.urgent)
    return report
