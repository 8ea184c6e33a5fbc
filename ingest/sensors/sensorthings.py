"""OGC SensorThings 1.1 Observations (18-088, 8.2.6), by HTTP `POST /v1.1/Observations` and by MQTT `v1.1/Observations`."""

import math
from datetime import datetime
from typing import Any

import msgspec

from ingest.devices.report import Fields, decoded, device_of
from ingest.refusal import missing, wrong
from ingest.sensors.observation import Observation

PATH = "/v1.1/Observations"
TOPIC = "v1.1/Observations"


class _Datastream(msgspec.Struct):
    id: Any = msgspec.field(default=None, name="@iot.id")


class _Document(msgspec.Struct):
    datastream: _Datastream | None = msgspec.field(default=None, name="Datastream")
    result: Any = None
    time: Any = msgspec.field(default=None, name="phenomenonTime")


_json = msgspec.json.Decoder(_Document)


def parse(body: bytes, received_at: datetime) -> Observation:
    """The observation; `phenomenonTime` is now unless given, of an interval its end. Raises Refused naming the field."""
    document = decoded(_json, body)
    if document.datastream is None or document.datastream.id is None:
        raise missing("Datastream.@iot.id")
    if document.result is None:
        raise missing("result")
    time = document.time.rpartition("/")[2] if isinstance(document.time, str) else document.time
    read = Fields()
    value = read.number("result", document.result, -math.inf, math.inf)
    at = read.time("phenomenonTime", time, received_at)
    read.refuse_unless(None)
    if value is None:
        raise wrong("result", "is empty")
    return Observation(device_of(document.datastream.id), at, value)
