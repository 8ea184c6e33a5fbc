"""What each fix is worth, one after the other, of one device: five metres good where nothing else is said."""

import numpy as np
import pytest

from analytics.positions.quality import FIX, Gate, Tracks, Verdict, put_clocks_right
from tests.analytics.positions.build import Fix, batch, fix

NAN = float("nan")
SLOT = np.zeros(1, dtype=np.int64)
MINUTE = 60_000_000


def row_of(one: Fix) -> tuple[np.ndarray, np.ndarray]:
    """(1,) of FIX, and the speed."""
    columns = batch([one])
    row = np.empty(1, dtype=FIX)
    for name in FIX.names or ():
        row[name] = getattr(columns, name)
    return row, columns.speed


def tracks() -> Tracks:
    empty = Tracks(Gate())
    empty.columns.resize(1)
    return empty


def judged(*fixes: Fix) -> list[str]:
    """The verdict of each."""
    track = tracks()
    return [Verdict(int(track.judge(SLOT, *row_of(one)).verdict[0])).name for one in fixes]


@pytest.mark.parametrize(
    ("fixes", "last"),
    [
        pytest.param([fix(1, 0)], "GOOD", id="the first"),
        pytest.param([fix(1, 0), fix(2, 50)], "GOOD", id="a newer one"),
        pytest.param([fix(1, 0), fix(0, 0)], "LATE", id="an older one"),
        pytest.param([fix(1, 0), fix(1, 0)], "DUPLICATE", id="the same once more"),
        pytest.param([fix(1, 0), fix(1, 50)], "LATE", id="another one of the same instant"),
        pytest.param([fix(0, 0), fix(1, 5105)], "GOOD", id="85 m/s by the accuracies"),
        pytest.param([fix(0, 0), fix(1, 5115)], "JUMP", id="more than 85 m/s"),
        pytest.param([fix(0, 0), fix(1, 0, north=5115)], "JUMP", id="the same northward"),
        pytest.param([fix(0, 0, 0), fix(1, 5155, 0)], "GOOD", id="accuracy 0 is 30 m"),
        pytest.param([fix(0, 0, NAN), fix(1, 5165, NAN)], "JUMP", id="no accuracy is 30 m, and no more"),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(2, 0)], "GOOD", id="back from a jump"),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(2, 14_000)], "GOOD", id="a second one that the jump explains"),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(2, 14_200)], "JUMP", id="a second one that it does not"),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(2, 14_200), fix(3, 14_200)], "GOOD", id="a third that agrees"),
        pytest.param(
            [fix(0, 0), fix(1, 9_000), fix(2, 0), fix(3, 9_000)],
            "JUMP",
            id="a good fix ends the doubt: jumps do not add up",
        ),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(1, 9_000)], "JUMP", id="the same jump once more"),
        pytest.param([fix(0, 0), fix(1, 9_000), fix(10, 9_000)], "GOOD", id="time makes a jump possible"),
    ],
)
def test_what_the_last_of_them_is_worth(fixes: list[Fix], last: str) -> None:
    assert judged(*fixes)[-1] == last


def behind(*lags: float, every: float = 1) -> list[Fix]:
    """Fixes received `every` minutes apart, each so many minutes behind."""
    return [fix(i * every - lag, 0, received=i * every) for i, lag in enumerate(lags)]


@pytest.mark.parametrize(
    ("fixes", "wrong"),
    [
        pytest.param(behind(60, 60, 60, 60), 2, id="an hour: by the third"),
        pytest.param(behind(30, 30, 30), 1, id="half an hour"),
        pytest.param(behind(540.5, 540.5, 540.5), 1, id="nine hours and the way here"),
        pytest.param(behind(60, 60, 60, 60, every=0.05), 0, id="in one backlog"),
        pytest.param(behind(60, 60.2, 60.4, 60.6), 0, id="each time by something else"),
        pytest.param(behind(40, 40, 40, 40), 0, id="by no half-hours"),
        pytest.param(behind(60, 60, 0.1, 60), 0, id="not fix after fix"),
        pytest.param(behind(0, 60, 0, 60, 0, 60, 0, 60), 0, id="a backlog told between live fixes"),
    ],
)  # fmt: skip
def test_a_clock_that_is_off_by_half_hours_is_put_right(fixes: list[Fix], wrong: int) -> None:
    assert judged(*fixes).count("CLOCK") == wrong


