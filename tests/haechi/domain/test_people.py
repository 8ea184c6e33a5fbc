"""What is said of people."""

from datetime import UTC, datetime, timedelta

import pytest

from haechi.domain.people import Consent, dialled

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("010-1234-5678", "01012345678"),
        ("+82 10 1234 5678", "01012345678"),
        ("+82 (0)10-1234-5678", "01012345678"),
        ("0082 10.1234.5678", "01012345678"),
        ("82101234", "82101234"),
        ("+1 212 555 0100", "12125550100"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_telephone_is_the_same_however_it_is_written(written: str | None, digits: str) -> None:
    assert dialled(written) == digits


@pytest.mark.parametrize(
    ("given", "expires", "paused", "until"),
    [
        pytest.param(-1, None, None, None, id="for good"),
        pytest.param(2, None, None, 2, id="begins"),
        pytest.param(-1, 3, None, 3, id="ends"),
        pytest.param(-1, 0, None, None, id="is over"),
        pytest.param(-1, 3, 1, 1, id="is resumed before it ends"),
        pytest.param(-1, 3, 5, 3, id="ends before it is resumed"),
    ],
)
def test_a_consent_says_until_when_it_stays_as_it_is(
    given: int, expires: int | None, paused: int | None, until: int | None
) -> None:
    def at(hours: int | None) -> datetime | None:
        return None if hours is None else NOON + timedelta(hours=hours)

    consent = Consent(
        "a guardian", NOON + timedelta(hours=given), ("position",), at(expires), paused is not None, at(paused)
    )
    assert consent.until(NOON) == at(until)
