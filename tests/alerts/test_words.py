"""Whatever can be said to a guardian has words in every language."""

import string
from typing import get_args

import msgspec
import pytest

from alerts.cli import ROLE
from alerts.routing import ROUTES
from alerts.words import LANGUAGES, Words
from haechi.domain.access import Role
from haechi.domain.alerting import KINDS, Status
from haechi.store.audit import OwnReason

AGENCIES = ("police", "fire")  # that are told where a person is
TOLD = [kind for kind in KINDS if "guardian" in ROUTES.get(kind, ())]


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.code)
@pytest.mark.parametrize("kind", TOLD)
def test_every_kind_that_guardians_are_told_of_has_words(words: Words, kind: str) -> None:
    assert words.kinds[kind]
    assert words.over.get(kind, words.over[""])


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.code)
def test_every_reason_role_and_status_that_we_write_has_words_and_no_word_is_left_over(words: Words) -> None:
    assert set(words.whys) == set(get_args(OwnReason))
    assert set(words.roles) == {*get_args(Role), "guardian", *AGENCIES, ROLE}
    assert set(words.marks) == set(get_args(Status))
    assert set(words.kinds) == set(TOLD)
    assert set(words.over) <= {*TOLD, ""}


def test_the_languages_say_the_same_things_with_the_same_gaps_to_fill() -> None:
    def gaps(text: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(text) if field}

    first, *others = (msgspec.structs.asdict(words) for words in LANGUAGES)
    for other in others:
        for name, text in first.items():
            if isinstance(text, str):
                assert gaps(text) == gaps(other[name]), name
            else:
                assert text.keys() == other[name].keys(), name
