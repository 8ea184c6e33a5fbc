"""Nothing that is posted does more than be read or be refused in words: no crash, and no memory beyond its own size.

A few dozen examples of each kind in CI, a hundred thousand in `make soak`.
"""

import gzip
import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import getitem
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.config import Settings
from haechi.visitors import HEAD_BYTES
from ingest.devices import FORMATS, batch, tags
from ingest.devices.report import Posted, Report
from ingest.gateway.batches import BODY_BYTES
from ingest.refusal import Refused
from ingest.sensors import sensorthings
from tests.ingest.devices.test_owntracks import KEY, sealed
from tests.ingest.devices.test_traccar import DEVICE, EVENT, POSITION

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Parser = Callable[[Posted], Any]
PARSERS: dict[str, Parser] = {form.name: form.parse for form in FORMATS} | {
    "batch": batch.parse,
    "tags": tags.parse,
    "sensorthings": lambda posted: sensorthings.parse(posted.body, posted.received_at),
}
WHOLE: dict[str, dict[str, Any]] = {
    "osmand": {
        "device_id": "abc",
        "location": {
            "timestamp": "2026-03-01T11:59:30.000Z",
            "coords": {"latitude": 37.5, "longitude": 127.1, "accuracy": 8, "speed": 1, "heading": 2, "altitude": 3},
            "battery": {"level": 0.5, "is_charging": False},
            "extras": {"alarm": "sos"},
            "event": "motionchange",
        },
    },
    "owntracks": {"_type": "location", "lat": 37.5, "lon": 127.1, "tst": 1772366370, "acc": 5, "vel": 3, "batt": 50},
    "traccar-position": {"position": POSITION, "device": DEVICE},
    "traccar-event": {"event": EVENT, "position": POSITION, "device": DEVICE},
    "batch": {"positions": [{"device": "abc", "at": 1772366370, "lat": 37.5, "lon": 127.1, "alarm": "sos"}] * 2},
    "tags": {"readings": [{"reader": "r1", "tag": "04A2B9", "at": 1772366370}] * 2},
    "sensorthings": {"Datastream": {"@iot.id": "s1"}, "result": 3, "phenomenonTime": "2026-03-01T11:00:00Z/.."},
}
ODD = st.sampled_from(
    [
        None, True, False, "", " ", "NaN", "nan", "Infinity", "-inf", "1e999", "0x10", "1_000", "٣٧", "-0", "\x00", "\ud7ff",
        "180", "-180", "180.0000001", "90.0000001", 0, -1, 10**18, 10**30, -(10**30), 1e308, 5e-324, "9" * 5000,
        "2026-03-01T24:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-W09", "20260301",
        [], {}, [[]], {"": ""}, "sos", "SOS , lowBattery", "x" * 200, "a\u202eb",
    ]
)  # fmt: skip
LEAF = ODD | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=20)
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4))  # fmt: skip
QUERY_NAMES = ("id", "deviceid", "lat", "lon", "location", "timestamp", "speed", "bearing", "altitude", "accuracy", "batt", "alarm", "valid")  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-7", "cp1252")


