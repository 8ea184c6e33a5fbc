from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.domain.schedule import Window, holds
from haechi.errors import ConfigError
from sample_feeds.cameras import CAMERAS
from sample_feeds.people import GUARDIANS, RESIDENTS
from sample_feeds.scenario import Expected, Leave, Press, Reads, Receipt, Step, Trespass, judge, read, window_around
from sample_feeds.sensors import SENSORS

# naive on purpose: Hypothesis adds no zone by itself
_FIRST, _LAST = datetime(2026, 1, 1), datetime(2027, 1, 1)  # noqa: DTZ001
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
STEP = Step("a press", 0, {"press": "ok-sunja"}, Expected("sos", ("ok-jihyeon", "desk"), ("police",), 10))


def receipt(receiver: str, *, after_s: float = 0.2, genuine: bool = True, status: str = "Actual", kind: str = "sos"):
    arrived = NOW + timedelta(seconds=after_s)
    return Receipt(receiver, "?", arrived, genuine, f"w-{receiver}", "i-1", kind, status, "SOS", NOW, after_s * 1000)


def test_a_step_passes_when_all_are_told_and_nobody_else() -> None:
    outcome = judge(STEP, NOW, [receipt("desk"), receipt("ok-jihyeon"), receipt("police", kind="trespass")])
    assert outcome.passed
    assert {t.receiver: t.ms for t in outcome.told} == {"desk": 200, "ok-jihyeon": 200}


@pytest.mark.parametrize(
    ("receipts", "field", "who"),
    [
        ([receipt("desk")], "missing", ("ok-jihyeon",)),
        ([receipt("desk"), receipt("ok-jihyeon"), receipt("police")], "wrongly_told", ("police",)),
        ([receipt("desk"), receipt("ok-jihyeon", after_s=11)], "late", ("ok-jihyeon",)),
        ([receipt("desk"), receipt("ok-jihyeon", genuine=False)], "not_genuine", ("ok-jihyeon",)),
        ([receipt("desk"), receipt("ok-jihyeon", status="Exercise")], "not_genuine", ("ok-jihyeon",)),
    ],
)
def test_a_step_fails_by(receipts: list[Receipt], field: str, who: tuple[str, ...]) -> None:
    outcome = judge(STEP, NOW, receipts)
    assert not outcome.passed
    assert getattr(outcome, field) == who


def test_what_came_of_an_earlier_play_does_not_count() -> None:
    assert judge(STEP, NOW + timedelta(minutes=1), [receipt("desk"), receipt("ok-jihyeon")]).missing


@given(st.datetimes(_FIRST, _LAST), st.integers(0, 19 * 60))
def test_a_window_around_now_holds_now_and_for_twenty_minutes(naive: datetime, later: int) -> None:
    now = naive.replace(tzinfo=UTC)
    (row,) = window_around(now)
    window = Window(
        str(row["tz"]), tuple(row["days"]), time.fromisoformat(str(row["from"])), time.fromisoformat(str(row["to"]))
    )
    assert holds((window,), now)
    assert holds((window,), now + timedelta(seconds=later))
    assert not holds((window,), now + timedelta(minutes=25))


def test_the_scenario_names_only_what_is_in_the_district() -> None:
    people, receivers = {r.slug for r in RESIDENTS}, {g.slug for g in GUARDIANS} | {"police", "fire", "desk"}
    deeds = []
    for step in read():
        assert {*step.expect.told, *step.expect.not_told} <= receivers | {"guardians"}
        deeds.append(step.deed)
        match step.deed:
            case Press(press=who) | Leave(leave=who):
                assert who in people
            case Reads(sensor=sensor):
                assert sensor in {s.slug for s in SENSORS}
            case Trespass(trespass=camera):
                assert [c for c in CAMERAS if c.slug == camera and c.trespass and c.forbidden]
    assert {type(d) for d in deeds} == {Press, Leave, Reads, Trespass}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [{name: a, at_s: 0, do: {jump: x}, expect: {kind: sos, told: [], not_told: [], within_s: 1}}]", "none of"),
        ("steps: [{name: a, at_s: 0, do: {press: x}, expect: {kind: sos, told: [b], not_told: [b], within_s: 1}}]", "at once"),
        ("steps: [{name: a}]", "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_scenario_is_refused_in_words(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read(file)
