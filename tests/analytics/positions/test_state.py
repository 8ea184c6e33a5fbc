"""Several watches share one partition's devices."""

from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from analytics.positions import Columns, Devices, Heard, Moment, PositionMetrics, PositionState, Watch
from analytics.positions.columns import pack, unpack
from haechi.domain.alerting import Alert
from haechi.ids import shard_of
from haechi.streaming import PartlyApplied
from tests.analytics.positions.build import batch, circle, fix, run, state_of, tick, told

DAY = 24 * 60


class Count:
    """A watch that counts the rows of each device, and keeps what it was told of the time."""

    def __init__(self, devices: Devices, name: str = "count") -> None:
        self.name = name
        self.devices = devices
        self.columns = Columns([("rows", "<i8"), ("open", "?")], (0, False))
        self.moments: list[Moment] = []
        self.change_at_ticks = False

    def resize(self, room: int) -> None:
        self.columns.resize(room)

    def positions(self, heard: Heard) -> list[Alert]:
        np.add.at(self.columns.rows["rows"], heard.slots, 1)
        return []

    def tick(self, moment: Moment) -> list[Alert]:
        self.moments.append(moment)
        if self.change_at_ticks:
            self.columns.rows["rows"][moment.slots] += 100
            self.devices.touch(moment.slots)
        return []

    def holds(self, slots: np.ndarray) -> np.ndarray:
        return self.columns.rows["open"][slots]

    def let_go(self, _slots: np.ndarray, _now: int) -> list[Alert]:
        return []

    def clear(self, slots: np.ndarray) -> None:
        self.columns.clear(slots)

    def dump(self, shards: Sequence[np.ndarray]) -> list[bytes]:
        return self.columns.dump(shards)

    def load(self, slots: np.ndarray, part: bytes) -> None:
        self.columns.load(slots, part)

    def rows(self) -> dict[str, int]:
        used = np.flatnonzero(self.devices.used)
        return {self.devices.device(slot): int(self.columns.rows["rows"][slot]) for slot in used}


class Broken(Count):
    """Fails at every message."""

    def positions(self, heard: Heard) -> list[Alert]:
        raise ValueError("no idea")


def make(*kinds: type[Count], max_devices: int = 1000) -> tuple[PositionState, list[Count], CollectorRegistry]:
    devices, registry = Devices(), CollectorRegistry()
    watches = [kind(devices, kind.__name__.lower()) for kind in kinds]
    as_watches: list[Watch] = list(watches)
    return PositionState(devices, as_watches, PositionMetrics(registry), max_devices=max_devices), watches, registry


def test_every_watch_hears_every_row_once_also_when_it_is_replayed() -> None:
    state, watches, _ = make(Count, Count)
    for offset in (0, 1, 1, 0):
        state.apply(offset, batch([fix(offset, 0), fix(offset, 0, device="d2", person="p2")]))
    assert [watch.rows() for watch in watches] == [{"d1": 2, "d2": 2}] * 2


def test_a_watch_that_fails_stops_no_other_and_the_message_is_not_forgotten() -> None:
    state, (_, count), registry = make(Broken, Count)
    with pytest.raises(PartlyApplied, match="broken: ValueError"):
        state.apply(0, batch([fix(0, 0)]))
    assert count.rows() == {"d1": 1}
    assert registry.get_sample_value("haechi_watch_failures_total", {"watch": "broken"}) == 1


def test_the_alerts_of_the_others_come_with_the_failure() -> None:
    state = state_of(circle())
    state._watches = (Broken(state.devices, "broken"), *state._watches)
    alerts = []
    for offset in (0, 1):
        with pytest.raises(PartlyApplied) as failed:
            state.apply(offset, batch([fix(offset, 400)]))
        alerts.extend(failed.value.outputs)
    assert told(alerts) == [("raise", "home")]


def test_a_dump_loaded_elsewhere_changes_nothing_whatever_the_slots_are() -> None:
    first, (one,), _ = make(Count)
    run(first, [fix(m, 0, device=f"d{i}", person=f"p{i}") for i in range(50) for m in range(i % 3 + 1)])
    second, (two,), _ = make(Count)
    for shard, block in reversed(list(first.changed())):
        second.load(shard, block)
    assert two.rows() == one.rows()
    assert list(second.changed()) == list(first.changed()) == []


def test_a_block_of_a_time_before_a_watch_is_still_read_and_one_of_a_watch_that_is_gone_too() -> None:
    old, (watch,), _ = make(Count)
    run(old, [fix(0, 0)])
    blocks = list(old.changed())
    new, (count, broken), _ = make(Count, Broken)
    for shard, block in blocks:
        new.load(shard, block)
    assert (count.rows(), broken.rows()) == ({"d1": 1}, {"d1": 0})
    none, _, _ = make()
    for shard, block in new.changed() or blocks:
        none.load(shard, block)
    assert watch.rows() == {"d1": 1}


def test_only_shards_that_changed_are_kept_again() -> None:
    state, _, _ = make(Count)
    run(state, [fix(0, 0), fix(0, 0, device="d2", person="p2")])
    assert {shard for shard, _ in state.changed()} == {shard_of("p1"), shard_of("p2")}
    run(state, [fix(1, 0)], start=1)
    assert {shard for shard, _ in state.changed()} == {shard_of("p1")}
    assert list(state.changed()) == []