def test_a_clock_that_was_put_right_counts_at_the_time_it_should_have_told() -> None:
    track = tracks()
    for one in behind(540.5, 540.5, 540.5):
        row, speed = row_of(one)
        track.judge(SLOT, row, speed)
    assert int(row["received"][0] - row["at"][0]) == MINUTE / 2


@pytest.mark.parametrize(("ahead", "counts"), [(1.9, 1.9), (2.1, 0), (600, 0), (-60, -60)])
def test_more_than_two_minutes_in_the_future_counts_as_now(ahead: float, counts: float) -> None:
    now = np.array([10_000 * MINUTE])
    assert (put_clocks_right(now + int(ahead * MINUTE), now) - now).tolist() == [int(counts * MINUTE)]


@pytest.mark.parametrize(
    ("before", "now", "east", "explained"),
    [
        pytest.param(1.3, 1.3, 78, True, id="as far as it says"),
        pytest.param(NAN, 1.3, 78, True, id="by the newer speed"),
        pytest.param(1.3, NAN, 78, True, id="by the one before"),
        pytest.param(0.1, 1.3, 78, True, id="by the faster of both"),
        pytest.param(NAN, NAN, 78, False, id="by none"),
        pytest.param(0.4, 0.4, 24, False, id="slower than a walk"),
        pytest.param(1.3, 1.3, 20, False, id="who hardly moved"),
        pytest.param(1.3, 1.3, 126, True, id="half as far again"),
        pytest.param(1.3, 1.3, 130, False, id="farther"),
    ],
)
def test_whether_the_speeds_explain_how_far_it_came_in_a_minute(
    before: float, now: float, east: float, *, explained: bool
) -> None:
    track = tracks()
    assert not track.judge(SLOT, *row_of(fix(0, 0, speed=before))).walked[0], "the first came from nowhere"
    assert track.judge(SLOT, *row_of(fix(1, east, speed=now))).walked[0] == explained


def test_the_speeds_explain_no_coarse_fix() -> None:
    track = tracks()
    track.judge(SLOT, *row_of(fix(0, 0, speed=1.3)))
    assert not track.judge(SLOT, *row_of(fix(1, 78, 21, speed=1.3))).walked[0], "it is where Wi-Fi says"


@pytest.mark.parametrize(
    ("minutes", "east", "explained"),
    [
        pytest.param(3, 200, False, id="no silence"),
        pytest.param(4, 200, True, id="a walk that nobody saw"),
        pytest.param(4, 425, True, id="at a brisk pace"),
        pytest.param(4, 427, False, id="faster than a walk"),
        pytest.param(4, 64, False, id="perhaps nowhere"),
        pytest.param(60, 5000, True, id="an hour's walk"),
    ],
)
def test_after_a_silence_a_walk_explains_how_far_it_came(minutes: float, east: float, *, explained: bool) -> None:
    track = tracks()
    track.judge(SLOT, *row_of(fix(0, 0, 5)))
    assert track.judge(SLOT, *row_of(fix(minutes, east, 60))).walked[0] == explained


@pytest.mark.parametrize(
    ("fixes", "metres"),
    [
        pytest.param([fix(0, 0, 5)], 5, id="what it says"),
        pytest.param([fix(0, 0, NAN)], 30, id="a phone's in a street where nothing was ever said"),
        pytest.param([fix(0, 0, 800), fix(1, 0, NAN)], 800, id="no better than the cell tower a minute ago"),
        pytest.param([fix(0, 0, 800), fix(1, 0, 0)], 800, id="nor where it says 0"),
        pytest.param([fix(0, 0, 800), fix(5, 0, NAN), fix(10, 0, NAN)], 800, id="for ten minutes"),
        pytest.param([fix(0, 0, 800), fix(5, 0, NAN), fix(11, 0, NAN)], 30, id="and no longer"),
        pytest.param([fix(0, 0, 5), fix(1, 0, NAN)], 30, id="a fine word does not make it fine"),
        pytest.param([fix(0, 0, 800), fix(1, 0, 9), fix(2, 0, NAN)], 30, id="the newest word counts"),
    ],
)
def test_for_how_accurate_the_last_of_them_is_taken(fixes: list[Fix], metres: float) -> None:
    track = tracks()
    assert [track.judge(SLOT, *row_of(one)).accuracy[0] for one in fixes][-1] == pytest.approx(metres)
