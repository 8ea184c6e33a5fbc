"""Our own batch and the readings of tag readers: each item stands for itself."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from haechi.domain.geo import Point
from haechi.domain.people import Reader
from ingest.devices import batch, tags
from ingest.devices.report import Posted, Report
from ingest.refusal import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ITEM = {
    "device": "abc", "at": "2026-03-01T11:59:30Z", "lat": 37.5, "lon": 127.1, "accuracy_m": 8, "speed": 1.5,
    "course": 270, "altitude_m": 12, "battery": 76,
}  # fmt: skip


def read(body: object) -> list[Any]:
    return batch.parse(Posted(b"", json.dumps(body).encode(), NOW))


def seen(body: object) -> list[Any]:
    return tags.parse(Posted(b"", json.dumps(body).encode(), NOW))


def test_each_item_is_a_report_or_says_what_is_wrong_with_it() -> None:
    wrong = [ITEM | {"lat": 91}, ITEM | {"device": ""}, 7, ITEM | {"lat": 0, "lon": 0}]
    report, urgent, north, nobody, none, nowhere = read(
        {"positions": [ITEM, {"device": "abc", "alarm": "sos"}, *wrong]}
    )
    assert report == Report("abc", NOW - timedelta(seconds=30), Point(127.1, 37.5), 8.0, 1.5, 270.0, 76.0)
    assert urgent == Report("abc", NOW, None, urgent="sos")
    assert (north.status, north.field) == (422, "lat")
    assert (nobody.status, nobody.field) == (400, "device")
    assert (none.status, none.reason) == (400, "unreadable")
    assert (nowhere.status, nowhere.field) == (422, "lat")
    assert "a tracker says that does not know its place" in nowhere.words


@pytest.mark.parametrize("body", [{}, {"positions": None}, {"positions": 5}, []])
def test_what_holds_no_list_of_items_is_refused_as_a_whole(body: object) -> None:
    with pytest.raises(Refused):
        read(body)


def test_more_than_a_thousand_items_are_refused_as_a_whole() -> None:
    for parse, name in ((read, "positions"), (seen, "readings")):
        assert len(parse({name: [{}] * 1000})) == 1000
        with pytest.raises(Refused) as refused:
            parse({name: [{}] * 1001})
        assert (refused.value.status, refused.value.field) == (422, name)


def test_a_tag_was_where_the_reader_is_within_its_radius() -> None:
    reader = Reader("r1", "haneul", "Gate", "gate", Point(127.1, 37.5), 8.0)
    (sighted,) = seen({"readings": [{"reader": "r1", "tag": "04A2B9", "at": 1772366370}]})
    assert (sighted.reader, sighted.tag) == ("r1", "04A2B9")
    assert sighted.report(reader) == Report("04A2B9", NOW - timedelta(seconds=30), Point(127.1, 37.5), 8.0)


def test_a_single_reading_may_stand_without_a_list() -> None:
    assert seen({"reader": "r1", "tag": "04A2B9"}) == [tags.Sighted("r1", "04A2B9", NOW)]


def test_a_reading_that_lacks_something_names_it() -> None:
    refused = seen({"readings": [{"tag": "t"}, {"reader": "r"}, {"reader": "r", "tag": "t", "at": "noon"}]})
    assert [one.field for one in refused] == ["reader", "tag", "at"]
