"""What is said of people."""

import pytest

from haechi.domain.people import dialled


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
