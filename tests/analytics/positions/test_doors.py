"""Our own restarts and outages are nobody's silence."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions.doors import FORGET_AFTER, MOST_DOORS, Doors
from haechi.domain.time import Tick, micros_of

AT = datetime(2026, 11, 25, tzinfo=UTC)


def micros(second: float) -> int:
    return micros_of(AT + timedelta(seconds=second))


def tick(second: float, door: str = "http", *, empty: bool = True) -> Tick:
    return Tick(door, AT + timedelta(seconds=second), empty)


def quiet_s(doors: Doors, *heard: float) -> list[float]:
    """For how long each counts as silent."""
    start = doors.counts_from(np.array([micros(second) for second in heard]))
    return [(doors.now - int(one)) / 1e6 for one in start]


def listening(*spans: tuple[str, int, int], to: Doors | None = None) -> Doors:
    doors = Doors(30) if to is None else to
    ticks = sorted((second, door) for door, first, last in spans for second in range(first, last))
    for second, door in ticks:
        doors.hear(tick(second, door))
    return doors


def test_silence_counts_from_the_last_word_while_we_listen() -> None:
    doors = listening(("http", 0, 101), ("mqtt", 0, 101))
    assert quiet_s(doors, 90, 40) == [10, 60]


def test_a_restart_of_a_door_shorter_than_its_bound_is_not_an_outage() -> None:
    assert quiet_s(listening(("http", 0, 50), ("http", 75, 101)), 40) == [60]
    assert quiet_s(listening(("http", 0, 50), ("mqtt", 0, 80)), 40) == [39], "nor is it away at its bound"


def test_tb13715_after_an_outage_of_ours_everyones_silence_counts_from_our_return() -> None:
    doors = listening(("http", 0, 50), ("http", 3600, 3611))
    assert quiet_s(doors, 40, 49, 3605) == [10, 10, 5]
    assert quiet_s(doors, 51) == [10], "a report may come through a door just after its last tick"


def test_silence_before_we_first_listened_does_not_count() -> None:
    assert quiet_s(listening(("http", 1000, 1011)), 0, 1005) == [10, 5]


def test_a_door_that_joins_the_others_excuses_nobodys_silence() -> None:
    assert quiet_s(listening(("http", 0, 111), ("mqtt", 100, 111)), 40) == [70]


def test_a_tick_that_was_overtaken_by_a_newer_one_says_nothing() -> None:
    doors = listening(("http", 0, 50))
    known = doors.dump()
    doors.hear(tick(20, empty=False))
    assert doors.dump() == known


def test_while_a_door_is_away_only_those_who_spoke_through_another_since_are_watched() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 501))
    assert quiet_s(doors, 40, 45, 100) == [0, 0, 400]
    assert quiet_s(doors, 51, 52) == [0, 448], "a report may come through a door just after its last tick"


def test_when_the_door_is_back_those_it_took_with_it_count_from_its_return() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 501), ("http", 400, 501))
    assert quiet_s(doors, 40, 100) == [100, 400]


def missed(doors: Doors) -> list[str]:
    return [door.name for door in doors.all() if doors.is_missed(door)]


def test_a_door_is_missed_when_another_has_ticked_for_long_without_it() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 80))
    assert missed(doors) == []
    assert missed(listening(("mqtt", 80, 90), to=doors)) == ["http"]


def test_when_all_were_away_the_first_to_be_back_is_no_reason_to_miss_the_others_yet() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 50), ("http", 3600, 3631))
    assert missed(doors) == []
    assert missed(listening(("http", 3631, 3633), to=doors)) == ["mqtt"]


def test_nothing_is_decided_while_a_spool_is_not_empty_and_what_it_held_keeps_its_own_time() -> None:
    doors = listening(("http", 0, 50))
    for second in range(50, 101):
        doors.hear(tick(second, empty=False))
    assert quiet_s(doors, 10, 60) == [0, 0]
    doors.hear(tick(101))
    assert quiet_s(doors, 10, 60) == [91, 41]


def test_a_door_that_is_out_of_service_for_good_is_forgotten_and_excuses_nobody_for_ever() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 50))
    day = FORGET_AFTER // 1_000_000
    for second in range(60, day + 100, 10):
        doors.hear(tick(second, "mqtt"))
    assert "http" not in {door.name for door in doors.all()}
    (quiet,) = quiet_s(doors, 40)
    assert 0 < quiet < 100
    assert doors.hears_nothing_new(tick(day + 100, "mqtt")), "nor makes each tick of the others news"


def test_the_doors_are_bounded_and_the_newest_stay() -> None:
    doors = Doors(30)
    for number in range(500):
        doors.hear(tick(number, f"door-{number}"))
    assert {door.name for door in doors.all()} == {f"door-{number}" for number in range(500 - MOST_DOORS, 500)}
    assert len(doors.dump()) == MOST_DOORS + 1


def test_what_is_kept_goes_on_as_if_nothing_had_happened() -> None:
    doors = listening(("http", 0, 50), ("mqtt", 0, 200), ("http", 120, 150))
    again = Doors(30, doors.dump())
    for one in (doors, again):
        listening(("mqtt", 200, 300), to=one)
    assert again.dump() == doors.dump()
    assert quiet_s(again, 40, 130, 190) == quiet_s(doors, 40, 130, 190)


def test_of_what_was_kept_at_different_times_the_newest_is_taken() -> None:
    old, new = listening(("http", 0, 50)).dump(), listening(("http", 0, 50), ("mqtt", 0, 200)).dump()
    for order in ((old, new), (new, old)):
        doors = Doors(30)
        for kept in order:
            doors.load(kept)
        assert doors.dump() == new


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from("gggh"), st.integers(0, 40), st.sampled_from((True, True, True, False))), max_size=8
    )
)
def test_a_tick_that_says_nothing_new_changes_nothing_of_whose_silence_counts(
    told: list[tuple[str, int, bool]],
) -> None:
    doors, second = Doors(30), 0
    heard = np.array([micros(second) for second in range(-10, 340)])
    for door, later, empty in told:
        second += later
        new, counts = tick(second, door, empty=empty), doors.counts_from(heard) <= heard
        nothing_new = doors.hears_nothing_new(new)
        doors.hear(new)
        assert not nothing_new or np.array_equal(doors.counts_from(heard) <= heard, counts)


def test_a_tick_says_nothing_new_while_every_door_is_as_it_was() -> None:
    doors = listening(("http", 0, 101), ("mqtt", 0, 101))
    assert doors.hears_nothing_new(tick(101))
    assert not doors.hears_nothing_new(tick(101, empty=False))
    assert not doors.hears_nothing_new(tick(101, "new"))
    assert doors.hears_nothing_new(tick(130))
    assert not doors.hears_nothing_new(tick(131))  # if nothing was heard of the other since, it is away by then
    listening(("http", 101, 140), to=doors)
    assert doors.hears_nothing_new(tick(140))  # it is away as it was
    assert not doors.hears_nothing_new(tick(140, "mqtt"))


def test_whether_spools_are_empty_is_unknown_until_each_door_had_the_time_to_speak() -> None:
    doors = Doors(30)
    said = []
    for second in (0, 29, 30, 31):
        doors.hear(tick(second))
        said.append(doors.spools_empty)
    doors.hear(tick(32, "mqtt", empty=False))
    said.append(doors.spools_empty)
    doors.hear(tick(33, "mqtt"))
    assert [*said, doors.spools_empty] == [False, False, True, True, False, True]


def test_a_door_that_died_with_a_full_spool_holds_nobody_up_for_ever() -> None:
    doors = listening(("mqtt", 0, 40))
    doors.hear(tick(40, "http", empty=False))
    listening(("mqtt", 41, 80), to=doors)
    assert doors.spools_empty
