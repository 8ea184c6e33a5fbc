"""The schedule of an emergency."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.retry import LONGEST_PATIENCE_S, delay_after


def test_the_waits_are_those_of_the_schedule_and_then_thirty_seconds_for_ever() -> None:
    assert [delay_after(attempts) for attempts in range(1, 10)] == [1, 2, 5, 10, 15, 30, 30, 30, 30]


def test_an_endpoint_may_ask_for_more_time_but_not_for_less() -> None:
    assert delay_after(1, 20) == 20
    assert delay_after(6, 2) == 30


@given(st.integers(1, 10_000), st.none() | st.floats(0, 1e9))
def test_no_wait_is_longer_than_the_bound_and_none_is_immediate(attempts: int, patience: float | None) -> None:
    assert 1 <= delay_after(attempts, patience) <= LONGEST_PATIENCE_S


def test_waits_never_shrink() -> None:
    assert all(a <= b for a, b in pairwise(delay_after(n) for n in range(1, 20)))
