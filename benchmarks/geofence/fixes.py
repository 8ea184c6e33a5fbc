"""The fixes: what the phones report of the truth, wrong by the noise table; vectorised over the device-days."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.geofence.days import INDOORS, MINUTES, OPEN, STREET, Days, Floats
from benchmarks.geofence.noise import Noise

EVERY_S = 60.0
DAY_S = MINUTES * EVERY_S

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Fixes:
    """(n, m) of the same device-days and instants as the `Days`. `x`, `y` metres of the district's plane; `accuracy`
    metres (68 %) and `speed` m/s, NaN where the phone says none; `arrived` where the fix is delivered at all."""

    at: NDArray[np.int32]
    x: Floats
    y: Floats
    accuracy: Floats
    speed: Floats
    arrived: Flags


def report(days: Days, noise: Noise, random: np.random.Generator) -> Fixes:
    """The fixes of these days; every one is made, then some are lost."""
    n = len(days.zones)
    error, scale, unsatellited = _correlated(days, noise, random)
    canyon = runs(random, n, *_share(noise["canyon_share"], noise["canyon_mean_s"]))
    canyon &= (days.surroundings == STREET) & ~unsatellited
    error += canyon[..., None] * held(canyon, random.normal(0, noise["canyon_sigma_m"], (n, MINUTES, 2)))
    burst = runs(random, n, *_rate(noise["burst_per_day"], noise["burst_mean_s"]))
    out = burst & (_starts(burst) | (random.random((n, MINUTES)) < noise["burst_out_share"]))
    length = random.uniform(noise["burst_min_m"], noise["burst_max_m"], (n, MINUTES))
    angle = random.uniform(0, 2 * np.pi, (n, MINUTES))
    jump = held(burst, np.stack((length * np.cos(angle), length * np.sin(angle)), axis=-1))
    error[out] = jump[out]
    claim = noise["claim_factor"] * scale * np.exp(random.normal(0, noise["claim_scatter"], (n, MINUTES)))
    claim[out] = noise["burst_claim_m"]
    claim[random.random((n, MINUTES)) < noise["unknown_share"]] = np.nan
    gap = runs(random, n, *_rate(noise["gap_per_day"], noise["gap_mean_s"]))
    return Fixes(
        at=days.at,
        x=days.x + error[..., 0],
        y=days.y + error[..., 1],
        accuracy=claim,
        speed=_speed(days, noise, random, unsatellited & ~out),
        arrived=~gap & (random.random((n, MINUTES)) >= noise["lost_share"]),
    )


def gauss_markov(random: np.random.Generator, n: int, tau_s: float) -> Floats:
    """(n, m, 2) of first-order Gauss-Markov processes of unit variance."""
    keep = np.exp(-EVERY_S / tau_s)
    steps = random.normal(0, 1, (MINUTES, n, 2))
    steps[1:] *= np.sqrt(1 - keep**2)
    for k in range(1, MINUTES):
        steps[k] += keep * steps[k - 1]
    return np.ascontiguousarray(steps.swapaxes(0, 1))


def runs(random: np.random.Generator, n: int, start: float, stop: float) -> Flags:
    """(n, m) of a two-state Markov chain: `start` and `stop` are chances per fix; it begins as it goes on."""
    chance = random.random((MINUTES, n))
    on = np.zeros((MINUTES, n), bool)
    on[0] = chance[0] < start / (start + stop) if start else False
    for k in range(1, MINUTES):
        on[k] = np.where(on[k - 1], chance[k] >= stop, chance[k] < start)
    return np.ascontiguousarray(on.T)


def held(on: Flags, values: Floats) -> Floats:
    """The value that each run began with, for as long as it lasts."""
    first = np.where(_starts(on), np.arange(MINUTES), 0)
    first = np.maximum.accumulate(first, axis=1)
    return np.take_along_axis(values, first[..., None], axis=1)


def _correlated(days: Days, noise: Noise, random: np.random.Generator) -> tuple[Floats, Floats, Flags]:
    """The correlated error (n, m, 2), the sigma it is drawn with, and where it is of Wi-Fi or a cell tower."""
    n = len(days.zones)
    fast = gauss_markov(random, n, noise["fast_tau_s"])
    slow = gauss_markov(random, n, noise["slow_tau_s"])
    ground = gauss_markov(random, n, noise["slow_tau_s"])
    sigma = np.zeros(3)
    sigma[[OPEN, STREET, INDOORS]] = noise["open_sigma_m"], noise["street_sigma_m"], noise["indoor_sigma_m"]
    scale = sigma[days.surroundings]
    wifi = runs(random, n, *_share(noise["wifi_share"], noise["wifi_mean_s"])) & (days.surroundings == INDOORS)
    cell = runs(random, n, *_rate(noise["cell_per_day"], noise["cell_mean_s"]))
    scale[wifi] = noise["wifi_sigma_m"]
    scale[cell] = noise["cell_sigma_m"]
    unsatellited = wifi | cell
    error = np.where(unsatellited[..., None], ground, (fast + slow) * np.sqrt(0.5))
    return error * scale[..., None], scale, unsatellited


def _speed(days: Days, noise: Noise, random: np.random.Generator, silent: Flags) -> Floats:
    shape = days.speed.shape
    noisy = np.abs(days.speed + random.normal(0, noise["speed_sigma"], shape))
    clamped = (days.speed == 0) & (random.random(shape) < noise["still_zero_share"])
    return np.where(silent, np.nan, np.where(clamped, 0.0, noisy))


def _starts(on: Flags) -> Flags:
    before = np.concatenate((np.zeros((len(on), 1), bool), on[:, :-1]), axis=1)
    return np.asarray(on & ~before)


def _share(share: float, mean_s: float) -> tuple[float, float]:
    """Chances per fix to begin and to end, for runs of that mean that fill that share of the time."""
    stop = min(1.0, EVERY_S / mean_s)
    if share >= 1:
        return 1.0, 0.0
    return min(1.0, share / (1 - share) * stop), stop


def _rate(per_day: float, mean_s: float) -> tuple[float, float]:
    """The same for so many runs a day."""
    return min(1.0, per_day * EVERY_S / DAY_S), min(1.0, EVERY_S / mean_s)
