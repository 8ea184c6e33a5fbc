"""OwnTracks' JSON: a location becomes a report, everything else is understood and left."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.geo import Point
from ingest.devices.owntracks import parse
from ingest.devices.report import Posted, Report
from ingest.refusal import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCATION = {
    "_type": "location",
    "lat": 37.5,
    "lon": 127.1,
    "tst": int(NOW.timestamp()) - 30,
    "acc": 12,
    "alt": 40,
    "vel": 36,
    "cog": 90,
    "batt": 55,
    "t": "u",
    "_id": "1f",
}


def read(message: object, user: str | None = "abc") -> Report | None:
    return parse(Posted(b"", json.dumps(message).encode(), NOW, user))


def test_a_location_is_read_with_kilometres_an_hour_as_metres_per_second() -> None:
    report = read(LOCATION)
    assert report is not None
    assert (report.device, report.point, report.accuracy_m) == ("abc", Point(127.1, 37.5), 12)
    assert report.speed == pytest.approx(10)
    assert (report.course, report.altitude_m, report.battery) == (90, 40, 55)
    assert (NOW - report.at).total_seconds() == 30


@pytest.mark.parametrize("kind", ["lwt", "transition", "waypoint", "card", "encrypted", "status", None, 5])
def test_other_messages_are_left(kind: object) -> None:
    assert read({"_type": kind, "lat": "?"}) is None


def test_an_alarm_makes_it_urgent_even_without_a_place() -> None:
    assert read({"_type": "location", "alarm": "sos"}) == Report("abc", NOW, None, urgent="sos")


@pytest.mark.parametrize(
    ("change", "user", "field"),
    [({"lat": None}, "abc", "lat"), ({"lat": 91}, "abc", "lat"), ({"batt": 200}, "abc", "batt"), ({}, None, "id")],
)
def test_what_cannot_be_is_refused_and_named(change: dict[str, object], user: str | None, field: str) -> None:
    with pytest.raises(Refused) as refused:
        read(LOCATION | change, user)
    assert refused.value.field == field


@pytest.mark.parametrize("body", [b"", b"[]", b'{"_type": "location", "lat": ' + b"[" * 60_000, b'{"_type": "\xff"}'])
def test_broken_and_deep_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        parse(Posted(b"", body, NOW, "abc"))


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    for data in (body, b'{"_type": "location", ' + body):
        with suppress(Refused):
            parse(Posted(b"", data, NOW, "abc"))