def paths_of(whole: Any, front: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where its parts are, the parts of parts too."""
    inner = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    return [path for key, part in inner for path in [(*front, key), *paths_of(part, (*front, key))]]


@st.composite
def changed(draw: st.DrawFn, whole: Any) -> Any:
    """`whole` with up to four of its parts missing or replaced, or with a strange one beside them."""
    whole = deepcopy(whole)
    for *front, last in draw(st.lists(st.sampled_from([*paths_of(whole), ("strange",)]), max_size=4)):
        try:
            holder = reduce(getitem, front, whole)
            if draw(st.booleans()):
                holder[last] = draw(JSON)
            else:
                del holder[last]
        except (KeyError, TypeError, IndexError):
            continue  # an earlier change took it away
    return whole


def read(parse: Parser, body: bytes, query: bytes = b"") -> Any:
    """What a parser makes of it; whatever is raised beside Refused fails the test. A refusal has words and a reason."""
    try:
        found = parse(Posted(query, body, NOW, "abc", {"abc": KEY}.get))
    except Refused as refusal:
        found = refusal
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, Refused):
            assert 400 <= one.status < 500
            assert one.words
            assert one.reason in ("unreadable", "missing-field", "wrong-field", "no-key")
            assert one.field or one.reason == "unreadable"
        elif isinstance(one, Report):
            could_be(one)
    return found


def could_be(report: Report) -> None:
    """A report that was let in holds nothing that cannot be."""
    assert 0 < len(report.device) <= 128
    assert report.device.isprintable()
    assert datetime(2000, 1, 1, tzinfo=UTC) <= report.at <= NOW + timedelta(days=1)
    assert report.point is not None or report.urgent is not None
    if report.point is not None:
        assert -180 <= report.point.lon <= 180
        assert -90 <= report.point.lat <= 90
    assert report.accuracy_m is None or 0 < report.accuracy_m <= 1_000_000
    for value, most in ((report.speed, 1000), (report.course, 360), (report.battery, 100)):
        assert value is None or 0 <= value <= most


def encoded(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


quickly = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
at_length = settings(quickly, max_examples=100_000)


def of_structure(name: str) -> st.SearchStrategy[bytes]:
    return changed(WHOLE[name]).map(encoded)


def pairs() -> st.SearchStrategy[bytes]:
    """Queries and forms, with names twice, nothing escaped, or escaped wrongly."""
    value = ODD.map(str) | st.text(max_size=20) | st.floats().map(str)
    pair = st.tuples(st.sampled_from(QUERY_NAMES) | st.text(max_size=5), value)
    well = st.lists(pair, max_size=80).map(lambda found: urlencode(found, errors="replace").encode())
    return well | st.lists(pair, max_size=8).map(
        lambda found: "&".join(f"{name}={text}" for name, text in found).encode("utf-8", "replace")
    )


@pytest.mark.parametrize("name", PARSERS)
@quickly
@given(data=st.data())
def test_documents_with_parts_replaced_are_read_or_refused(name: str, data: st.DataObject) -> None:
    read(PARSERS[name], data.draw(of_structure(name)))


@quickly
@given(query=pairs(), body=pairs() | st.binary(max_size=50))
def test_queries_and_forms_are_read_or_refused(query: bytes, body: bytes) -> None:
    read(PARSERS["osmand"], body, query)


@pytest.mark.parametrize("name", PARSERS)
@quickly
@given(document=JSON, encoding=st.sampled_from(ENCODINGS), cut=st.integers(0, 40))
def test_any_document_in_any_encoding_whole_or_cut_is_read_or_refused(
    name: str, document: object, encoding: str, cut: int
) -> None:
    data = json.dumps(document, ensure_ascii=False).encode(encoding, "replace")
    read(PARSERS[name], data[: max(0, len(data) - cut)])


@quickly
@given(message=changed(WHOLE["owntracks"]), box=st.binary(max_size=80))
def test_what_an_encrypted_payload_holds_is_read_or_refused(message: object, box: bytes) -> None:
    read(PARSERS["owntracks"], encoded(sealed(message)))
    read(PARSERS["owntracks"], encoded({"_type": "encrypted", "data": box.decode("latin-1")}))
    read(PARSERS["owntracks"], encoded(sealed(sealed(message))))


@pytest.mark.soak
@pytest.mark.parametrize("name", PARSERS)
@at_length
@given(data=st.data())
def test_at_length_documents_with_parts_replaced_are_read_or_refused(name: str, data: st.DataObject) -> None:
    read(PARSERS[name], data.draw(of_structure(name)))


@pytest.mark.soak
@at_length
@given(query=pairs(), body=pairs() | st.binary(max_size=50))
def test_at_length_queries_and_forms_are_read_or_refused(query: bytes, body: bytes) -> None:
    read(PARSERS["osmand"], body, query)


MB = 1 << 20
BOMBS = {
    "deep lists": b"[" * MB,
    "deep lists in a field": b'{"lat":' + b"[" * MB,
    "deep objects": b'{"positions":' * (MB // 13),
    "deep and whole": b'{"position":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "a number without an end": b'{"lat":' + b"9" * MB + b"}",
    "an exponent": b'{"lat":1e999999999,"lon":-1E+400,"_type":"location"}',
    "one field many times": b'{"_type":"location",' + b'"lat":1,' * (MB // 8) + b'"lon":2}',
    "many fields": b"{" + b",".join(b'"f%d":1' % n for n in range(90_000)) + b"}",
    "a long text": b'{"device":"' + b"x" * MB + b'"}',
    "many items": b'{"positions":[' + b",".join([b"{}"] * 300_000) + b"]}",
    "many readings": b'{"readings":[' + b",".join([b"1"] * 300_000) + b"]}",
    "gzip": gzip.compress(b"\0" * (50 * MB)),
    "escapes": b'{"device":"' + b"\\u0061" * (MB // 6) + b'"}',
    "ampersands": b"&" * MB,
    "percent signs": b"id=" + b"%61" * (MB // 3),
    "pairs": b"&".join(b"a%d=%d" % (n, n) for n in range(80_000)),
    "UTF-16": json.dumps(WHOLE["owntracks"]).encode("utf-16") * 1000,
    "zeroes": b"\0" * MB,
}


LARGEST = {"batch": BODY_BYTES}  # of all others: what a device may post


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", PARSERS)
def test_the_largest_body_of_malice_takes_no_more_than_twenty_megabytes(name: str, bomb: str) -> None:
    body = BOMBS[bomb][: LARGEST.get(name, Settings().gateway.body_bytes)]
    for query, posted in ((b"", body), (body[:HEAD_BYTES], b"")):
        with suppress(Refused):
            tracemalloc.start()
            began = time.process_time()
            try:
                read(PARSERS[name], posted, query)
            finally:
                most = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            assert most < 20 * MB
            assert time.process_time() - began < 20


def test_of_a_field_that_stands_twice_one_counts_and_an_alarm_is_never_lost_for_it() -> None:
    twice = b'{"_type":"location","lat":1,"lat":2,"lon":3,"alarm":"sos"}'
    assert read(PARSERS["owntracks"], twice).urgent == "sos"
    assert read(PARSERS["osmand"], b"", b"id=a&lat=1&lat=2&lon=3&alarm=sos").urgent == "sos"
