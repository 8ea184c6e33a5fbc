"""What must hold whatever comes: interleaving, re-chunking, duplicates, disorder, a crash anywhere."""

from collections.abc import Sequence
from datetime import time
from itertools import pairwise
from random import Random

import msgspec
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.positions import PositionState
from analytics.positions.safe_zones import Rule, SafeZones
from haechi.domain.alerting import KINDS, Alert
from haechi.domain.people import SafeZone
from haechi.domain.schedule import DAYS, Window
from haechi.domain.time import Tick
from tests.analytics.positions.build import AT, Fix, Registry, fix, run, state_of, tick
from tests.analytics.positions.test_zones import SCHOOL, WAY, zone

HOURS = (Window("Asia/Seoul", DAYS, time(9, 10), time(9, 30)),)
OF_ONE = (
    zone("home"),
    WAY,
    msgspec.structs.replace(SCHOOL, schedule=HOURS, expected_by=time(9, 12)),
    zone("river", 400, 60, kind="forbidden"),
)
ZONES: tuple[SafeZone, ...] = tuple(
    msgspec.structs.replace(one, id=f"{one.id} of {person}", person_id=person)
    for one in OF_ONE
    for person in ("p1", "p2")
)
# The same, but the hour in which one may come begins within the walk.
LATER = tuple(
    msgspec.structs.replace(one, schedule=(Window("Asia/Seoul", DAYS, time(10, 10), time(10, 20)),), expected_by=None)
    if one.expected_by
    else one
    for one in ZONES
)
Step = tuple[str, float, float, float]
Leg = tuple[str, float, int, int, int, float]
places = st.sampled_from([-300, 0.0, 20, 95, 110, 130, 250, 400, 410, 700, 1000, 1010, 1200])
speeds = st.sampled_from([float("nan"), 0.0, 1.3, 6.0])
# A device at a place: so many fixes, so many minutes apart, so many minutes after (or before) its last, at a speed.
legs = st.tuples(
    st.sampled_from(["a", "b", "c"]), places, st.integers(1, 6), st.integers(1, 4), st.integers(-3, 6), speeds
)
WEARER = {"a": "p1", "b": "p1", "c": "p2"}


def steps_of(walk: Sequence[Leg]) -> list[Step]:
    clock = dict.fromkeys(WEARER, 0)
    made: list[Step] = []
    for device, east, count, every, gap, speed in walk:
        clock[device] = max(0, clock[device] + gap)
        for _ in range(count):
            clock[device] += every
            made.append((device, clock[device], east, speed))
    return made


steps = st.lists(legs, min_size=1, max_size=8).map(steps_of)


def fixes_of(walk: Sequence[Step]) -> list[Fix]:
    return [fix(minute, east, device=device, person=WEARER[device], speed=v) for device, minute, east, v in walk]


AT_HOME = [fix(minute, 0, device=device, person=WEARER[device]) for minute in range(-24, 0, 3) for device in WEARER]


def in_order(walk: Sequence[Step]) -> list[Fix]:
    """One fix a device and minute, by time and device."""
    unique = {(minute, device): (device, minute + "abc".index(device) / 10, *rest) for device, minute, *rest in walk}
    return fixes_of([unique[key] for key in sorted(unique)])


def shipped(*zones: SafeZone) -> PositionState:
    return state_of(*zones, rule=Rule())


def said(alerts: Sequence[Alert]) -> list[tuple[str, str, str]]:
    return sorted((a.kind, a.action, a.id) for a in alerts)


