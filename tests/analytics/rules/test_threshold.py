"""Readings beyond a threshold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analytics.rules
from analytics.rules.threshold import Level, ThresholdRule, load_rules, step
from haechi.domain.alerting import Alert
from haechi.domain.geo import Point
from haechi.domain.sensing import Reading, Sensor
from haechi.errors import ConfigError

AT = datetime(2026, 11, 22, tzinfo=UTC)
SENSOR = Sensor("s1", "haneul", "Market hall kitchen", "gas", "%[LEL]", Point(126.92, 37.61))
RULE = ThresholdRule("gas-high", "gas", "gas", raise_at=20, clear_at=10)


def run(rule: ThresholdRule, values: list[float], minutes: list[int] | None = None) -> list[Alert]:
    level, alerts = Level(), []
    for minute, value in zip(minutes or range(len(values)), values, strict=True):
        at = AT + timedelta(minutes=minute)
        level, said = step(level, rule, SENSOR, Reading("s1", at, at, value))
        alerts.extend(said)
    return alerts


def test_a_value_at_the_edge_does_not_flap() -> None:
    assert [a.action for a in run(RULE, [5, 21, 19, 21, 11, 20, 10, 5])] == ["raise", "clear"]


def test_a_rule_may_ask_for_several_readings_in_a_row() -> None:
    rule = ThresholdRule("x", "gas", "gas", raise_at=20, clear_at=10, readings=3)
    assert run(rule, [25, 25, 5, 25, 25]) == []
    assert len(run(rule, [25, 25, 25])) == 1


def test_low_can_be_the_danger() -> None:
    rule = ThresholdRule("x", "gas", "gas", raise_at=5, clear_at=8, direction="below")
    assert [a.action for a in run(rule, [9, 5, 6, 8])] == ["raise", "clear"]


def test_a_late_reading_decides_nothing() -> None:
    assert run(RULE, [5, 90], minutes=[10, 3]) == []


def test_the_clear_names_the_alert_it_ends() -> None:
    raised, cleared = run(RULE, [30, 1])
    assert raised.id == cleared.id
    assert cleared.ends_at == AT + timedelta(minutes=1)
    assert raised.because.words == "Market hall kitchen reads 30 %[LEL], the limit is 20"


@given(st.lists(st.floats(-50, 150), max_size=60))
def test_raise_and_clear_always_alternate(values: list[float]) -> None:
    actions = [a.action for a in run(RULE, values)]
    assert actions == ["raise", "clear"] * (len(actions) // 2) + ["raise"] * (len(actions) % 2)


def test_the_rules_that_ship_are_valid() -> None:
    rules = load_rules(Path(analytics.rules.__file__).with_name("sensors.yaml"))
    assert "gas-high" in {rule.id for rule in rules}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{id: a, observed_property: gass, kind: gas, raise_at: 2, clear_at: 1}", "no observed property 'gass'"),
        ("{id: a, observed_property: gas, kind: gaz, raise_at: 2, clear_at: 1}", "no alert kind 'gaz'"),
        ("{id: a, observed_property: gas, kind: gas, raise_at: 2, clear_at: 3}", "on the dangerous side"),
        ("{id: a, observed_property: gas, kind: gas, raise_at: 2, clear_at: 1, tresh: 1}", "tresh"),
        ("{id: a, observed_property: gas, kind: gas, clear_at: 1}", "raise_at"),
    ],
)
def test_a_wrong_row_is_refused_in_words(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"rules:\n  - {row}\n")
    with pytest.raises(ConfigError, match=words):
        load_rules(file)


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"analytics\.rules"):
        load_rules(tmp_path / "none.yaml")
