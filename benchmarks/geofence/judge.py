"""Rules before the same truth and the same fixes, in chunks that fit into memory."""

from collections.abc import Sequence

import numpy as np

from benchmarks.geofence.days import Truth
from benchmarks.geofence.fixes import report
from benchmarks.geofence.noise import Noise
from benchmarks.geofence.rules import Rule
from benchmarks.geofence.score import Needs, Score, score
from sample_feeds.district.map import District

CHUNK = 250
ENOUGH_FOUND = 0.95


def judge(rules: Sequence[Rule], needs: Needs, district: District, seed: int, count: int, noise: Noise) -> list[Score]:
    """One score a rule over `count` device-days of a seed."""
    truth = Truth(district, seed)
    scores = [Score()] * len(rules)
    for start in range(0, count, CHUNK):
        days = truth.days(range(start, min(start + CHUNK, count)))
        fixes = report(days, noise, np.random.default_rng([seed, start]))
        scores = [
            so_far + score(days, fixes, rule.leaves(days.zones, fixes), needs)
            for so_far, rule in zip(scores, rules, strict=True)
        ]
    return scores


def best(rules: Sequence[Rule], scores: Sequence[Score]) -> Rule:
    """The rule with the fewest false leaves among those that find nearly all that is due, or else the one that finds
    most: a rule that says nothing is not the best."""

    def order(pair: tuple[Rule, Score]) -> tuple[bool, float, int]:
        finds = 1 - pair[1].missed / max(1, pair[1].due)
        return (finds < ENOUGH_FOUND, 0.0 if finds >= ENOUGH_FOUND else -finds, pair[1].false)

    return min(zip(rules, scores, strict=True), key=order)[0]
