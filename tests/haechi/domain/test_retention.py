from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from haechi.domain.retention import Retention, next_night, retention_of
from haechi.errors import ConfigError

SEOUL = ZoneInfo("Asia/Seoul")


def test_the_row_of_a_district_goes_before_the_one_for_all() -> None:
    kept = retention_of(30, ["child=7", "haneul/child=3", "haneul/elder = 14"])
    assert kept.days_of("haneul", "child") == 3
    assert kept.days_of("other", "child") == 7
    assert kept.days_of("other", "elder") == 30
    assert retention_of(30, []) == Retention(30)


@pytest.mark.parametrize("text", ["child", "child=", "child=0", "child=31", "child=1.5", "dog=7", "child=-1", "=7", ""])
def test_what_is_no_retention_is_said_in_words(text: str) -> None:
    with pytest.raises(ConfigError, match=r"trail.shorter: .* is no retention. Write KIND=DAYS"):
        retention_of(30, [text])


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-22T17:59:59", "2026-11-22T18:00:00"),
        ("2026-11-22T18:00:00", "2026-11-23T18:00:00"),
        ("2026-11-22T23:00:00", "2026-11-23T18:00:00"),
    ],
)
def test_night_is_three_o_clock_where_people_sleep(now: str, night: str) -> None:
    found = next_night(datetime.fromisoformat(now).replace(tzinfo=UTC), SEOUL)
    assert found == datetime.fromisoformat(night).replace(tzinfo=UTC)
