"""The whole way, small: real days, fixes, the real engine, the peers, the scorer."""

import msgspec
import pytest

from analytics.positions.safe_zones import Rule as Thresholds
from benchmarks import geofence_truth
from benchmarks.geofence import home_assistant, traccar
from benchmarks.geofence.judge import judge
from benchmarks.geofence.noise import FROZEN, Cited, Noise, read
from benchmarks.geofence.ours import Ours
from benchmarks.geofence.rules import Rule
from sample_feeds.district import map as district_map
from tests.benchmarks.geofence.test_fixes import QUIET, table

SIGMAS = ("open_sigma_m", "street_sigma_m", "indoor_sigma_m")
DISTRICT = district_map.read()
OURS = Ours(DISTRICT.plane)


def rules() -> list[Rule]:
    plain = home_assistant.HomeAssistant(home_assistant.PUBLISHED[0])
    return [OURS, traccar.Traccar(traccar.PUBLISHED[0]), plain]


@pytest.fixture
def without_error() -> Noise:
    return table(**QUIET | dict.fromkeys(SIGMAS, 0.5) | {"still_zero_share": 0.0, "speed_sigma": 0.05})


def test_without_errors_nobody_is_wrong_and_nobody_is_missed(without_error: Noise) -> None:
    for score in judge(rules(), OURS.needs, DISTRICT, 3, 34, without_error):
        assert (score.false, score.missed) == (0, 0)
        assert score.due > 20
        assert score.device_days == 34
        assert score.delay_s(95) < 1200, "told as they leave, not as they return"


def test_a_lost_fix_makes_nobody_be_told_twice(without_error: Noise) -> None:
    losing = msgspec.structs.replace(without_error, lost_share=Cited(0.2, "test"))
    (score,) = judge([OURS], OURS.needs, DISTRICT, 3, 17, losing)
    assert (score.false, score.repeated) == (0, 0)
    assert score.found > 5


def test_with_the_frozen_noise_the_hasty_rule_is_wrong_often_and_ours_more_seldom() -> None:
    ours, hasty, _ = judge(rules(), OURS.needs, DISTRICT, 4, 17, read(FROZEN))
    assert hasty.false > 50
    assert ours.false < hasty.false / 5


def test_thresholds_that_nobody_reaches_find_nothing_and_the_scorer_says_so(without_error: Noise) -> None:
    deaf = Ours(DISTRICT.plane, Thresholds(buffer_m=1e9))
    (score,) = judge([deaf], OURS.needs, DISTRICT, 3, 17, without_error)
    assert (score.false, score.found) == (0, 0)
    assert score.missed == score.due > 0


def test_the_benchmark_answers_with_one_line_that_has_every_figure() -> None:
    result = geofence_truth.compare(read(FROZEN), days=17, tuning_days=17, seed=geofence_truth.SCORING_SEED)
    line = msgspec.json.decode(result.line())
    assert line["name"] == "geofence_truth"
    assert [peer["name"].split(",")[0] for peer in line["peers"]] == ["Traccar", "Home Assistant"]
    assert line["ratio"] == pytest.approx(line["peers"][0]["value"] / line["Haechi"]["rate_at_most"], rel=0.1)
    assert len(line["tuning"]) == 6
    for name in ("Haechi", *(peer["name"] for peer in line["peers"])):
        assert line[name]["found"] <= line[name]["real_leaves"]
        assert line[name]["rate"] < line[name]["rate_at_most"]
        assert line[name]["delay_p50_s"] <= line[name]["delay_p95_s"]


def test_tuning_and_scoring_are_on_different_days() -> None:
    assert geofence_truth.TUNING_SEED != geofence_truth.SCORING_SEED
