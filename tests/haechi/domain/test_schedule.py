"""When a schedule holds."""

from datetime import UTC, date, datetime, time

import pytest

from haechi.domain.schedule import DAYS, Span, Window, holds, span

SCHOOL = Window("Asia/Seoul", DAYS[:5], time(8, 40), time(15, 0))
NIGHT = Window("Asia/Seoul", ("fri",), time(22, 0), time(6, 0))
BERLIN = Window("Europe/Berlin", DAYS, time(2, 0), time(3, 0))


@pytest.mark.parametrize(
    ("window", "instant", "expected"),
    [
        (SCHOOL, "2026-11-22T23:40:00", True),  # Monday 8:40 in Seoul: the start belongs to it
        (SCHOOL, "2026-11-22T23:39:59", False),
        (SCHOOL, "2026-11-23T06:00:00", False),  # 15:00: the end does not
        (SCHOOL, "2026-11-21T01:00:00", False),  # Saturday 10:00 in Seoul
        (NIGHT, "2026-11-20T13:00:00", True),  # Friday 22:00 in Seoul
        (NIGHT, "2026-11-20T20:59:00", True),  # Saturday 5:59: still Friday's night
        (NIGHT, "2026-11-20T21:00:00", False),  # Saturday 6:00
        (NIGHT, "2026-11-21T13:30:00", False),  # Saturday 22:30
        (BERLIN, "2026-03-29T00:59:59", False),  # the hour that summer time skips
        (BERLIN, "2026-03-29T01:00:00", False),
        (BERLIN, "2026-10-25T00:30:00", True),  # the hour that comes twice, both times
        (BERLIN, "2026-10-25T01:30:00", True),
        (Window("UTC", ("mon",), time(0), time(0)), "2026-11-23T23:59:59", True),  # the whole day
        (Window("UTC", ("mon",), time(0), time(0)), "2026-11-24T00:00:00", False),
    ],
)
def test_a_window_holds_by_the_clock_of_its_zone(window: Window, instant: str, *, expected: bool) -> None:
    assert window.holds(datetime.fromisoformat(instant).replace(tzinfo=UTC)) is expected


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_span_is_as_long_as_the_same_holds() -> None:
    monday, end = at("2026-11-22T23:40:00"), at("2026-11-23T06:00:00")
    assert span((SCHOOL,), at("2026-11-23T01:00:00")) == Span(True, monday, end)
    assert span((SCHOOL,), monday) == Span(True, monday, end)
    assert span((SCHOOL,), end) == Span(False, end, at("2026-11-23T23:40:00"))
    assert span((SCHOOL,), at("2026-11-21T12:00:00")) == Span(False, at("2026-11-20T06:00:00"), monday)
    holiday = frozenset({date(2026, 11, 23)})
    assert span((SCHOOL,), at("2026-11-23T01:00:00"), holiday).until == at("2026-11-23T23:40:00")


def test_windows_that_meet_are_one_span_and_what_lasts_longer_than_a_week_has_no_end() -> None:
    noon = (Window("UTC", DAYS, time(8), time(12)), Window("UTC", DAYS, time(12), time(15)))
    assert span(noon, at("2026-11-23T12:00:00")) == Span(True, at("2026-11-23T08:00:00"), at("2026-11-23T15:00:00"))
    assert span((Window("UTC", DAYS, time(0), time(0)),), at("2026-11-23T12:00:00")) == Span(True)
    assert span((), at("2026-11-23T12:00:00")) == Span(True)


def test_a_span_ends_by_the_clock_on_the_day_whose_hour_comes_twice() -> None:
    window = Window("Europe/Berlin", DAYS, time(1), time(2, 30))
    found = span((window,), at("2026-10-25T01:10:00"))  # 2:10 for the second time
    assert found.holds
    assert found.until == at("2026-10-25T01:30:00")


def test_an_empty_schedule_always_holds() -> None:
    assert holds((), datetime(2026, 1, 1, tzinfo=UTC))


def test_any_window_suffices() -> None:
    assert holds((SCHOOL, NIGHT), datetime(2026, 11, 20, 13, 0, tzinfo=UTC))
