"""A link opens one incident for one holder, for a while."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.links import LIFETIME, Links
from haechi.errors import PermanentError
from tests.alerts.build import AT

LINKS = Links("a key", "http://127.0.0.1:8080/")
PAGE = LINKS.guardian_page("haneul", "incident-1", "mother", AT)
TOKEN = PAGE.rsplit("/", 1)[1]


def test_a_link_lies_below_the_public_address_and_says_what_it_is_bound_to() -> None:
    assert PAGE.startswith("http://127.0.0.1:8080/g/")
    link = LINKS.open_guardian(TOKEN, AT)
    assert (link.district, link.incident, link.holder) == ("haneul", "incident-1", "mother")


def test_it_expires() -> None:
    LINKS.open_guardian(TOKEN, AT + LIFETIME - timedelta(seconds=1))
    with pytest.raises(PermanentError, match="expired"):
        LINKS.open_guardian(TOKEN, AT + LIFETIME)


def test_another_installations_link_is_refused() -> None:
    with pytest.raises(PermanentError, match="not one of ours"):
        Links("another key", "http://127.0.0.1:8080").open_guardian(TOKEN, AT)


def test_a_guardians_link_is_no_agencys() -> None:
    with pytest.raises(PermanentError):
        LINKS.open_agency(TOKEN, AT)


@given(
    st.integers(0, len(TOKEN) - 2), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
)
def test_no_character_can_be_changed(place: int, letter: str) -> None:
    # The very last character of base 64 carries padding bits, which decode to the same bytes.
    forged = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if forged != TOKEN:
        with pytest.raises(PermanentError):
            LINKS.open_guardian(forged, AT)


@given(st.text())
def test_no_text_is_a_link(text: str) -> None:
    with pytest.raises(PermanentError):
        LINKS.open_guardian(text, AT)