def episodes(alerts: Sequence[Alert]) -> dict[tuple[str, str, str], list[str]]:
    """What was raised and cleared of each person; who has left has left all zones, wherever it was."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for alert in alerts:
        if not KINDS[alert.kind].notice:
            where = "" if alert.kind == "zone-exit" else alert.place
            found.setdefault((alert.kind, alert.subject, where), []).append(alert.action)
    return found


def notices(alerts: Sequence[Alert]) -> dict[tuple[str, str], list[str]]:
    """Who arrived and left, by person and zone. An alarm that they left it says so as well."""
    found: dict[tuple[str, str], list[str]] = {}
    for alert in alerts:
        if alert.kind in {"arrived", "left"} or (alert.kind, alert.action) == ("zone-exit", "raise"):
            found.setdefault((alert.subject, alert.place), []).append(alert.kind)
    return found


def still_open(alerts: Sequence[Alert]) -> set[tuple[str, str]]:
    return {key[:2] for key, actions in episodes(alerts).items() if actions[-1] == "raise"}


def test_such_walks_can_tell_of_everything() -> None:
    walk: list[Leg] = [
        ("c", 0.0, 3, 1, 0, 0.0),
        ("c", 400, 6, 2, 0, 0.0),
        ("c", 1000, 6, 1, 0, 0.0),
        ("c", -300, 6, 3, 0, 1.3),
    ]
    ticks = [tick(minute / 2) for minute in range(22, 28)]
    alerts = run(shipped(*ZONES), *([one] for one in fixes_of(steps_of(walk))))
    assert {a.kind for a in alerts} >= {"zone-exit", "zone-entry", "arrived"}
    assert {a.kind for a in run(shipped(*ZONES), [fix(0, 0)], *ticks)} == {"not-arrived"}


@settings(max_examples=40)
@given(steps, st.booleans(), st.sampled_from([ZONES, LATER]))
def test_no_sequence_leaves_twice_or_enters_twice(walk: list[Step], ticking: bool, zones: tuple[SafeZone, ...]) -> None:
    """They begin at home, and not at school."""
    messages: list[list[Fix] | Tick] = []
    for one in [*AT_HOME, *fixes_of(walk)]:
        messages += [[one], *([tick(len(messages))] if ticking else [])]
    alerts = run(shipped(*zones), *messages)
    for actions in episodes(alerts).values():
        assert actions == ["raise", "clear"] * (len(actions) // 2) + ["raise"] * (len(actions) % 2)
    for kinds in notices(alerts).values():
        assert not [pair for pair in pairwise(["left", *kinds]) if pair in {("arrived", "arrived"), ("left", "left")}]


@settings(max_examples=40)
@given(steps, st.integers(2, 9))
def test_cut_into_other_batches_it_is_the_same(walk: list[Step], size: int) -> None:
    """Every device has been heard before: a batch that brings somebody's second device makes it known as a whole."""
    heard = [[fix(-60, 0.0, device=device, person=person)] for device, person in WEARER.items()]
    fixes = in_order(walk)
    single = run(shipped(*ZONES), *heard, *([one] for one in fixes))
    cut = run(shipped(*ZONES), *heard, *(fixes[i : i + size] for i in range(0, len(fixes), size)))
    assert said(single) == said(cut)


def otherwise(fixes: Sequence[Fix], keys: Sequence[str], data: st.DataObject) -> list[Fix]:
    """The same fixes in another order, but for each of the keys (one a fix) in the same."""
    left = {key: [one for one, its in zip(fixes, keys, strict=True) if its == key] for key in sorted(set(keys))}
    return [left[key].pop(0) for key in data.draw(st.permutations(keys))]


@settings(max_examples=40)
@given(steps, st.data())
def test_interleaved_otherwise_among_people_it_is_the_same(walk: list[Step], data: st.DataObject) -> None:
    fixes = in_order(walk)
    other = otherwise(fixes, [one.person for one in fixes], data)
    assert said(run(shipped(*ZONES), *([one] for one in fixes))) == said(
        run(shipped(*ZONES), *([one] for one in other))
    )


def where_each_is(state: PositionState) -> dict[str, list[int]]:
    """Of each device, whether it is in each zone."""
    watch = next(watch for watch in state._watches if isinstance(watch, SafeZones))
    slots = np.flatnonzero(state.devices.used).tolist()
    return {state.devices.device(slot): watch._table.cells["where"][slot].tolist() for slot in slots}


ends = st.sampled_from([0.0, 250.0, 400.0, 1200.0])


@settings(max_examples=100)
@given(steps, ends, ends, st.data())
def test_interleaved_otherwise_among_the_devices_of_one_person_the_same_is_open_at_the_end(
    walk: list[Step], end: float, other_end: float, data: st.DataObject
) -> None:
    """What a device says of a zone follows from its own fixes. Where the person is meanwhile does not: whether the phone's
    way out comes before the watch's way home may decide what begins and ends, and when, until both are heard to the end."""
    fixes = in_order([step for step in walk if step[0] != "c"])
    last = max([one.at for one in fixes], default=AT)
    minute = (last - AT).total_seconds() / 60
    after = [
        fix(minute + later, east, device=device, speed=1.3)
        for later in (1, 4, 8, 11, 12)
        for device, east in (("a", end), ("b", other_end))
    ]
    zones = (zone("home"), zone("river", 400, 60, kind="forbidden"))
    heard = [one for one in AT_HOME if one.person == "p1"]
    found = []
    for order in (fixes, otherwise(fixes, [one.device for one in fixes], data)):
        state = shipped(*zones)
        alerts = run(state, *([one] for one in (*heard, *order)))
        each = where_each_is(state)
        alerts += run(state, *([one] for one in after), start=len(heard) + len(order))
        found.append((each, still_open(alerts)))
    assert found[0] == found[1]


