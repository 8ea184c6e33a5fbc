"""What is taken together, or looked up once, is decided as if it were not."""

from collections.abc import Sequence
from datetime import time

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions import PositionState
from analytics.positions.patterns import Patterns
from analytics.positions.safe_zones import SafeZones
from analytics.positions.together import Numbered, joined, steps
from haechi.domain.alerting import Alert
from haechi.domain.schedule import DAYS, Window
from haechi.domain.time import Tick
from tests.analytics.positions.build import Fix, batch, circle, fix, run, state_of, tick
from tests.analytics.positions.test_properties import ZONES, places

WEARER = {"a": "p1", "b": "p1", "c": "p2", "d": "p3", "e": "p4"}
Spoken = tuple[str, bool]  # a door, and whether its spool is empty
Feed = list[list[tuple[str, float, float]] | Spoken]
batches = st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-20, 5), places), min_size=1, max_size=4)
ticks = st.tuples(st.sampled_from("gggh"), st.sampled_from((True, True, True, False)))
feeds = st.lists(st.one_of(batches, ticks), min_size=2, max_size=25)


def fixes_of(rows: Sequence[tuple[str, float, float]], minute: float) -> list[Fix]:
    return [fix(minute + late, east, device=d, person=WEARER[d], received=minute) for d, late, east in rows]


def minute_of(offset: int, apart: float = 1) -> float:
    """So many minutes apart; from the eighth on the school's hours have begun."""
    return 10 + (offset - 8) * apart


def numbered(feed: Feed, apart: float = 1) -> list[Numbered]:
    """Batches of fixes that may be old or from the future; and ticks with a full or empty spool."""
    return [
        (i, tick(minute_of(i, apart), producer=one[0], spool_empty=one[1]))
        if isinstance(one, tuple)
        else (i, batch(fixes_of(one, minute_of(i, apart))))
        for i, one in enumerate(feed)
    ]


def told(alerts: Sequence[Alert]) -> list[bytes]:
    return sorted(msgspec.msgpack.encode(alert) for alert in alerts)


def zones_of(state: PositionState) -> SafeZones:
    (zones,) = (watch for watch in state._watches if isinstance(watch, SafeZones))
    return zones


@settings(max_examples=100)
@given(feeds, st.sampled_from((1 / 40, 1 / 4, 1)), st.data())
def test_taken_together_they_are_decided_as_one_after_the_other(feed: Feed, apart: float, data: st.DataObject) -> None:
    one, many, messages = state_of(*ZONES), state_of(*ZONES), numbered(feed, apart)
    while messages:
        size = data.draw(st.integers(1, 6))
        now, messages = messages[:size], messages[size:]
        single = [alert for offset, message in now for alert in one.apply(offset, message)]
        assert told(many.apply_all(now)) == told(single)
    assert dict(many.changed()) == dict(one.changed())


@settings(max_examples=60)
@given(feeds, st.data())
def test_what_is_looked_up_once_a_minute_is_decided_as_if_it_were_looked_up_each_time(
    feed: Feed, data: st.DataObject
) -> None:
    kept, anew = state_of(*ZONES), state_of(*ZONES)
    for offset, one in numbered(feed):
        again = isinstance(one, Tick) and data.draw(st.booleans())  # another one in the minute before
        message = tick(minute_of(offset) - 0.5, spool_empty=one.spool_empty) if again and isinstance(one, Tick) else one
        zones = zones_of(anew)
        zones._patterns = Patterns(zones._table)
        zones._asked = None
        assert told(kept.apply(offset, message)) == told(anew.apply(offset, message))
    assert dict(kept.changed()) == dict(anew.changed())


def test_a_person_who_is_there_again_and_a_tick_begin_another_step() -> None:
    first, second, again = (batch([fix(m, 0, person=p, device=p)]) for m, p in ((0, "p1"), (1, "p2"), (2, "p1")))
    messages: list[Numbered] = [(0, first), (1, second), (2, again), (3, tick(3)), (4, second)]
    found = list(steps(messages, lambda _: False))
    assert found == [[(0, first), (1, second)], [(2, again)], (3, tick(3)), [(4, second)]]


