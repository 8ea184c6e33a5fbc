"""Our own batch of positions, `POST /v1/positions` (docs/device-api.md): metres, m/s, percent, each item by itself."""

from typing import Any

import msgspec

from ingest.devices.report import Fields, Posted, Report, device_of, urgent_of
from ingest.refusal import Refused, missing, unreadable, wrong

MOST_ITEMS = 1000


class _Item(msgspec.Struct):
    device: Any = None
    at: Any = None
    lat: Any = None
    lon: Any = None
    accuracy_m: Any = None
    speed: Any = None
    course: Any = None
    battery: Any = None
    alarm: Any = None


class _Batch(msgspec.Struct):
    positions: list[msgspec.Raw] | None = None


_json = msgspec.json.Decoder(_Batch)
_item = msgspec.json.Decoder(_Item)


def parse(posted: Posted) -> list[Report | Refused]:
    """Each item's report, or why it is none, in their order. Raises Refused where there is no list of items."""
    try:
        items = _json.decode(posted.body).positions
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(f"The JSON cannot be read: {error}.") from error
    if items is None:
        raise missing("positions")
    if len(items) > MOST_ITEMS:
        raise wrong("positions", f"holds {len(items)} items; at most {MOST_ITEMS} go into one request")
    return [_read(item, posted) for item in items]


def _read(data: msgspec.Raw, posted: Posted) -> Report | Refused:
    try:
        item = _item.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(f"The item cannot be read: {error}.")
    read = Fields()
    try:
        report = Report(
            device=device_of(item.device, "device"),
            at=read.time("at", item.at, posted.received_at),
            point=read.point(item.lon, item.lat),
            accuracy_m=read.accuracy("accuracy_m", item.accuracy_m),
            speed=read.positive("speed", item.speed, 1000),
            course=read.positive("course", item.course, 360),
            battery=read.positive("battery", item.battery, 100),
            urgent=urgent_of(item.alarm),
        )
        read.refuse_unless(report.urgent)
    except Refused as refusal:
        return refusal
    return report
