"""The fixes are wrong as the noise table says, no more and no less."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.geofence.days import INDOORS, MINUTES, OPEN, STREET, Circle, Days
from benchmarks.geofence.fixes import Fixes, gauss_markov, held, report, runs
from benchmarks.geofence.noise import FROZEN, Cited, Noise, read
from haechi.errors import ConfigError

QUIET = dict.fromkeys(("canyon_share", "burst_per_day", "wifi_share", "cell_per_day", "unknown_share", "lost_share", "gap_per_day"), 0.0)  # fmt: skip


def table(**numbers: float) -> Noise:
    return msgspec.structs.replace(read(FROZEN), **{name: Cited(value, "test") for name, value in numbers.items()})


def still(n: int, surroundings: int, speed: float = 0.0) -> Days:
    shape = (n, MINUTES)
    return Days(
        zones=(Circle(0, 0, 100),) * n,
        at=np.tile(np.arange(MINUTES, dtype=np.int32) * 60, (n, 1)),
        x=np.zeros(shape),
        y=np.zeros(shape),
        speed=np.full(shape, speed),
        surroundings=np.full(shape, surroundings, np.uint8),
        beyond=np.zeros(shape),
        leaves=(),
    )


def fixes(days: Days, noise: Noise, seed: int = 1) -> Fixes:
    return report(days, noise, np.random.default_rng(seed))


def error(of: Fixes) -> np.ndarray:
    return np.hypot(of.x, of.y)


def test_the_frozen_table_is_the_one_that_the_figures_were_measured_with() -> None:
    digest = hashlib.sha256(FROZEN.read_bytes()).hexdigest()
    assert digest == "fd5bbce148e9af1735b6af7cc0e75c9b944eeda9a1bd87675a229e511eb401f9"


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not() -> None:
    a, b, c = (fixes(still(3, INDOORS), read(FROZEN), seed) for seed in (1, 1, 2))
    for name in Fixes.__dataclass_fields__:
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    assert a.x.tobytes() != c.x.tobytes()


@given(tau=st.floats(30, 900))
@settings(max_examples=6, deadline=None)
def test_the_correlated_error_has_unit_variance_and_forgets_at_its_time_constant(tau: float) -> None:
    process = gauss_markov(np.random.default_rng(3), 80, tau)
    assert process.shape == (80, MINUTES, 2)
    assert process.std() == pytest.approx(1, abs=0.05)
    for lag in (1, 3):
        found = (process[:, lag:] * process[:, :-lag]).mean()
        assert found == pytest.approx(np.exp(-lag * 60 / tau), abs=0.05)
    assert abs((process[..., 0] * process[..., 1]).mean()) < 0.05


@given(share=st.floats(0.02, 0.9), mean=st.floats(60, 1800))
@settings(max_examples=8, deadline=None)
def test_runs_fill_their_share_and_last_their_mean(share: float, mean: float) -> None:
    stop = 60 / mean
    start = share / (1 - share) * stop
    if start > 1:
        return
    on = runs(np.random.default_rng(4), 150, start, stop)
    assert on.mean() == pytest.approx(share, rel=0.2, abs=0.01)
    begun = (on[:, 1:] & ~on[:, :-1]).sum()
    assert on[:, 1:].sum() / max(1, begun) == pytest.approx(mean / 60, rel=0.25)


def test_a_run_keeps_the_value_it_began_with() -> None:
    on = np.zeros((1, MINUTES), bool)
    on[0, 3:6] = on[0, 9:11] = True
    values = np.arange(MINUTES, dtype=float)[None, :, None]
    kept = held(on, values)[0, :, 0]
    assert kept[3:6].tolist() == [3, 3, 3]
    assert kept[9:11].tolist() == [9, 9]


@pytest.mark.parametrize(("surroundings", "name"), [(OPEN, "open"), (STREET, "street"), (INDOORS, "indoor")])
def test_without_jumps_two_thirds_of_the_errors_are_within_the_claim(surroundings: int, name: str) -> None:
    noise = table(**QUIET, claim_scatter=0)
    of = fixes(still(60, surroundings), noise)
    sigma = noise[f"{name}_sigma_m"]
    assert np.sqrt((of.x**2).mean()) == pytest.approx(sigma, rel=0.1)
    assert np.median(error(of)) == pytest.approx(1.177 * sigma, rel=0.1)
    assert np.unique(of.accuracy) == pytest.approx([1.51 * sigma])
    assert (error(of) <= of.accuracy).mean() == pytest.approx(0.68, abs=0.04)
    assert of.arrived.all()


def test_wifi_and_cell_errors_have_the_medians_of_their_sources_and_no_speed() -> None:
    for name, median in (("wifi_share", 40), ("cell_per_day", 600)):
        noise = table(**QUIET | {name: 1.0 if name == "wifi_share" else 1440.0})
        of = fixes(still(200, INDOORS), noise)
        assert np.median(error(of)) == pytest.approx(median, rel=0.12)
        assert np.isnan(of.speed).mean() > 0.9


def test_a_burst_is_elsewhere_and_claims_to_be_exact() -> None:
    noise = table(**QUIET | {"burst_per_day": 20.0, "indoor_sigma_m": 0.01})
    of = fixes(still(50, INDOORS), noise)
    out = of.accuracy == noise["burst_claim_m"]
    assert (error(of)[out] >= 94).all()
    assert (error(of)[out] <= 200).all()
    assert (error(of)[~out] < 1).all()
    assert out.sum() / 50 == pytest.approx(20 * 1.5, rel=0.15), "the first fix is out, of the others half"
    pairs = out[:, 1:] & out[:, :-1]
    same = np.hypot(np.diff(of.x, axis=1), np.diff(of.y, axis=1))[pairs] < 1
    assert 0.1 < pairs.sum() / out.sum() < 0.5, "two in a row happen, and are the exception"
    assert same.mean() > 0.85, "within a burst it is the same place"


def test_jumps_of_the_urban_canyon_happen_in_streets_only() -> None:
    noise = table(**QUIET | {"canyon_share": 0.05, "open_sigma_m": 1, "street_sigma_m": 1})
    assert error(fixes(still(50, OPEN, 1.2), noise)).max() < 8
    street = error(fixes(still(50, STREET, 1.2), noise))
    assert (street > 8).mean() == pytest.approx(0.05, rel=0.25)
    assert street[street > 8].mean() == pytest.approx(50, rel=0.2)


def test_some_fixes_are_lost_and_some_say_no_accuracy() -> None:
    noise = read(FROZEN)
    of = fixes(still(250, INDOORS), noise)
    lost = noise["lost_share"] + (1 - noise["lost_share"]) * noise["gap_per_day"] * noise["gap_mean_s"] / 86_400
    assert (~of.arrived).mean() == pytest.approx(lost, rel=0.15)
    assert np.isnan(of.accuracy).mean() == pytest.approx(noise["unknown_share"], rel=0.2)


def test_at_rest_half_the_speeds_are_exactly_nought_and_walkers_report_theirs() -> None:
    noise = table(**QUIET)
    resting, walking = fixes(still(20, OPEN), noise), fixes(still(20, OPEN, 1.2), noise)
    assert (resting.speed == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert (walking.speed > 0).all()
    assert walking.speed.mean() == pytest.approx(1.2, abs=0.02)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wifi_share:", "wifi_part:", "wifi_part"),
        ("value: 0.3\n  source: >-\n    assumed: of", "value: 1.3\n  source: >-\n    assumed: of", "wifi_share is 1.3"),
        ("value: 900", "value: long", "slow_tau_s"),
        ("value: 94\n  source: >-\n    Ikolvi/Tracelet#295: 93.8 m (Samsung SM-G781B).", "value: 94\n  source: ''", "burst_min_m has no source"),
        ("value: 60\n", "value: 0\n", "fast_tau_s is 0"),
    ],
)  # fmt: skip
def test_a_noise_table_with_a_mistake_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = FROZEN.read_text()
    assert old in text
    file = tmp_path / "noise.yaml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        read(file)


def test_a_noise_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        read(tmp_path / "none.yaml")
