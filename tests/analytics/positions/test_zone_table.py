"""What a new life takes back when the zones are others than they were: they were removed meanwhile, or the registry is
not read yet."""

from datetime import timedelta

import msgspec
import pytest

from analytics.positions import PositionState
from haechi.domain.alerting import Alert
from haechi.domain.people import SafeZone
from tests.analytics.positions.build import AT, Registry, fix, run, state_of, tick
from tests.analytics.positions.test_zones import EXPECTED, HOME_ZONE, SCHOOL, said, ticking, walk, zone

RIVER = zone("river", 400, 60, kind="forbidden")
STRANGERS = msgspec.structs.replace(zone("strangers", 9000), person_id="p9")
ABSENT = [*walk(0, 0), *ticking(30, 40)]  # at home when they are expected at school
AWAY, DROWNING = walk(0, 400, 400, 400), walk(0, 400, 400)


def reborn(state: PositionState, registry: Registry) -> PositionState:
    """Another worker, with what the first one kept."""
    other = state_of(registry=registry)
    for shard, block in state.changed():
        other.load(shard, block)
    return other


def after(zones: tuple[SafeZone, ...], messages: list, registry: Registry) -> tuple[list[Alert], PositionState]:
    state = state_of(*zones)
    raised = run(state, *messages)
    return raised, reborn(state, registry)


CASES = {
    "left, and another zone stays": ((HOME_ZONE, SCHOOL), AWAY, "zone-exit", "home", (SCHOOL,)),
    "left, and only a stranger's zone stays": ((HOME_ZONE,), AWAY, "zone-exit", "home", (STRANGERS,)),
    "left, and no zone stays": ((HOME_ZONE,), AWAY, "zone-exit", "home", ()),
    "left, and it is another's now": (
        (HOME_ZONE,),
        AWAY,
        "zone-exit",
        "home",
        (msgspec.structs.replace(HOME_ZONE, person_id="p9", version=2),),
    ),
    "left, and it is forbidden now": (
        (HOME_ZONE,),
        AWAY,
        "zone-exit",
        "home",
        (msgspec.structs.replace(HOME_ZONE, kind="forbidden", version=2),),
    ),
    "entered": ((HOME_ZONE, RIVER), DROWNING, "zone-entry", "river", (HOME_ZONE,)),
    "entered, and it is safe now": (
        (HOME_ZONE, RIVER),
        DROWNING,
        "zone-entry",
        "river",
        (HOME_ZONE, msgspec.structs.replace(RIVER, kind="safe", version=2)),
    ),
    "missed": ((HOME_ZONE, EXPECTED), ABSENT, "not-arrived", "school", (HOME_ZONE,)),
}


@pytest.mark.parametrize(("before", "messages", "kind", "place", "left"), CASES.values(), ids=CASES)
def test_a_zone_that_was_removed_while_nobody_worked_ends_what_is_open_about_it(
    before: tuple[SafeZone, ...], messages: list, kind: str, place: str, left: tuple[SafeZone, ...]
) -> None:
    raised, state = after(before, messages, Registry(*left))
    (opened,) = [alert for alert in raised if alert.kind == kind]
    ended = [alert for alert in run(state, tick(60), start=20) if alert.id == opened.id]
    assert said(ended) == [(kind, "clear", place)]
    assert (ended[0].because.zone_name, ended[0].because.zone_version) == (place, 1)
    later = run(state, [fix(61, 5000)], [fix(62, 5000)], tick(63), start=21)
    assert opened.id not in {alert.id for alert in later}
    assert "strangers" not in {alert.place for alert in later}


def test_whoever_is_outside_what_is_left_of_their_zones_has_left_that_as_when_it_is_removed_under_their_alarm() -> None:
    _, state = after((HOME_ZONE, SCHOOL), walk(1000, 1000, 500, 500), Registry(HOME_ZONE))
    assert said(run(state, tick(5), start=5)) == [("zone-exit", "clear", "school"), ("zone-exit", "raise", "home")]


@pytest.mark.parametrize(("before", "messages", "kind", "place", "left"), CASES.values(), ids=CASES)
def test_a_registry_that_is_not_read_yet_ends_nothing_and_what_is_open_goes_on_when_it_is(
    before: tuple[SafeZone, ...], messages: list, kind: str, place: str, left: tuple[SafeZone, ...]
) -> None:
    """The worker started from an old copy. A second one starts from the same, and takes the blocks of the first."""
    old = Registry(*left, reads=0)
    raised, state = after(before, messages, old)
    (opened,) = [alert for alert in raised if alert.kind == kind]
    heard = run(state, tick(60), [fix(60, 5000)], tick(61), start=20)
    state = reborn(state, old)
    heard += run(state, tick(62), [fix(63, 5000)], start=23)
    assert (place, "clear") not in {(alert.place, alert.action) for alert in heard}
    assert "zone-exit" not in {alert.kind for alert in heard} or kind != "zone-exit"
    old.change(*before)
    old.reads = 9
    there = 0 if kind == "zone-exit" else 1000
    over = run(state, tick(64), [fix(65, there)], [fix(66, there)], [fix(80, there)], start=30)
    (ended,) = [alert for alert in over if alert.id == opened.id]
    assert said([ended]) == [(kind, "clear", place)]
    assert not ended.moot, "by what they did, and not because the zone was thought to be gone"


