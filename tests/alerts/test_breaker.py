"""A dead endpoint costs few connections, and a living one is found alive soon."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.breaker import (
    COOL_DOWN_S,
    FAILURES_TO_OPEN,
    LONGEST_COOL_DOWN_S,
    Breaker,
    Mode,
    admit,
    broken_off,
    failed,
    succeeded,
)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = failed(breaker, now)
    return breaker


def test_it_opens_at_the_third_failure_in_a_row() -> None:
    breaker = failed(failed(Breaker(), 0), 0)
    assert breaker.mode is Mode.CLOSED
    assert failed(breaker, 0).mode is Mode.OPEN


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = succeeded(failed(failed(Breaker(), 0), 0))
    assert failed(failed(breaker, 0), 0).mode is Mode.CLOSED


def test_while_open_an_attempt_waits_for_the_rest_of_the_cool_down() -> None:
    assert admit(opened(100), 100.5)[1] == COOL_DOWN_S - 0.5


def test_one_probe_passes_after_the_cool_down_and_the_others_wait_for_it() -> None:
    breaker, wait = admit(opened(), COOL_DOWN_S)
    assert (breaker.mode, wait) == (Mode.HALF_OPEN, 0)
    assert admit(breaker, COOL_DOWN_S)[1] > 0


def test_a_probe_that_succeeds_closes_and_one_that_fails_waits_twice_as_long() -> None:
    probing, _ = admit(opened(), COOL_DOWN_S)
    assert succeeded(probing) == Breaker()
    again = failed(probing, 10)
    assert (again.mode, again.until) == (Mode.OPEN, 10 + 2 * COOL_DOWN_S)


def test_an_attempt_that_we_broke_off_says_nothing_and_a_probe_leaves_its_place_to_the_next() -> None:
    for breaker in (Breaker(), failed(Breaker(), 0), opened()):
        assert broken_off(breaker, 1) == breaker
    probing, _ = admit(opened(), COOL_DOWN_S)
    after = broken_off(probing, 10)
    assert after.cool_down_s == COOL_DOWN_S
    after, wait = admit(after, 10)
    assert (after.mode, wait) == (Mode.HALF_OPEN, 0)


@given(st.lists(st.tuples(st.sampled_from(["admit", "succeed", "fail", "break off"]), st.floats(0, 30))))
def test_an_endpoint_is_probed_again_within_the_longest_cool_down(steps: list[tuple[str, float]]) -> None:
    breaker, now, probing = Breaker(), 0.0, False
    for what, later in steps:
        now += later
        if what == "admit":
            breaker, wait = admit(breaker, now)
            assert 0 <= wait <= LONGEST_COOL_DOWN_S
        else:
            breaker = {
                "succeed": succeeded(breaker),
                "fail": failed(breaker, now),
                "break off": broken_off(breaker, now),
            }[what]
        probing = breaker.mode is Mode.HALF_OPEN
    if not probing:
        assert admit(breaker, now + LONGEST_COOL_DOWN_S)[1] == 0
