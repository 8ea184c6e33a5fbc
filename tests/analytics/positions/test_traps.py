"""The traps of location software, one case each, named after the trap: what users of the peers complain about.

They are run with the rule that is shipped: who left is told by four votes, which a walk explains or ten minutes lie between.
"""

from datetime import date, time, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook
from analytics.positions import PositionMetrics, PositionState
from analytics.positions.safe_zones import Rule
from haechi.domain.geo import Circle
from haechi.domain.people import SafeZone
from haechi.domain.schedule import DAYS, Window
from tests.analytics.positions.build import AT, HOME, Fix, Registry, circle, fix, partition, run, state_of, tick, told

NAN = float("nan")
NINE_THIRTY = (Window("Asia/Seoul", DAYS[:5], time(9, 30), time(15, 0)),)
GONE = [400.0] * 12
LEFT = [("raise", "home")]
LEFT_AND_BACK = [("raise", "home"), ("clear", "home")]


def shipped(*zones: SafeZone, registry: Registry | None = None) -> PositionState:
    return state_of(*zones, rule=Rule(), registry=registry)


def minutes(*east: float, start: float = 0, every: float = 1, accuracy: float = 5) -> list[list[Fix]]:
    """A fix a message."""
    return [[fix(start + i * every, x, accuracy=accuracy)] for i, x in enumerate(east)]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(minutes(0, *[118, 122, 117, 121] * 20), [], id="flapping while standing still (traccar#2189)"),
        pytest.param(minutes(0, 350, 0, 5, 400, 0, 3), [], id="jumps of more than 50 m (traccar#3609)"),
        pytest.param(
            minutes(*[0, 30, 5, 180, 10, 20] * 40, accuracy=60),
            [],
            id="one false leave a day with the phone on a table (owntracks/ios#715)",
        ),
        pytest.param(
            [[fix(m, x, received=60)] for m, x in reversed(list(enumerate([0, *GONE, 0])))],
            [],
            id="buffered fixes delivered newest first, one by one (traccar#4417)",
        ),
        pytest.param(
            [[fix(m, x, received=60) for m, x in reversed(list(enumerate([0, *GONE])))]],
            LEFT,
            id="buffered fixes delivered newest first, in one batch (traccar#4417)",
        ),
        pytest.param(
            [[fix(30, 0)], *([fix(m, 300, received=31)] for m in range(20))],
            [],
            id="a replayed backlog that causes a burst of in and out",
        ),
        pytest.param(
            [
                *minutes(*GONE),
                *([one] for m in range(12, 20) for one in (fix(m, 400), fix(m - 60 + 0.5, 0, received=m + 0.5))),
            ],
            LEFT,
            id="an hour-old backlog told between live fixes brings nobody home",
        ),
        pytest.param(
            [[fix(m, x, received=600) for m, x in enumerate([0, *GONE, 0, 0])]],
            LEFT_AND_BACK,
            id="a backlog that also shows the return opens as already returned",
        ),
        pytest.param(
            minutes(0, *[400] * 60), LEFT, id="one message a second while an alarm is active (thingsboard#717)"
        ),
        pytest.param(
            minutes(0, *[250] * 15, accuracy=140), [], id="distance within the accuracy (home assistant stays inside)"
        ),
        pytest.param(
            minutes(*[200] * 12, 0, 0, accuracy=120), LEFT[:0], id="never enter a zone smaller than the accuracy"
        ),
        pytest.param(minutes(0, *[145] * 15, accuracy=0), [], id="accuracy 0 is unknown"),
        pytest.param(minutes(0, *[145] * 15, accuracy=NAN), [], id="accuracy missing is unknown"),
        pytest.param(
            minutes(0, *GONE, every=0.02), [], id="many fixes in a few seconds confirm nothing that no speed explains"
        ),
        pytest.param(
            [[fix(m / 2, 60 + 39 * m, speed=1.3)] for m in range(6)], LEFT, id="who walks out is told of by four fixes"
        ),
        pytest.param(
            [*minutes(0, 0), *minutes(*[190] * 40, start=2, accuracy=60)],
            [],
            id="Wi-Fi that is wrong for as long as it lasts is no leave",
        ),
        pytest.param(
            [*minutes(0, 0), *minutes(*[210] * 12, start=2, accuracy=25)],
            LEFT,
            id="beyond three accuracies is no error",
        ),
        pytest.param(
            [[fix(0, 0, speed=0)], *([fix(9 + m, 180, speed=0)] for m in range(4))],
            LEFT,
            id="who walked out in a gap is told of by four fixes",
        ),
        pytest.param(
            [[fix(0, 0, speed=0)], *([fix(9 + m, 1_500, speed=0)] for m in range(4))],
            [],
            id="farther than one walks in a gap is a jump",
        ),
        pytest.param(
            [
                *([fix(m / 2, 60 + 39 * m, speed=1.3)] for m in range(4)),
                *([fix(2 + m, 2_000, accuracy=900)] for m in range(3)),
            ],
            LEFT,
            id="a cell tower confirms what began on foot",
        ),
        pytest.param(
            [*minutes(0, 0), *minutes(*[2_000] * 40, start=2, accuracy=900)],
            [],
            id="a cell tower alone says nothing of having left",
        ),
        pytest.param(
            [
                [fix(m, x, speed=v)]
                for m, (x, v) in enumerate([(60, 1.3), (130, 1.3), (145, 0), (60, 1.4), (140, 1.4), (145, 0)])
            ],
            LEFT,
            id="a jump of a street to the inside takes back no walk",
        ),
        pytest.param([[fix(0, 0)], *([fix(1, 400)] for _ in range(12))], [], id="a duplicate confirms nothing"),
        pytest.param(
            [[fix(0, 0)], [fix(1, 9_000)], [fix(2, 0)], [fix(3, 9_000)], [fix(4, 5)]],
            [],
            id="an impossible jump decides nothing",
        ),
        pytest.param(
            minutes(0, *[90_000 + x for x in range(13)]), LEFT, id="a jump that persists is true: nobody is locked out"
        ),
        pytest.param(
            [[fix(0, 0)], *([fix(m + 600, 400, received=m)] for m in range(1, 14)), [fix(15, 0)]],
            LEFT_AND_BACK,
            id="a clock in the future neither decides by its time nor locks out",
        ),
        pytest.param(
            [[fix(0, 0)], *([fix(m + 600, 0, received=m), fix(m + 601, 400, received=m)] for m in range(1, 14))],
            LEFT,
            id="of what a clock in the future sends at once its last word counts",
        ),
        pytest.param(
            [*minutes(*GONE), tick(29), tick(30)],
            LEFT,
            id="already outside when the schedule starts (traccar#3897)",
        ),
    ],
)
def test_trap(messages: list, expected: list[tuple[str, str]], request: pytest.FixtureRequest) -> None:
    scheduled = "schedule" in request.node.callspec.id
    zone = circle(schedule=NINE_THIRTY if scheduled else ())
    assert told(run(shipped(zone), *messages)) == expected


