"""What becomes of positions that were accepted before a withdrawal or a pause."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, Positions
from analytics.positions import PositionMetrics
from analytics.positions.consent import covered, without
from analytics.zone_book import ZoneBook
from haechi.domain.people import PositionBatch
from tests.analytics.positions.build import AT, RULE, batch, circle, fix, tick


class Refusing:
    """Who refuses, and until when."""

    def __init__(self) -> None:
        self.until: dict[str, datetime] = {}
        self.refusals = 0

    def add(self, person: str, minutes: float = 1e6) -> None:
        self.until[person] = AT + timedelta(minutes=minutes)
        self.refusals += 1

    def refusing(self, persons: Iterable[str], at: datetime) -> frozenset[str]:
        return frozenset(person for person in persons if person in self.until and at < self.until[person])


def partition(refusing: Refusing) -> Positions:
    book = ZoneBook([circle(), msgspec.structs.replace(circle(zone="home of p2"), person_id="p2")])
    outlook = Outlook(book=lambda: book, zones=RULE, consents=refusing)
    return Positions(outlook, PositionMetrics(CollectorRegistry()))


def walk(minute: float, east: float) -> PositionBatch:
    return batch([fix(minute, east), fix(minute, east, device="d2", person="p2")])


def subjects(state: Positions, messages: Iterable[object]) -> set[str]:
    return {alert.subject for n, message in enumerate(messages) for alert in state.apply(n, message)}  # type: ignore[arg-type]  # batches and ticks


OUT = [walk(0, 0), walk(1, 0), walk(2, 500), walk(3, 500), walk(4, 500)]


def test_whoever_refuses_is_not_decided_about_and_everybody_else_is() -> None:
    assert subjects(partition(Refusing()), OUT) == {"p1", "p2"}
    refusing = Refusing()
    refusing.add("p1")
    assert subjects(partition(refusing), OUT) == {"p2"}


def test_what_is_known_of_who_refuses_is_forgotten_at_the_next_tick() -> None:
    refusing = Refusing()
    state = partition(refusing)
    subjects(state, OUT[:3])
    refusing.add("p1")
    state.apply(3, tick(3))
    used = np.flatnonzero(state.devices.used)
    assert {state.devices.person(slot) for slot in used} == {"p2"}
    blocks = b"".join(block for _, block in state.changed())
    assert b"p2" in blocks
    assert b"p1" not in blocks, "nor is it kept"


def test_a_pause_that_has_ended_lets_positions_through_again() -> None:
    refusing = Refusing()
    refusing.add("p1", minutes=1.5)
    state = partition(refusing)
    assert subjects(state, [walk(0, 0), walk(1, 0)]) == set()
    again = [walk(2, 0), walk(3, 0), walk(4, 500), walk(5, 500), walk(6, 500)]
    assert {alert.subject for n, message in enumerate(again, 2) for alert in state.apply(n, message)} == {"p1", "p2"}


people = st.sampled_from(["a", "b", "c"])


@given(st.lists(people, min_size=1, max_size=20), st.sets(people))
def test_only_their_rows_are_left_out_and_every_column_with_them(rows: list[str], refusing: set[str]) -> None:
    whole = batch([fix(n, n, device=f"of {who}", person=who) for n, who in enumerate(rows)])
    part = without(whole, refusing)
    kept = [n for n, who in enumerate(rows) if who not in refusing]
    assert [part.persons[i] for i in part.person] == [rows[n] for n in kept]
    for name in whole.__struct_fields__:
        column = getattr(whole, name)
        if isinstance(column, np.ndarray):
            np.testing.assert_array_equal(getattr(part, name), column[kept])


def test_a_batch_in_which_nobody_refuses_is_not_touched() -> None:
    whole, refusing = OUT[0], Refusing()
    refusing.add("p9")
    assert covered(whole, refusing) is whole
