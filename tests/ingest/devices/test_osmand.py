"""OsmAnd's query, the same as a form, and Traccar Client's JSON become the same report."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.geo import Point
from ingest.devices.osmand import KNOT, _form, parse
from ingest.devices.report import NoFix, Posted, Report
from ingest.refusal import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
QUERY = {
    "id": "abc",
    "lat": "37.5",
    "lon": "127.1",
    "timestamp": str(int(AT.timestamp())),
    "speed": "10",
    "bearing": "270",
    "altitude": "-3.5",
    "accuracy": "8",
    "batt": "76.5",
}
REPORT = Report("abc", AT, Point(127.1, 37.5), 8.0, 10 * KNOT, 270.0, 76.5)


def read(query: dict[str, str], body: bytes = b"") -> Report:
    report = parse(Posted(urlencode(query).encode(), body, NOW))
    assert isinstance(report, Report)
    return report


def test_a_query_is_read_with_knots_as_metres_per_second() -> None:
    assert read(QUERY) == REPORT
    assert pytest.approx(1852, abs=0.01) == KNOT * 3600, "a knot is a nautical mile an hour"


def test_a_heading_is_a_bearing() -> None:
    assert read({name: value for name, value in QUERY.items() if name != "bearing"} | {"heading": "270"}) == REPORT


@pytest.mark.parametrize("word", ["false", "0"])
def test_a_place_that_the_tracker_calls_invalid_is_none_and_never_stops_an_sos(word: str) -> None:
    assert parse(Posted(urlencode(QUERY | {"valid": word}).encode(), b"", NOW)) == NoFix("abc")
    called = read(QUERY | {"valid": word, "alarm": "sos"})
    assert (called.urgent, called.point, called.at) == ("sos", None, AT)
    assert read(QUERY | {"valid": "true"}) == REPORT


def test_a_heartbeat_that_tells_no_place_is_no_fix() -> None:
    """Traccar Client 10 sends one when it finds no place, and again for ever, before all else, where it is refused."""
    beat = {"id": "abc", "timestamp": QUERY["timestamp"], "batt": "76", "charge": "false"}
    for posted in (Posted(urlencode(beat).encode(), b"", NOW), Posted(b"", urlencode(beat).encode(), NOW)):
        assert parse(posted) == NoFix("abc")
    assert parse(Posted(urlencode(beat | {"lat": "0.0", "lon": "0.0"}).encode(), b"", NOW)) == NoFix("abc")
    document = {"device_id": "abc", "location": {"timestamp": "2026-03-01T11:59:30Z", "battery": {"level": 0.76}}}
    assert parse(Posted(b"", json.dumps(document).encode(), NOW)) == NoFix("abc")
    called = read(beat | {"alarm": "sos"})
    assert (called.urgent, called.point, called.at) == ("sos", None, AT)


@pytest.mark.parametrize("lost", ["lat", "lon"])
def test_half_a_place_is_refused_by_the_name_of_the_other_half(lost: str) -> None:
    with pytest.raises(Refused) as refused:
        read({name: value for name, value in QUERY.items() if name != lost})
    assert (refused.value.status, refused.value.field) == (400, lost)


# The examples of https://www.traccar.org/osmand/, with its ids and places.
@pytest.mark.parametrize(
    "query",
    [
        "id=12345&lat=48.8566&lon=2.3522&timestamp=1609459200000",
        "deviceid=12345&lat=48.8566&lon=2.3522&timestamp=2021-01-01T00:00:00Z&speed=15&bearing=270&accuracy=10&batt=75",
        "id=12345&lat=48.8566&lon=2.3522&timestamp=1609459200000&cell=208,10,12345,67890,50&wifi=00:11:22:33:44:55,-70",
        "id=12345&location=48.8566,2.3522&timestamp=2021-01-01+00%3A00%3A00&charge=true&driverUniqueId=7&hdop=0.8",
    ],
)
def test_the_documented_queries_are_read(query: str) -> None:
    for posted in (Posted(query.encode(), b"", NOW), Posted(b"", query.encode(), NOW)):
        report = parse(posted)
        assert isinstance(report, Report)
        assert (report.device, report.point) == ("12345", Point(2.3522, 48.8566))
        assert report.at == datetime(2021, 1, 1, tzinfo=UTC)


# The document of the same page, but for its place (0/0 is none), and one of an iPhone as the app's template makes it.
@pytest.mark.parametrize(
    ("coords", "level", "battery"),
    [
        ({"latitude": 0.0, "longitude": 0.1, "accuracy": 0, "speed": 0, "heading": 0, "altitude": 0}, 1, 100),
        ({"latitude": 37.78, "longitude": -122.4, "accuracy": 5, "speed": -1, "heading": -1, "altitude": 0}, -1, None),
    ],
)
def test_the_documented_json_is_read(coords: dict[str, float], level: float, battery: float | None) -> None:
    location = {
        "timestamp": "2000-01-01T00:00:00.000Z", "coords": coords, "is_moving": False, "odometer": 0,
        "event": "motionchange", "battery": {"level": level, "is_charging": False}, "activity": {"type": "still"},
        "extras": {}, "_": "&id=48241179&lat=0.0&lon=0.0&timestamp=2000-01-01T00:00:00.000Z&",
    }  # fmt: skip
    report = parse(Posted(b"", json.dumps({"location": location, "device_id": "48241179"}).encode(), NOW))
    assert isinstance(report, Report)
    assert (report.device, report.at) == ("48241179", datetime(2000, 1, 1, tzinfo=UTC))
    assert report.point == Point(coords["longitude"], coords["latitude"])
    assert (report.battery, report.speed) == (battery, 0 if coords["speed"] == 0 else None)


def test_a_form_is_read_like_a_query() -> None:
    assert read({}, urlencode(QUERY).encode()) == REPORT


@pytest.mark.parametrize(
    "time",
    [
        str(int(AT.timestamp())),
        str(int(AT.timestamp() * 1000)),
        AT.isoformat(),
        "2026-03-01T11:59:30Z",
        "2026-03-01 11:59:30",
        "2026-03-01T20:59:30+09:00",
    ],
)
def test_seconds_milliseconds_and_iso_are_the_same_time(time: str) -> None:
    assert read(QUERY | {"timestamp": time}) == REPORT


def test_a_report_without_a_time_happened_when_it_came() -> None:
    assert read({"id": "abc", "lat": "1", "lon": "2"}) == Report("abc", NOW, Point(2, 1))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"accuracy": "0"}, "accuracy_m"),
        ({"accuracy": ""}, "accuracy_m"),
        ({"accuracy": "-1"}, "accuracy_m"),
        ({"speed": "-1"}, "speed"),
        ({"bearing": "-1"}, "course"),
        ({"batt": "-1"}, "battery"),
    ],
)
def test_nothing_zero_accuracy_and_negative_values_are_unknown(change: dict[str, str], name: str) -> None:
    assert getattr(read(QUERY | change), name) is None


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"lat": "91"}, 422, "lat"),
        ({"lon": "-180.1"}, 422, "lon"),
        ({"lat": "nan"}, 422, "lat"),
        ({"lon": "inf"}, 422, "lon"),
        ({"lat": "north"}, 422, "lat"),
        ({"lat": ""}, 400, "lat"),
        ({"batt": "101"}, 422, "batt"),
        ({"bearing": "361"}, 422, "bearing"),
        ({"speed": "9999"}, 422, "speed"),
        ({"timestamp": "soon"}, 422, "timestamp"),
        ({"timestamp": "12"}, 422, "timestamp"),
        ({"timestamp": str(int((NOW + timedelta(days=2)).timestamp()))}, 422, "timestamp"),
        ({"timestamp": "9" * 300}, 422, "timestamp"),
        ({"id": ""}, 400, "id"),
        ({"id": "x" * 129}, 422, "id"),
        ({"id": "a\nb"}, 422, "id"),
    ],
)
def test_what_cannot_be_is_refused_and_named(change: dict[str, str], status: int, field: str) -> None:
    with pytest.raises(Refused) as refused:
        read(QUERY | change)
    assert (refused.value.status, refused.value.field) == (status, field)


def test_an_sos_is_read_whatever_else_is_wrong_with_it() -> None:
    report = read({"id": "abc", "alarm": "SOS", "lat": "999", "timestamp": "soon", "batt": "1e999"})
    assert report == Report("abc", NOW, None, urgent="sos")


@pytest.mark.parametrize(
    ("alarm", "kind"),
    [
        ("sos", "sos"),
        ("fallDown", "man-down"),
        ("removing", "strap-cut"),
        ("tampering", "tamper"),
        ("lowBattery", None),
    ],
)
def test_only_alarms_that_call_for_help_are_urgent(alarm: str, kind: str | None) -> None:
    assert read(QUERY | {"alarm": alarm}).urgent == kind


def test_traccar_clients_json_has_metres_per_second_and_a_battery_from_0_to_1() -> None:
    location = {
        "timestamp": "2026-03-01T11:59:30.000Z",
        "coords": {
            "latitude": 37.5,
            "longitude": 127.1,
            "accuracy": 8,
            "speed": 2.5,
            "heading": 270,
            "altitude": -3.5,
        },
        "battery": {"level": 0.5, "is_charging": False},
        "odometer": 5,
        "extras": {},
    }
    report = read({}, json.dumps({"device_id": "abc", "location": location}).encode())
    assert report == Report("abc", AT, Point(127.1, 37.5), 8.0, 2.5, 270.0, 50.0)
    location["extras"] = {"alarm": "sos"}
    assert read({}, json.dumps({"device_id": "abc", "location": location}).encode()).urgent == "sos"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"location": ' + b'{"coords":' * 20_000,
        b'{"device_id": ' + b"[" * 60_000,
        b'{"device_id": "\xff"}',
        b"{}",
    ],
)
def test_broken_and_deep_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read({}, body)


@given(st.text("abid=&;lt1.-", max_size=60))
def test_a_query_without_escapes_is_read_as_one_with_them_would_be(text: str) -> None:
    kept = {name: value for name, value in parse_qsl(text, keep_blank_values=True) if name}
    assert {name: value for name, value in _form(text.encode()).items() if name} == kept


@given(query=st.binary(max_size=200), body=st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(query: bytes, body: bytes) -> None:
    for posted in (Posted(query, body, NOW), Posted(b"", b"{" + body, NOW)):
        with suppress(Refused):
            parse(posted)


_values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.just([1]))


@given(st.dictionaries(st.sampled_from([*QUERY, "alarm", "location"]), _values.map(str)), _values, _values, _values)
def test_any_values_give_a_sound_report_or_a_refusal(
    query: dict[str, str], time: object, lat: object, level: object
) -> None:
    document = {
        "device_id": query.get("id"),
        "location": {"timestamp": time, "coords": {"latitude": lat, "longitude": 1}, "battery": {"level": level}},
    }
    for posted in (
        Posted(urlencode(query).encode(), b"", NOW),
        Posted(b"", json.dumps(document).encode(), NOW),
    ):
        report = None
        with suppress(Refused):
            report = parse(posted)
        if not isinstance(report, Report):
            continue
        assert report.urgent is not None or report.point is not None
        assert report.point is None or (-180 <= report.point.lon <= 180 and -90 <= report.point.lat <= 90)
        assert report.battery is None or 0 <= report.battery <= 100
        assert report.accuracy_m is None or report.accuracy_m > 0
        assert report.at.tzinfo is not None