def test_a_backlog_that_also_shows_the_return_is_raised_as_over() -> None:
    raised, cleared = run(shipped(circle()), [fix(m, x, received=600) for m, x in enumerate([0, *GONE, 0, 0])])
    assert (raised.action, raised.ends_at) == ("raise", cleared.ends_at)
    assert raised.because.words == "is outside: home; is back inside: home"
    live, *_ = run(shipped(circle()), *minutes(0, *GONE, 0, 0))
    assert live.ends_at is None


def test_accuracy_zero_and_missing_are_said_to_be_unknown_in_the_evidence() -> None:
    for unknown in (0, NAN):
        (alert,) = run(shipped(circle()), *minutes(*GONE, accuracy=unknown))
        assert {one.accuracy_m for one in alert.because.fixes} == {None}


def test_an_old_fix_that_is_the_newest_decides_and_carries_its_age() -> None:
    (alert,) = run(shipped(circle()), *([fix(m, 400, received=90)] for m in range(12)))
    assert dict(alert.because.values)["fix_age_s"] == 80 * 60
    assert alert.starts_at == AT + timedelta(minutes=10)


def test_a_clock_that_is_an_hour_behind_fix_after_fix_is_put_right() -> None:
    """Time zones (traccar#881, #4418): the wearer left now, not an hour ago."""
    late = [[fix(m - 60, x, received=m)] for m, x in enumerate([0, 0, 0, 0, *GONE])]
    (alert,) = run(shipped(circle()), *late)
    assert alert.starts_at == AT + timedelta(minutes=14)