@settings(max_examples=40)
@given(steps, st.data())
def test_delivered_twice_it_is_the_same(walk: list[Step], data: st.DataObject) -> None:
    fixes = in_order(walk)
    again = [one for one in fixes for _ in range(data.draw(st.integers(1, 3)))]
    assert said(run(shipped(*ZONES), *([one] for one in fixes))) == said(
        run(shipped(*ZONES), *([one] for one in again))
    )


@settings(max_examples=40)
@given(
    st.lists(st.tuples(places, speeds), min_size=2, max_size=14),
    st.sampled_from([(0.0, 0.0), (250.0, 1.3), (1200.0, float("nan"))]),
    st.randoms(),
)
def test_disordered_within_three_seconds_the_same_is_open_as_soon_as_the_rule_has_seen_enough(
    walk: list[tuple[float, float]], last: tuple[float, float], random: Random
) -> None:
    """What comes late does not vote. So what it would have said is known when as many fixes have come in order as the rule
    asks for: one inside, or four over ten minutes outside. (Two were enough for a rule of two without patience.)"""
    home = (zone("home"),)
    fixes = [fix(i / 60, east, speed=speed) for i, (east, speed) in enumerate(walk)]
    shuffled = sorted(fixes, key=lambda f: f.at.timestamp() + random.uniform(0, 3))
    after = [[fix(len(walk) / 60 + m, last[0], speed=last[1])] for m in (1, 4, 8, 11)]
    ordered = run(shipped(*home), *([one] for one in fixes), *after)
    disordered = run(shipped(*home), *([one] for one in shuffled), *after)
    assert still_open(ordered) == still_open(disordered)


SILENT = float("nan")
# p1 is awaited and speaks from two devices; the second one tells late of a time when the first had not moved yet.
LONG_AWAITED = steps_of(
    [
        ("c", -300, 6, 1, -2, SILENT),
        ("c", -300, 4, 3, 6, SILENT),
        ("b", -300, 6, 1, 3, SILENT),
        ("c", -300, 3, 3, 6, SILENT),
        ("b", 130, 3, 3, -2, SILENT),
        ("c", -300, 2, 1, 0, SILENT),
        ("a", -300, 7, 2, 0, SILENT),
    ]
)

# p2 is awaited under a device that never speaks, and speaks from one that the registry does not know.
UNKNOWN_BESIDE = [("a", 1, -300, SILENT), ("c", 1, 400, SILENT), *(("a", m, -300, SILENT) for m in range(2, 8))]


@settings(max_examples=25)
@given(
    steps,
    st.sets(st.integers(0, 60)),
    st.dictionaries(st.integers(0, 60), st.sampled_from([zone.id for zone in ZONES]), max_size=3),
)
@example(LONG_AWAITED, {29}, {})
@example(UNKNOWN_BESIDE, {0, 1, 2}, {})
def test_a_new_life_from_the_blocks_anywhere_changes_nothing(
    walk: list[Step], deaths: set[int], removals: dict[int, str]
) -> None:
    """Zones are removed meanwhile: from under a worker that lives, or before another one takes over."""
    messages: list[list[Fix] | Tick] = []
    for one in fixes_of(walk):
        messages += [[one], tick(len(messages))]
    found = []
    for dies_at in (set(), deaths):
        registry = Registry(*ZONES)
        state, blocks, alerts = state_of(rule=Rule(), registry=registry), {}, []
        for offset, message in enumerate(messages):
            alerts += run(state, message, start=offset)
            blocks |= dict(state.changed())
            if offset in removals:
                registry.newest = registry.newest.changed({removals[offset]: None})
            if offset in dies_at:
                state = state_of(rule=Rule(), registry=registry)
                for shard, block in blocks.items():
                    state.load(shard, block)
        found.append(said([a for a in alerts if a.kind in {"zone-exit", "zone-entry", "arrived", "left"}]))
    assert found[0] == found[1]