def test_a_tick_that_passes_comes_after_the_step_that_goes_on_over_it() -> None:
    first, second, third = (batch([fix(m, 0, person=p, device=p)]) for m, p in ((0, "p1"), (1, "p2"), (2, "p3")))
    messages: list[Numbered] = [(0, tick(0)), (1, first), (2, tick(1)), (3, second), (4, tick(2)), (5, third)]
    found = list(steps(messages, lambda one: one != tick(2)))
    assert found == [(0, tick(0)), [(1, first), (3, second)], (2, tick(1)), (4, tick(2)), [(5, third)]]


def test_where_a_schedule_begins_between_two_batches_who_is_outside_then_is_told_though_the_next_one_brings_them_back() -> (
    None
):
    hours = (Window("Asia/Seoul", DAYS, time(9, 10), time(9, 30)),)
    state = state_of(circle(schedule=hours))
    run(state, [fix(9, 400)], [fix(9.9, 400)], tick(9.95))
    messages = [batch([fix(9.97, 0, device="d2", person="p2")]), tick(9.99), tick(10.01), batch([fix(10.02, 0)])]
    alerts = state.apply_all(list(enumerate(messages, 3)))
    assert [(one.action, one.starts_at) for one in alerts if isinstance(one, Alert)] == [
        ("raise", tick(10.01).at),
        ("clear", tick(10.01).at),
    ]


def test_where_a_door_says_between_two_batches_that_it_holds_something_back_the_gap_of_the_second_teaches_nothing() -> (
    None
):
    one, many = state_of(*ZONES), state_of(*ZONES)
    before = [batch([fix(0, 0), fix(0, 0, device="d2", person="p2")]), tick(0), tick(0.4), tick(0.8)]
    hidden = fix(0.83, 0, device="d2", person="p2")
    after = [batch([fix(0.81, 0)]), tick(0.82, spool_empty=False), batch([hidden])]
    for state in (one, many):
        run(state, *before)
    for offset, message in enumerate(after, 4):
        one.apply(offset, message)
    many.apply_all(list(enumerate(after, 4)))
    assert dict(many.changed()) == dict(one.changed())


def test_joined_batches_say_of_each_row_what_they_said() -> None:
    one = batch([fix(0, 1), fix(1, 2, device="d2", person="p2")])
    two = batch([fix(2, 3, device="d2", person="p3"), fix(3, 4, device="d9", person="p3", speed=2)])
    both = joined([one, two])
    assert [both.devices[i] for i in both.device] == ["d1", "d2", "d2", "d9"]
    assert [both.persons[i] for i in both.person] == ["p1", "p2", "p3", "p3"]
    for name in ("shard", "at", "received", "lon", "lat", "accuracy", "speed", "course", "battery"):
        np.testing.assert_array_equal(getattr(both, name), np.append(getattr(one, name), getattr(two, name)))


def test_a_replay_in_other_steps_applies_each_shard_where_it_left_off() -> None:
    people = [f"p{i}" for i in range(8)]
    messages = [(i, batch([fix(i, 400, person=p, device=p) for p in people[i % 4 :: 4]])) for i in range(12)]
    whole, state = state_of(*ZONES), state_of(*ZONES)
    whole.apply_all(messages)
    state.apply_all(messages[:6])
    early = dict(state.changed())
    state.apply_all(messages[6:9])
    late = dict(state.changed())
    again = state_of(*ZONES)
    kept = {shard: late[shard] if shard in late and shard % 2 else block for shard, block in early.items()}
    for shard, block in kept.items():  # a checkpoint that was cut short
        again.load(shard, block)
    for start in range(6, 12, 3):
        again.apply_all(messages[start : start + 3])
    assert kept | dict(again.changed()) == dict(whole.changed())
