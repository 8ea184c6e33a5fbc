"""OGC SensorThings observations, and whether their value can be."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.geo import Point
from haechi.domain.sensing import OBSERVED_PROPERTIES, Reading, Sensor
from ingest.refusal import Refused
from ingest.sensors.observation import Observation, reading_of
from ingest.sensors.sensorthings import parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(document: object) -> Observation:
    return parse(json.dumps(document).encode(), NOW)


def test_an_observation_is_read() -> None:
    document = {"Datastream": {"@iot.id": "s1"}, "result": 12.5, "phenomenonTime": "2026-03-01T11:00:00Z"}
    assert read(document) == Observation("s1", datetime(2026, 3, 1, 11, tzinfo=UTC), 12.5)


def test_without_a_time_it_is_now_and_of_an_interval_its_end_counts() -> None:
    assert read({"Datastream": {"@iot.id": 7}, "result": 1}) == Observation("7", NOW, 1)
    interval = "2026-03-01T10:00:00Z/2026-03-01T11:00:00Z"
    assert read({"Datastream": {"@iot.id": 7}, "result": 1, "phenomenonTime": interval}).at.hour == 11


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"result": 1}, "Datastream.@iot.id"),
        ({"Datastream": {}, "result": 1}, "Datastream.@iot.id"),
        ({"Datastream": {"@iot.id": "s"}}, "result"),
        ({"Datastream": {"@iot.id": "s"}, "result": True}, "result"),
        ({"Datastream": {"@iot.id": "s"}, "result": "a lot"}, "result"),
        ({"Datastream": {"@iot.id": "s"}, "result": ""}, "result"),
        ({"Datastream": {"@iot.id": "s"}, "result": [1]}, "result"),
        ({"Datastream": {"@iot.id": "s"}, "result": 1, "phenomenonTime": "noon"}, "phenomenonTime"),
    ],
)
def test_what_is_missing_or_wrong_is_named(document: object, field: str) -> None:
    with pytest.raises(Refused) as refused:
        read(document)
    assert refused.value.field == field


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    for data in (body, b'{"Datastream": {"@iot.id": "s"}, "result": ' + body):
        with suppress(Refused):
            parse(data, NOW)


@pytest.mark.parametrize("row", OBSERVED_PROPERTIES, ids=lambda row: row.name)
def test_a_value_outside_what_the_property_can_be_is_refused(row) -> None:
    sensor = Sensor("s", "haneul", "one", row.name, row.unit, Point(127, 37))
    for value in (row.minimum, row.maximum):
        assert reading_of(Observation("s", NOW, value), sensor, NOW) == Reading("s", NOW, NOW, value)
    for value in (row.minimum - 1, row.maximum + 1):
        with pytest.raises(Refused, match=row.name) as refused:
            reading_of(Observation("s", NOW, value), sensor, NOW)
        assert (refused.value.status, refused.value.field) == (422, "result")