def test_whoever_comes_back_before_the_registry_is_read_has_come_back_from_what_they_had_left() -> None:
    raised, state = after((HOME_ZONE, SCHOOL), walk(1000, 1000, 500, 500), Registry(HOME_ZONE, reads=0))
    (back,) = run(state, tick(5), [fix(6, 0)], [fix(7, 0)], start=5)
    assert (back.id, back.action, back.because.words) == (raised[-1].id, "clear", "is back inside: school")
    assert run(reborn(state, Registry(HOME_ZONE)), tick(8), [fix(9, 0)], start=9) == []


def test_whoever_has_left_another_zone_too_is_told_of_when_what_waited_for_the_registry_is_given_up() -> None:
    registry = Registry(HOME_ZONE, reads=0)
    _, state = after((HOME_ZONE, SCHOOL), walk(1000, 1000, 500, 500), registry)
    assert run(state, tick(5), start=5) == []
    registry.reads = 9
    assert said(run(state, tick(6), start=6)) == [("zone-exit", "clear", "school"), ("zone-exit", "raise", "home")]


def test_whoever_was_missed_the_day_before_the_registry_is_read_again_is_missed_that_day_too() -> None:
    registry = Registry(HOME_ZONE, reads=0)
    _, state = after((HOME_ZONE, EXPECTED), ABSENT, registry)
    registry.change(HOME_ZONE, EXPECTED)
    registry.reads = 9
    found = run(state, *ticking(24 * 60 + 41), start=20)
    assert said(found) == [("not-arrived", "clear", "school"), ("not-arrived", "raise", "school")]


def test_a_reading_that_had_begun_before_the_blocks_were_taken_proves_nothing() -> None:
    registry = Registry(STRANGERS, reads=4)
    _, state = after((HOME_ZONE,), AWAY, registry)
    registry.reads = 5
    assert run(state, tick(5), start=5) == []
    registry.reads = 6
    assert said(run(state, tick(6), start=6)) == [("zone-exit", "clear", "home")]


def test_what_was_seen_since_a_zone_changed_outlasts_a_restart() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    run(state, *walk(0))
    state.changed()
    registry.change(msgspec.structs.replace(HOME_ZONE, version=2))
    run(state, *walk(400, start=1), start=1)
    assert said(run(reborn(state, registry), *walk(400, start=2), start=2)) == [("zone-exit", "raise", "home")]


def test_what_was_seen_of_a_zone_that_changed_while_nobody_worked_says_nothing_of_what_it_is_now() -> None:
    _, state = after((HOME_ZONE,), walk(0, 400), Registry(msgspec.structs.replace(HOME_ZONE, version=2)))
    assert run(state, *walk(400, start=2), start=2) == [], "one fix outside is no leave"
    assert said(run(state, *walk(400, start=3), start=3)) == [("zone-exit", "raise", "home")]


def test_a_zone_that_becomes_a_forbidden_one_is_no_longer_one_that_somebody_left() -> None:
    registry = Registry(HOME_ZONE)
    state = state_of(registry=registry)
    run(state, *AWAY)
    registry.change(msgspec.structs.replace(HOME_ZONE, kind="forbidden", version=2))
    (ended,) = run(state, tick(5), start=5)
    assert said([ended]) == [("zone-exit", "clear", "home")]
    assert ended.because.words == "the zone was removed: home"


def test_a_device_that_takes_the_place_of_a_forgotten_one_has_not_seen_what_that_one_saw() -> None:
    state = state_of(HOME_ZONE, STRANGERS)
    run(state, *walk(0))
    run(state, *walk(9000, 0, 0, 0, device="d9", person="p9"), start=1)
    state.forget_people(lambda _: {"p9"}, int((AT + timedelta(minutes=5)).timestamp() * 1e6))
    assert run(state, *walk(400, start=6, device="d2"), start=6) == [], "one fix outside is no leave"


def test_what_waits_for_its_zone_is_forgotten_with_its_person_and_ends_for_nobody_else() -> None:
    registry = Registry(STRANGERS, reads=0)
    _, state = after((HOME_ZONE,), AWAY, registry)
    state.forget_people(lambda _: {"p1"}, int((AT + timedelta(minutes=5)).timestamp() * 1e6))
    run(state, [fix(6, 9000, device="d9", person="p9")], start=6)
    registry.reads = 9
    assert run(state, tick(7), start=7) == []


def test_nothing_of_who_was_forgotten_is_kept_with_who_takes_their_place() -> None:
    state = state_of(HOME_ZONE, RIVER)
    run(state, *DROWNING)
    state.forget_people(lambda _: {"p1"}, int((AT + timedelta(minutes=5)).timestamp() * 1e6))
    state.devices.add("d2", "p2")  # as who is awaited; a checkpoint comes before they are heard or looked at
    assert run(reborn(state, Registry(HOME_ZONE)), tick(6), start=6) == []


def test_an_alert_shows_no_first_fix_outside_of_another_zone() -> None:
    """At the edge of the garden one is not out of it, nor known to have been in it."""
    garden = zone("garden", 300)
    (raised,) = run(state_of(HOME_ZONE, garden), *walk(0, 405, 405, 405, 405, 405, 500, 500))
    assert said([raised]) == [("zone-exit", "raise", "home")]
    assert [one.at for one in raised.because.fixes] == [AT + timedelta(minutes=m) for m in (4, 5, 6, 7)]


def test_an_episode_that_waits_for_its_zone_keeps_its_persons_devices() -> None:
    _, state = after((HOME_ZONE, RIVER), DROWNING, Registry(HOME_ZONE, reads=0))
    run(state, [fix(4, 0)], tick(32 * 24 * 60), start=20)
    assert len(state.devices) == 1
