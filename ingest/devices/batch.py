"""Our own batch of positions, `POST /v1/positions` (docs/device-api.md): metres, m/s, percent, each item by itself."""

from typing import Any

import msgspec

from ingest.devices.items import read_each
from ingest.devices.report import Fields, Posted, Report, decoded, device_of, urgent_of
from ingest.refusal import Refused, missing


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
    items = decoded(_json, posted.body).positions
    if items is None:
        raise missing("positions")
    return read_each("positions", items, lambda item: _report(decoded(_item, item), posted))


def _report(item: _Item, posted: Posted) -> Report:
    read = Fields()
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
    return report
