"""OwnTracks' JSON: a location becomes a report, everything else is understood and left."""

import json
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import SecretBox

from haechi.domain.geo import Point
from ingest.devices.owntracks import parse
from ingest.devices.report import Goodbye, Posted, Report
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


def read(message: object, user: str | None = "abc") -> Any:
    return parse(Posted(b"", json.dumps(message).encode(), NOW, user))


def test_a_location_is_read_with_kilometres_an_hour_as_metres_per_second() -> None:
    report = read(LOCATION)
    assert report is not None
    assert (report.device, report.point, report.accuracy_m) == ("abc", Point(127.1, 37.5), 12)
    assert report.speed == pytest.approx(10)
    assert (report.course, report.battery) == (90, 55)
    assert (NOW - report.at).total_seconds() == 30


# The payloads of https://owntracks.org/booklet/tech/json/, with its example values.
IPHONE = {
    "_type": "location", "acc": 65, "alt": 163, "batt": 73, "bs": 1, "cog": 270, "conn": "w", "created_at": 1760000005,
    "inregions": ["Home", "Garage"], "lat": 48.85833, "lon": 2.29513, "m": 1, "p": 101.325, "rad": 20, "t": "u",
    "tid": "JJ", "topic": "owntracks/jane/phone", "tst": 1760000000, "vac": 10, "vel": 54, "SSID": "home",
    "BSSID": "b0:f2:8:45:94:33", "_id": "07c9",
}  # fmt: skip
ENTER = {
    "_type": "transition", "wtst": 1425042603, "lat": 48.85833, "lon": 2.29513, "tst": 1760000010, "acc": 130,
    "tid": "JP", "event": "enter", "desc": "School", "t": "c", "rid": "6da9cf",
}  # fmt: skip
HTTP = {"lon": 2.29513, "lat": 48.85833, "_type": "location", "tst": 1760000000, "tid": "JJ"}


@pytest.mark.parametrize(("message", "at", "accuracy"), [(IPHONE, 0, 65), (ENTER, 10, 130), (HTTP, 0, None)])
def test_the_documented_payloads_are_fixes(message: object, at: int, accuracy: float | None) -> None:
    report = read(message)
    assert report is not None
    assert (report.point, report.accuracy_m) == (Point(2.29513, 48.85833), accuracy)
    assert report.at == datetime.fromtimestamp(1_760_000_000 + at, UTC)


@pytest.mark.parametrize(
    "message",
    [
        {"_type": "waypoint", "desc": "Home", "lat": 48.8, "lon": 2.2, "rad": 50, "tst": 1425042603},
        {"_type": "waypoints", "_creator": "app", "waypoints": []},
        {"_type": "transition", "event": "leave", "tst": 1760000010, "acc": 0, "wtst": 1, "t": "b"},  # of a beacon
        {"_type": "card", "name": "Jane", "tid": "JJ"},
        {"_type": "status", "iOS": {}},
        {"_type": "steps", "tst": 1, "steps": 1234},
        {"_type": "location", "lat": 0, "lon": 0, "tst": 1760000000},
        {"_type": 5},
    ],
)
def test_messages_that_tell_no_place_are_left(message: object) -> None:
    assert read(message) is None


def test_a_message_that_is_none_of_owntracks_is_refused_so_that_its_sender_learns_that_it_is_lost() -> None:
    with pytest.raises(Refused) as refused:
        read({"lat": 37.5, "lon": 127.1, "tst": 1_760_000_000})
    assert (refused.value.status, refused.value.field) == (400, "_type")
    assert read({"alarm": "sos"}) == Report("abc", NOW, None, urgent="sos"), (
        "a call for help is one in whatever clothes"
    )


def test_a_will_is_the_phones_goodbye() -> None:
    assert read({"_type": "lwt", "tst": 1760000000}) == Goodbye("abc")


def test_an_empty_message_is_left_so_that_the_app_goes_on_to_its_next() -> None:
    assert parse(Posted(b"", b"", NOW, "abc")) is None


KEY = "mysecreTpass01"


def sealed(message: object, key: str = KEY) -> dict[str, str]:
    """As the app makes it (booklet, "Payload encryption")."""
    box = SecretBox(key.encode().ljust(32, b"\0"))
    return {"_type": "encrypted", "data": b64encode(box.encrypt(json.dumps(message).encode())).decode()}


def read_sealed(message: object, key: str | None = KEY) -> Any:
    return parse(Posted(b"", json.dumps(message).encode(), NOW, "abc", {"abc": key}.get))


def test_an_encrypted_payload_is_what_it_holds() -> None:
    assert read_sealed(sealed(LOCATION)) == read(LOCATION)
    assert read_sealed(sealed({"_type": "card"})) is None
    longest = "k" * 32
    assert read_sealed(sealed(LOCATION, longest), longest) == read(LOCATION)


@pytest.mark.parametrize(
    ("message", "key", "reason", "field"),
    [
        (sealed(LOCATION), None, "no-key", "id"),
        (sealed(LOCATION), "another", "wrong-field", "data"),
        (sealed(LOCATION) | {"data": "AAAA"}, KEY, "wrong-field", "data"),
        (sealed(LOCATION) | {"data": "not base 64"}, KEY, "wrong-field", "data"),
        ({"_type": "encrypted"}, KEY, "missing-field", "data"),
    ],
)
def test_an_encrypted_payload_that_cannot_be_opened_says_why(
    message: object, key: str | None, reason: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_sealed(message, key)
    assert (refused.value.reason, refused.value.field) == (reason, field)


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


@pytest.mark.parametrize("body", [b" ", b"[]", b'{"_type": "location", "lat": ' + b"[" * 60_000, b'{"_type": "\xff"}'])
def test_broken_and_deep_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        parse(Posted(b"", body, NOW, "abc"))


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    for data in (body, b'{"_type": "location", ' + body):
        with suppress(Refused):
            parse(Posted(b"", data, NOW, "abc"))