def test_a_tick_is_applied_once_per_shard_and_only_where_something_changed_it_is_kept() -> None:
    state, (watch,), _ = make(Count)
    run(state, [fix(0, 0)])
    list(state.changed())
    state.apply(1, tick(1))
    assert list(state.changed()) == []
    watch.change_at_ticks = True
    state.apply(2, tick(2))
    blocks = list(state.changed())
    assert [shard for shard, _ in blocks] == [shard_of("p1")]
    again, (replayed,), _ = make(Count)
    replayed.change_at_ticks = True
    for shard, block in blocks:
        again.load(shard, block)
    again.apply(2, tick(2))
    assert replayed.rows() == {"d1": 101}
    again.apply(3, tick(3))
    assert replayed.rows() == {"d1": 201}


def test_a_tick_between_a_position_and_the_checkpoint_leaves_the_position_to_be_kept() -> None:
    state, _, _ = make(Count)
    run(state, [fix(0, 0)], tick(1))
    assert [shard for shard, _ in state.changed()] == [shard_of("p1")]


def test_time_never_goes_back_and_a_second_tick_of_the_same_time_says_nothing() -> None:
    state, (watch,), _ = make(Count)
    for offset, minute in enumerate((1, 0, 1, 2)):
        state.apply(offset, tick(minute, producer=f"g{offset}"))
    assert [moment.now for moment in watch.moments] == sorted({moment.now for moment in watch.moments})
    assert len(watch.moments) == 2


@pytest.mark.parametrize(
    ("ticks", "empty"),
    [
        ([tick(0)], False),  # only just begun to listen: another gateway may be about to say that it spools
        ([tick(0), tick(0.5)], True),
        (
            [
                tick(0, producer="a", spool_empty=False),
                tick(0.2),
                tick(0.7),
                tick(0.8, producer="a", spool_empty=False),
            ],
            False,
        ),
        ([tick(0), tick(0.5, producer="a", spool_empty=False), tick(0.6)], False),
        ([tick(0, producer="a", spool_empty=False), tick(0.2), tick(0.7)], True),  # it no longer lives
        ([tick(0, producer="a", spool_empty=False), tick(0.2), tick(0.3, producer="a"), tick(0.7)], True),
    ],
)
def test_absence_is_decided_only_when_every_live_gateway_has_nothing_left_to_send(ticks: list, empty: bool) -> None:
    state, (watch,), _ = make(Count)
    for offset, one in enumerate(ticks):
        state.apply(offset, one)
    assert watch.moments[-1].spools_empty is empty


def test_who_is_silent_for_a_month_is_forgotten_unless_something_is_open() -> None:
    state, (watch,), registry = make(Count)
    run(state, [fix(0, 0), fix(0, 0, device="d2", person="p2"), fix(20 * DAY, 0, device="d3", person="p3")])
    watch.columns.rows["open"][0] = True
    state.apply(1, tick(31 * DAY))
    assert set(watch.rows()) == {"d1", "d3"}
    assert registry.get_sample_value("haechi_devices_forgotten_total", {"why": "silent for long"}) == 1
    run(state, [fix(31 * DAY, 0, device="d4", person="p4")], start=2)
    assert watch.rows() == {"d1": 1, "d3": 1, "d4": 1}  # the slot was given to another, empty


def test_the_table_has_a_bound_and_forgets_who_is_silent_longest() -> None:
    state, (watch,), _ = make(Count, max_devices=100)
    for i in range(300):
        run(state, [fix(i, 0, device=f"d{i}", person=f"p{i}")], start=i)
    assert len(state.devices) <= 100
    assert "d299" in watch.rows()
    assert "d0" not in watch.rows()
    assert state.devices.room <= 256


def test_whoever_speaks_now_is_never_among_the_forgotten() -> None:
    state, (watch,), _ = make(Count, max_devices=100)
    run(state, [fix(500, 0, device=f"old{i}", person=f"p{i}") for i in range(100)])
    run(state, [fix(i, 0, device=f"d{i}", person=f"q{i}") for i in range(150)], start=1)
    assert {f"d{i}": 1 for i in range(150)}.items() <= watch.rows().items()


def test_a_device_on_another_wrist_starts_anew_and_late_words_of_the_last_one_are_passed_over() -> None:
    state, (watch,), _ = make(Count)
    run(state, [fix(0, 0)], [fix(1, 0, person="p2")])
    assert watch.rows() == {"d1": 1}
    assert state.devices.person(int(np.flatnonzero(state.devices.used)[0])) == "p2"
    run(state, [fix(2, 0, person="p1"), fix(3, 0, person="p2")], start=2)
    assert watch.rows() == {"d1": 2}
    state.apply(3, tick(100))
    assert len(state.devices.orphans()) == 0
    assert len(state.devices) == 1


def test_columns_take_what_older_ones_kept_field_by_field() -> None:
    old = np.array([(1, 2.5)], dtype=[("a", "<i4"), ("gone", "<f8")])
    new = np.dtype([("a", "<i8"), ("new", "i1"), ("ring", "<f4", (2,))])
    (part,) = pack(old, [1])
    rows = unpack(part, new, np.array((0, 7, (1, 2)), dtype=new))
    assert (rows["a"][0], rows["new"][0], rows["ring"][0].tolist()) == (1, 7, [1, 2])
