"""What a consent ledger says, whoever asks, whenever."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.consent import (
    ConsentEntry,
    NoGuardian,
    age_on,
    check_giver,
    ends_soon,
    possible,
    standing,
    step,
)
from haechi.domain.people import Consent, Guardian, Person
from haechi.errors import Conflict

AT = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def days(number: float) -> datetime:
    return AT + number * DAY


def gave(at: float, until: float | None = None, *, since: float | None = None, by: str = "mother") -> ConsentEntry:
    start = days(at if since is None else since)
    end = None if until is None else days(until)
    return ConsentEntry("given", days(at), by, "clerk", scopes=("position", "sos"), starts_at=start, ends_at=end)


def said(kind: str, at: float, until: float | None = None) -> ConsentEntry:
    return ConsentEntry(kind, days(at), "mother", "clerk", ends_at=None if until is None else days(until))  # type: ignore[arg-type]  # one of the kinds


def holding(ledger: list[ConsentEntry], at: datetime) -> Consent | None:
    """The consent that held at the instant, by what was written down until then."""
    stands = standing(entry for entry in ledger if entry.at <= at)
    return stands if stands is not None and stands.holds(at) else None


LIFE = [gave(0, 10), said("paused", 2), said("resumed", 3), said("paused", 4, 5), said("withdrawn", 7), gave(8, 20)]


@pytest.mark.parametrize(
    ("ledger", "day", "holds"),
    [
        ([], 0, False),
        (LIFE, -0.1, False),  # before it was given
        (LIFE, 0, True),
        (LIFE, 2, False),  # paused
        (LIFE, 3, True),  # resumed
        (LIFE, 4.5, False),  # paused until day 5
        (LIFE, 5, True),  # the pause has ended by itself
        (LIFE, 7, False),  # withdrawn
        (LIFE, 7.9, False),
        (LIFE, 8, True),  # given again
        (LIFE, 19.9, True),
        (LIFE, 20, False),  # the end itself is no longer covered
        ([gave(0, since=-30)], -1, False),  # a form that was signed before counts from when it was written down
        ([gave(0, since=5)], 4.9, False),  # one that begins later
        ([gave(0, since=5)], 5, True),
        ([gave(0), said("paused", 1), gave(2)], 3, False),  # a new consent does not end a pause
        ([gave(0), said("paused", 1), said("withdrawn", 2), gave(3)], 4, True),  # a withdrawal does
        ([gave(0, 10), gave(1, 3)], 4, False),  # the newer one replaces the older
    ],
)
def test_what_holds_at_an_instant(ledger: list[ConsentEntry], day: float, *, holds: bool) -> None:
    assert (holding(ledger, days(day)) is not None) is holds


@pytest.mark.parametrize(
    ("ledger", "day", "paused"),
    [
        ([gave(0)], 1, False),
        ([gave(0), said("paused", 1)], 0.9, False),
        ([gave(0), said("paused", 1)], 1, True),
        ([gave(0), said("paused", 1), said("resumed", 3)], 2, True),
        ([gave(0), said("paused", 1), said("resumed", 3)], 3, False),
        ([gave(0), said("paused", 1, 3)], 2, True),
        ([gave(0), said("paused", 1, 3)], 3, False),
        ([gave(0), said("paused", 1), said("paused", 2, 4)], 1.5, True),  # told longer, it began where it began
        ([gave(0), said("paused", 1, 2), said("paused", 3, 4)], 2.5, False),
        ([gave(0), said("paused", 1), said("resumed", 3), gave(4)], 2, True),  # a new consent covers no old pause
    ],
)
def test_a_pause_that_is_over_is_still_known(ledger: list[ConsentEntry], day: float, *, paused: bool) -> None:
    stands = standing(ledger)
    assert stands is not None
    assert stands.in_pause(days(day)) is paused


def test_the_scopes_are_those_of_the_newest_consent() -> None:
    narrow = msgspec.structs.replace(gave(1), scopes=("sos",))
    found = holding([gave(0), narrow], days(2))
    assert found is not None
    assert found.allows("sos", days(2))
    assert not found.allows("position", days(2))


@pytest.mark.parametrize(
    ("ledger", "entry", "words"),
    [
        ([], said("withdrawn", 0), "no consent that could be"),
        ([], said("paused", 0), "no consent that could be"),
        ([gave(0, 1)], said("withdrawn", 2), "no consent that could be"),
        ([gave(0)], said("resumed", 1), "is not paused"),
        ([gave(0), said("paused", 1, 2)], said("resumed", 3), "is not paused"),
        ([gave(0)], said("paused", 2, 1), "over before it begins"),
        ([], gave(5, 4), "over before it begins"),
        ([], gave(5, 6, since=7), "over before it begins"),
        ([gave(0, 9)], gave(1, since=9), "replaces it at once"),
    ],
)
def test_what_cannot_follow_is_refused_in_words(ledger: list[ConsentEntry], entry: ConsentEntry, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        possible(standing(ledger), entry)


@pytest.mark.parametrize("entry", [gave(2), said("withdrawn", 2), said("paused", 2), said("paused", 2, 3)])
def test_what_can_follow_a_consent_is_let_through(entry: ConsentEntry) -> None:
    possible(standing([gave(0, 9)]), entry)


def test_one_that_has_not_begun_may_be_put_off() -> None:
    possible(standing([gave(0, since=5)]), gave(1, since=6))


entries = st.lists(
    st.tuples(
        st.sampled_from(["given", "withdrawn", "paused", "resumed"]),
        st.integers(0, 5),  # days since the entry before
        st.one_of(st.none(), st.integers(1, 20)),  # its end, days after it was written down
        st.integers(-5, 5),  # its start, the same
    ),
    max_size=12,
)


def ledger_of(drawn: list[tuple[str, int, int | None, int]]) -> list[ConsentEntry]:
    """Only what the store would have written down."""
    ledger: list[ConsentEntry] = []
    now = 0
    for kind, later, end, start in drawn:
        now += later
        until = None if end is None else now + end
        entry = gave(now, until, since=now + start) if kind == "given" else said(kind, now, until)
        try:
            possible(standing(ledger), entry)
        except Conflict:
            continue
        ledger.append(entry)
    return ledger


@given(entries, st.integers(0, 2000))
def test_nothing_holds_between_a_withdrawal_and_the_next_consent(drawn: list, hours: int) -> None:
    ledger = ledger_of(drawn)
    at = AT + timedelta(hours=hours)
    past = [entry for entry in ledger if entry.at <= at and entry.kind in {"given", "withdrawn"}]
    if not past or past[-1].kind == "withdrawn":
        assert holding(ledger, at) is None


@given(entries, st.integers(0, 2000))
def test_nothing_holds_in_a_pause(drawn: list, hours: int) -> None:
    ledger = ledger_of(drawn)
    at = AT + timedelta(hours=hours)
    past = [entry for entry in ledger if entry.at <= at and entry.kind != "given"]
    if past and past[-1].kind == "paused" and (past[-1].ends_at is None or at < past[-1].ends_at):
        assert holding(ledger, at) is None


@given(entries)
def test_a_ledger_is_the_fold_of_its_steps(drawn: list) -> None:
    ledger = ledger_of(drawn)
    for n, entry in enumerate(ledger):
        assert standing(ledger[: n + 1]) == step(standing(ledger[:n]), entry)


@pytest.mark.parametrize(
    ("day", "age"),
    [
        ("2026-03-01T00:00:00+09:00", 14),  # by the calendar in Seoul ...
        ("2026-02-28T23:59:00+09:00", 13),
        ("2026-02-28T15:00:00+00:00", 14),  # ... wherever the clock is read
    ],
)
def test_age_is_counted_in_whole_years_in_seoul(day: str, age: int) -> None:
    assert age_on(date(2012, 3, 1), datetime.fromisoformat(day)) == age


def test_who_is_born_on_a_leap_day_is_a_year_older_in_march() -> None:
    assert age_on(date(2012, 2, 29), datetime(2026, 2, 28, 3, tzinfo=UTC)) == 13
    assert age_on(date(2012, 2, 29), datetime(2026, 3, 1, 3, tzinfo=UTC)) == 14


CHILD = Person("c", "haneul", "Jihoon", date(2018, 3, 1), "child", ("g1",), None)
BIRTHDAY, EVE = (msgspec.structs.replace(CHILD, born=date(2012, 5, day)) for day in (4, 5))  # 14 today, and tomorrow
TEEN = msgspec.structs.replace(CHILD, born=date(2010, 3, 1))
MOTHER = Guardian("g1", "haneul", "Kim Minji")


@pytest.mark.parametrize(
    ("person", "guardians", "name", "guardian", "refused"),
    [
        (CHILD, [MOTHER], "Kim Minji", None, None),
        (CHILD, [MOTHER], "", "g1", None),
        (CHILD, [MOTHER], "Jihoon", None, "under 14"),
        (CHILD, [MOTHER], "a teacher", None, "Registered are Kim Minji"),
        (CHILD, [MOTHER], "a teacher", "g2", "none of Jihoon's"),
        (CHILD, [], "Kim Minji", None, "Register the guardian first"),
        (CHILD, [], "Jihoon", None, "under 14"),
        (BIRTHDAY, [], "Jihoon", None, None),
        (EVE, [], "Jihoon", None, "under 14"),
        (TEEN, [], "Jihoon", None, None),
        (TEEN, [MOTHER], "", "g2", "none of Jihoon's"),
    ],
)
def test_for_a_child_under_14_a_guardian_consents(
    person: Person,
    guardians: list[Guardian],
    name: str,
    guardian: str | None,
    refused: str | None,
) -> None:
    if refused is None:
        check_giver(person, guardians, name, guardian, AT)
        return
    with pytest.raises(NoGuardian, match=refused):
        check_giver(person, guardians, name, guardian, AT)


@pytest.mark.parametrize(
    ("length", "day", "due"),
    [
        (365, 334, None),
        (365, 335, 30),
        (365, 357, 30),
        (365, 358, 7),
        (365, 364, 1),
        (365, 365, None),  # over
        (5, 0, None),  # for five days: nobody is told on the first that it ends in 30
        (5, 4, 1),
        (None, 100, None),
    ],
)
def test_the_warning_that_is_due_is_the_newest_that_has_begun(length: int | None, day: int, due: int | None) -> None:
    consent = Consent("mother", AT, ("position",), None if length is None else days(length))
    found = ends_soon(consent, days(day))
    assert (found and found.days) == due
    if found is not None:
        assert found.since == days(length or 0) - found.days * DAY
