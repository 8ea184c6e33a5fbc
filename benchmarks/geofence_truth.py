"""False leaves per device-day against exact truth, ours beside Traccar's and Home Assistant's rules on the same fixes.

What counts as false, found and late, what is simulated and what is not: docs/geofence-truth.md. Each peer plays the best
of its published settings, chosen on the tuning seed; the scoring seed is another one. `--noise` takes another table.
"""

import msgspec

from benchmarks.geofence import home_assistant, noise, traccar
from benchmarks.geofence.judge import best, judge
from benchmarks.geofence.ours import Ours
from benchmarks.geofence.rules import Rule
from benchmarks.geofence.score import Score
from benchmarks.result import Options, Peer, Result
from sample_feeds.district.map import read

TUNING_SEED = 1
SCORING_SEED = 4099  # nothing was chosen on it; the rule as shipped was on 1, 3-8, 11-18 and 77 (decisions 13 and 16)

More = dict[str, float | int | str | list[float] | dict[str, float]]


def run(options: Options) -> Result:
    """`value` is ours; `ratio` is the first peer's rate over the 95 % bound of ours."""
    days, tuning_days = (250, 250) if options.quick else (30_000, 2_000) if options.full else (4_000, 500)
    file = options.noise or noise.FROZEN
    result = compare(noise.read(file), days, tuning_days, SCORING_SEED if options.seed is None else options.seed)
    return msgspec.structs.replace(result, more=result.more | {"noise": file.name})


def compare(table: noise.Noise, days: int, tuning_days: int, seed: int) -> Result:
    """Choose each peer's setting on `tuning_days` device-days of the tuning seed, then score `days` of the other seed."""
    district = read()
    ours = Ours(district.plane)
    tried: dict[str, float] = {}
    chosen: list[Rule] = []
    families: list[list[Rule]] = [
        [traccar.Traccar(settings) for settings in traccar.PUBLISHED],
        [home_assistant.HomeAssistant(settings) for settings in home_assistant.PUBLISHED],
    ]
    for family in families:
        scores = judge(family, ours.needs, district, TUNING_SEED, tuning_days, table)
        chosen.append(best(family, scores))
        tried |= {rule.name: round(score.rate, 4) for rule, score in zip(family, scores, strict=True)}
    own, *others = judge([ours, *chosen], ours.needs, district, seed, days, table)
    peers = tuple(
        Peer(rule.name, round(score.rate, 5), round(score.rate / own.at_most, 1))
        for rule, score in zip(chosen, others, strict=True)
    )
    more: More = {"device_days": days, "seed": seed, "tuning": tried}
    for rule, score in zip((ours, *chosen), (own, *others), strict=True):
        more[rule.name] = _figures(score)
    return Result("geofence_truth", round(own.rate, 5), "false leaves per device-day", peers, more)


def _figures(score: Score) -> dict[str, float]:
    return {
        "false": score.false,
        "rate": round(score.rate, 5),
        "rate_at_most": round(score.at_most, 5),
        "repeated": score.repeated,
        "real_leaves": score.real,
        "found": score.found,
        "due": score.due,
        "missed": score.missed,
        "delay_p50_s": round(score.delay_s(50), 1),
        "delay_p95_s": round(score.delay_s(95), 1),
    }
