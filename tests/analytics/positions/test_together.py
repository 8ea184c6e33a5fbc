"""What is taken together, or looked up once, is decided as if it were not."""

from collections.abc import Sequence

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.positions import PositionState
from analytics.positions.patterns import Patterns
from analytics.positions.safe_zones import SafeZones
from analytics.positions.together import Numbered, joined, steps
from haechi.domain.alerting import Alert
from haechi.domain.time import Tick
from tests.analytics.positions.build import Fix, batch, fix, state_of, tick
from tests.analytics.positions.test_properties import ZONES, places

WEARER = {"a": "p1", "b": "p1", "c": "p2", "d": "p3", "e": "p4"}
Feed = list[list[tuple[str, float, float]] | bool]
batches = st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-20, 5), places), min_size=1, max_size=4)
feeds = st.lists(st.one_of(batches, st.booleans()), min_size=2, max_size=25)


def fixes_of(rows: Sequence[tuple[str, float, float]], minute: int) -> list[Fix]:
    return [fix(minute + late, east, device=d, person=WEARER[d], received=minute) for d, late, east in rows]


def numbered(feed: Feed) -> list[Numbered]:
    """Batches, each a minute later, of fixes that may be old or from the future; and ticks with a full or empty spool."""
    return [
        (i, tick(i, spool_empty=one) if isinstance(one, bool) else batch(fixes_of(one, i)))
        for i, one in enumerate(feed)
    ]


def told(alerts: Sequence[Alert]) -> list[bytes]:
    return sorted(msgspec.msgpack.encode(alert) for alert in alerts)


def zones_of(state: PositionState) -> SafeZones:
    (zones,) = (watch for watch in state._watches if isinstance(watch, SafeZones))
    return zones


@settings(max_examples=60)
@given(feeds, st.data())
def test_taken_together_they_are_decided_as_one_after_the_other(feed: Feed, data: st.DataObject) -> None:
    one, many, messages = state_of(*ZONES), state_of(*ZONES), numbered(feed)
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
        message = tick(offset - 0.5, spool_empty=one.spool_empty) if again and isinstance(one, Tick) else one
        zones = zones_of(anew)
        zones._patterns = Patterns(zones._table)
        zones._asked = None
        assert told(kept.apply(offset, message)) == told(anew.apply(offset, message))
    assert dict(kept.changed()) == dict(anew.changed())


def test_a_person_who_is_there_again_and_a_tick_begin_another_step() -> None:
    first, second, again = (batch([fix(m, 0, person=p, device=p)]) for m, p in ((0, "p1"), (1, "p2"), (2, "p1")))
    found = list(steps([(0, first), (1, second), (2, again), (3, tick(3)), (4, second)]))
    assert found == [[(0, first), (1, second)], [(2, again)], (3, tick(3)), [(4, second)]]


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