def test_a_backlog_an_hour_old_is_no_wrong_clock() -> None:
    (alert,) = run(shipped(circle()), *([fix(m, 400, received=60 + m / 60)] for m in range(15)))
    assert alert.starts_at == AT + timedelta(minutes=10)


def test_a_restart_disconnects_nobody_and_asks_nothing_again() -> None:
    """thingsboard#13715."""
    state = shipped(circle())
    assert told(run(state, *minutes(0, *GONE))) == LEFT
    after = shipped(circle())
    for shard, block in state.changed():
        after.load(shard, block)
    assert run(after, *minutes(400, 400, start=13), start=13) == []
    assert told(run(after, *minutes(0, start=15), start=15)) == [("clear", "home")]


@pytest.mark.parametrize(
    ("instant", "matters"),
    [
        ("2026-03-28T20:30:00Z", False),  # 21:30 in Berlin, winter time
        ("2026-03-28T21:00:00Z", True),  # 22:00
        ("2026-03-29T20:00:00Z", True),  # 22:00 the day after, summer time
        ("2026-03-29T19:59:00Z", False),
    ],
)
def test_a_schedule_follows_the_clock_of_its_zone_through_summer_time(instant: str, *, matters: bool) -> None:
    """traccar#881, #4418."""
    night = (Window("Europe/Berlin", DAYS, time(22), time(6)),)
    moment = msgspec.convert(instant, type=type(AT), strict=False)
    minute = (moment - AT).total_seconds() / 60
    alerts = run(shipped(circle(schedule=night)), *minutes(*GONE, start=minute - 11))
    assert told(alerts) == (LEFT if matters else [])


def test_a_school_holiday_raises_nothing_and_a_window_for_holidays_does() -> None:
    monday = AT.date()
    zone = circle(schedule=NINE_THIRTY)
    away = [*minutes(0, *GONE), tick(40)]
    assert told(run(shipped(zone), *away)) == LEFT
    holiday = msgspec.structs.replace(zone, holidays=(monday,))
    assert run(shipped(holiday), *away) == []
    instead = (Window("Asia/Seoul", (), time(9, 30), time(12), "holds"),)
    assert told(run(shipped(msgspec.structs.replace(holiday, schedule=instead)), *away)) == LEFT
    assert run(shipped(msgspec.structs.replace(holiday, schedule=instead, holidays=(date(2026, 1, 1),))), *away) == []


def verdicts(*messages: list[Fix]) -> dict[str, float]:
    """How often each was found."""
    registry = CollectorRegistry()
    run(partition(Outlook(book=Registry(circle())), PositionMetrics(registry)), *messages)
    kinds = ("good", "late", "duplicate", "jump", "clock")
    counts = {kind: registry.get_sample_value("haechi_fixes_total", {"verdict": kind}) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def test_verdicts_are_counted() -> None:
    found = verdicts([fix(5, 0)], [fix(5, 0)], [fix(4, 0)], [fix(6, 90_000)], [fix(600, 0, received=7)])
    assert found == {"good": 1, "duplicate": 1, "late": 1, "jump": 1, "clock": 1}


def test_a_clock_that_jumps_ahead_makes_nothing_late_that_was_told_before_and_is_sent_with_it() -> None:
    assert verdicts([fix(600, 5, received=7), fix(6, 0, received=7)]) == {"good": 1, "clock": 1}


def test_an_old_person_walking_round_the_block_inside_a_larger_zone_is_safe() -> None:
    """Fixed zones raise false alarms on normal walks: any active safe zone is enough."""
    walk = SafeZone("walk", "haneul", "p1", "walk", Circle(HOME, 500), ())
    assert run(shipped(circle(), walk), *minutes(0, 200, 300, *GONE, 300, 0)) == []
