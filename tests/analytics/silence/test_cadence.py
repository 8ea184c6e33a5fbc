"""How much silence is usual: learned gaps, and what sleep, flat batteries and holidays do to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.silence.cadence import BINS, EDGES, MOVING, STILL, Allowance, Gaps, aged, allowed_s, learned, usual_s

RULE = Allowance(least_s=300, most_s=86_400, unlearned_s=1800, slack_s=60, missed=3)


def after(*days: list[tuple[bool, float]]) -> Gaps:
    """One device's memory after days of (moving, gap in seconds)."""
    gaps = np.zeros((1, 2, BINS), np.uint8)
    for number, day in enumerate(days):
        gaps = aged(gaps, np.array([min(number, 1)]))
        for moving, gap in day:
            gaps = learned(gaps, np.array([moving]), np.array([gap]))
    return gaps


def allowed(gaps: Gaps, *, moving: bool, cadence_s: int = 0) -> int:
    return int(allowed_s(usual_s(gaps), np.array([moving]), np.array([cadence_s], np.int32), RULE)[0])


NIGHT = (False, 7.5 * 3600)
MINUTES = [(False, 60.0), (True, 60.0)] * 20


@pytest.mark.parametrize(
    ("why", "gaps", "moving", "cadence_s", "expected"),
    [
        ("a set cadence: three reports may be missed", after(), False, 600, 4 * 600 + 60),
        ("a set cadence of ten seconds is not a reason for an alarm a minute", after(), True, 10, 300),
        ("a set cadence beats what was learned", after([NIGHT], [NIGHT]), False, 60, 300),
        ("nothing is learned yet", after(MINUTES), True, 0, 1800),
        ("one report a minute on two days", after(MINUTES, MINUTES), True, 0, 300),
        ("a learned cadence that a phone's sleep breaks: known after two nights", after([*MINUTES, NIGHT], [*MINUTES, NIGHT]), False, 0, 30720 * 3 // 2 + 60),
        ("... and by day in the street it is still missed after minutes", after([*MINUTES, NIGHT], [*MINUTES, NIGHT]), True, 0, 300),
        ("one night only is no habit", after([*MINUTES, NIGHT], MINUTES), False, 0, 300),
        ("a habit that ended nine days ago is forgotten", after([NIGHT], [NIGHT], *[MINUTES] * 9), False, 0, 300),
        ("two days away teach nothing: longer than the last bin", after([(False, 48 * 3600.0)], [(False, 48 * 3600.0)]), False, 0, 1800),
        ("a wearer never seen moving is allowed what a still one is", after(MINUTES[::2], MINUTES[::2]), True, 0, 300),
        ("... but no night's sleep", after([NIGHT], [NIGHT]), True, 0, 1800),
    ],
)  # fmt: skip
def test_silence_that_is_allowed(why: str, gaps: Gaps, moving: bool, cadence_s: int, expected: int) -> None:
    assert allowed(gaps, moving=moving, cadence_s=cadence_s) == expected, why


@given(st.lists(st.floats(1, 60_000), min_size=1, max_size=30), st.booleans())
def test_what_was_seen_on_two_days_is_always_allowed(gaps: list[float], moving: bool) -> None:
    day = [(moving, gap) for gap in gaps]
    usual = usual_s(after(day, day))[0, MOVING if moving else STILL]
    assert usual >= max(gaps)
    assert usual in EDGES


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 100_000)), max_size=20), st.permutations(range(20)))
def test_the_order_of_a_days_gaps_teaches_nothing(day: list[tuple[int, int]], order: list[int]) -> None:
    gaps = [(who % 2 == 0, float(gap)) for who, gap in day]
    shuffled = [gaps[i] for i in order if i < len(gaps)]
    assert np.array_equal(after(gaps), after(shuffled))


def test_what_was_seen_more_than_eight_days_ago_is_forgotten() -> None:
    every_day = np.full((4, 2, BINS), 0xFF, np.uint8)
    left = aged(every_day, np.array([0, 7, 8, 400]))
    assert [set(of.ravel().tolist()) for of in left] == [{0xFF}, {0x80}, {0}, {0}]
