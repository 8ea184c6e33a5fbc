"""What a Traccar server forwards becomes the report of the tracker behind it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from haechi.domain.geo import Point
from ingest.devices.osmand import KNOT
from ingest.devices.report import Posted, Report
from ingest.devices.traccar import parse_event, parse_position
from ingest.refusal import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIX = datetime(2026, 3, 1, 11, 59, 15, tzinfo=UTC)
# The shape of Traccar's `PositionData` and `EventData` (org.traccar.forward), with the times as its ObjectMapper writes them.
DEVICE = {
    "id": 1, "attributes": {}, "groupId": 0, "calendarId": 0, "name": "Watch", "uniqueId": "359710042436064",
    "status": "online", "lastUpdate": "2026-03-01T11:59:18.770+00:00", "positionId": 7, "phone": None, "model": None,
    "contact": None, "category": "person", "disabled": False, "expirationTime": None,
}  # fmt: skip
POSITION = {
    "id": 0, "attributes": {"batteryLevel": 53, "distance": 0, "totalDistance": 5922.96, "motion": False},
    "deviceId": 1, "protocol": "gt06", "serverTime": "2026-03-01T11:59:18.770+00:00",
    "deviceTime": "2026-03-01T11:59:16.000+00:00", "fixTime": "2026-03-01T11:59:15.000+00:00", "outdated": False,
    "valid": True, "latitude": 37.5, "longitude": 127.1, "altitude": 12, "speed": 10, "course": 90, "address": None,
    "accuracy": 0, "network": None, "geofenceIds": None,
}  # fmt: skip
EVENT = {
    "id": 3, "attributes": {"alarm": "sos"}, "deviceId": 1, "type": "alarm",
    "eventTime": "2026-03-01T11:59:16.000+00:00", "positionId": 7, "geofenceId": 0, "maintenanceId": 0,
}  # fmt: skip
REPORT = Report("359710042436064", FIX, Point(127.1, 37.5), None, 10 * KNOT, 90.0, 53.0)


def position(**change: Any) -> Report | None:
    body = {"position": POSITION | change, "device": DEVICE}
    return parse_position(Posted(b"", json.dumps(body).encode(), NOW))


def event(change: dict[str, Any], at: dict[str, Any] | None = POSITION) -> Report | None:
    body = {"event": EVENT | change, "position": at, "device": DEVICE}
    return parse_event(Posted(b"", json.dumps(body).encode(), NOW))


def test_a_position_is_read_with_knots_as_metres_per_second_and_accuracy_0_as_unknown() -> None:
    assert position() == REPORT


def test_the_times_of_older_servers_are_read_too() -> None:
    assert position(fixTime="2026-03-01T11:59:15.000+0000") == REPORT
    assert position(fixTime=int(FIX.timestamp() * 1000)) == REPORT


def test_a_fix_without_a_time_of_its_own_has_the_devices() -> None:
    report = position(fixTime=None)
    assert report is not None
    assert report.at == datetime(2026, 3, 1, 11, 59, 16, tzinfo=UTC)


@pytest.mark.parametrize("change", [{"outdated": True}, {"valid": False}, {"latitude": 0, "longitude": 0.0}])
def test_the_last_known_place_sent_again_is_no_new_fix(change: dict[str, Any]) -> None:
    assert position(**change) is None


def test_a_place_that_traccar_found_by_wifi_or_cells_is_a_fix_though_it_stays_marked_outdated() -> None:
    """Its GeolocationHandler writes the place and the time, and leaves the mark: indoors a watch has nothing else."""
    found = {"outdated": True, "fixTime": POSITION["deviceTime"], "accuracy": 45, "speed": 0, "course": 0}
    place = {"attributes": {"approximate": True, "batteryLevel": 53}}
    at = datetime(2026, 3, 1, 11, 59, 16, tzinfo=UTC)
    assert position(**found | place) == Report("359710042436064", at, Point(127.1, 37.5), 45.0, 0.0, 0.0, 53.0)
    called = position(**found | {"attributes": {"approximate": True, "alarm": "sos"}})
    assert called is not None
    assert (called.urgent, called.point, called.accuracy_m, called.at) == ("sos", Point(127.1, 37.5), 45.0, at)
    assert position(**found | place | {"valid": False}) is None


@pytest.mark.parametrize(
    ("alarm", "kind"),
    [
        ("sos", "sos"), ("lowBattery,sos", "sos"), ("fallDown", "man-down"), ("removing", "strap-cut"),
        ("tampering,lowBattery", "tamper"), ("tampering, sos", "sos"), ("lowBattery", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_alarms_that_call_for_help_are_urgent_the_most_urgent_of_several(alarm: str | None, kind: str | None) -> None:
    report = position(attributes={"alarm": alarm})
    assert report is not None
    assert report.urgent == kind


def test_a_call_without_a_fix_of_its_own_comes_without_a_place_and_at_the_time_of_the_press() -> None:
    report = position(attributes={"alarm": "sos"}, outdated=True, fixTime="2026-02-28T08:00:00.000+00:00")
    assert report is not None
    assert (report.urgent, report.point) == ("sos", None)
    assert report.at == datetime(2026, 3, 1, 11, 59, 16, tzinfo=UTC)


def test_two_presses_with_one_old_fix_are_two_and_the_fix_keeps_its_time() -> None:
    """Trackers tell the last fix they had beside the time of the message (in Traccar DMT's and others' decoders)."""
    presses = [
        position(attributes={"alarm": "sos"}, deviceTime=f"2026-03-01T11:59:{second}.000+00:00") for second in (20, 50)
    ]
    assert [press and (press.at.second, press.fixed_at, press.point) for press in presses] == [
        (20, FIX, Point(127.1, 37.5)),
        (50, FIX, Point(127.1, 37.5)),
    ]
    alone = position(attributes={"alarm": "sos"}, deviceTime=None)
    assert alone is not None
    assert (alone.at, alone.fixed_at) == (FIX, None)
    plain = position(deviceTime="2026-03-01T11:59:50.000+00:00")
    assert plain is not None
    assert (plain.at, plain.fixed_at) == (FIX, None)


def test_an_alarm_is_the_same_call_as_its_position() -> None:
    assert event({}) == position(attributes={"alarm": "sos", "batteryLevel": 53})
    assert event({"attributes": {}}, POSITION | {"attributes": {"alarm": "sos"}}) is not None


def test_an_alarm_without_a_position_is_a_call_at_the_time_of_the_event() -> None:
    report = event({}, None)
    assert report is not None
    assert (report.urgent, report.point, report.at.second) == ("sos", None, 16)


@pytest.mark.parametrize("type_", ["deviceOnline", "deviceOffline", "geofenceEnter", "geofenceExit", "maintenance"])
def test_other_events_are_left(type_: str) -> None:
    assert event({"type": type_, "attributes": {}}) is None
    assert event({"type": type_, "attributes": {}}, POSITION | {"attributes": {"alarm": "sos"}}) is None, (
        "the call itself has an event of its own"
    )


@pytest.mark.parametrize("change", [{"latitude": 91}, {"longitude": None}, {"latitude": "north"}])
def test_a_wrong_field_is_named_and_never_stops_an_sos(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        position(**change)
    assert refused.value.field == f"position.{next(iter(change))}"
    report = position(**change, attributes={"alarm": "sos"})
    assert report is not None
    assert (report.urgent, report.point) == ("sos", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"device": DEVICE}, "position"),
        ({"position": POSITION}, "device.uniqueId"),
        ({"position": POSITION | {"valid": False}}, "device.uniqueId"),
        ({"position": POSITION, "device": {"uniqueId": "x" * 200}}, "device.uniqueId"),
        ([], None),
    ],
)
def test_what_is_no_forwarded_position_is_refused(body: object, field: str | None) -> None:
    with pytest.raises(Refused) as refused:
        parse_position(Posted(b"", json.dumps(body).encode(), NOW))
    assert refused.value.field == field


def test_what_is_no_forwarded_event_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        parse_event(Posted(b"", json.dumps({"position": POSITION, "device": DEVICE}).encode(), NOW))
    assert refused.value.field == "event"
