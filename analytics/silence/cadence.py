"""How long a device is usually quiet, learned from what it sends: what is longer than that is silence.

The gaps between two reports are kept apart for a wearer who stood still and one who moved, because phones sleep when
they lie still: hours on the bedside table are usual, ten minutes in the street are not. A gap counts as usual when
one as long or longer was seen on two of the last eight days: one flat battery or one day in the mountains teaches
nothing, a phone that sleeps every night is known after two nights.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000
DAY = 86_400 * SECOND
STILL, MOVING = 0, 1
# Upper edges of the bins, seconds: 30 s to 17 h, each twice the one before. What is longer is an absence, not a habit.
EDGES = 30 * 2 ** np.arange(12, dtype=np.int64)
BINS = len(EDGES)
_DAYS_SEEN = np.array([mask.bit_count() for mask in range(256)], dtype=np.uint8)
_NEEDED = 2

Gaps = NDArray[np.uint8]  # (n, 2, BINS): a bit for each of the last eight days on which such a gap was seen


class Allowance(msgspec.Struct, frozen=True):
    """How much silence is allowed, seconds.

    A set cadence allows `missed` reports to be missed. Without one, what was learned, half as long again; until
    something was learned, `unlearned_s`. Never less than `least_s` nor more than `most_s`; `slack_s` is for networks.
    """

    least_s: int = 300
    most_s: int = 86_400
    unlearned_s: int = 1800
    slack_s: int = 60
    missed: int = 3


def aged(gaps: Gaps, days: NDArray[np.int64]) -> Gaps:
    """(n, 2, BINS) the gaps after `days` (n,) more days: what is older than eight is forgotten."""
    shift = np.clip(days, 0, 8).astype(np.uint16)[:, None, None]
    return ((gaps.astype(np.uint16) << shift) & 0xFF).astype(np.uint8)


def learned(gaps: Gaps, moving: NDArray[np.bool_], gap_s: NDArray[np.float64]) -> Gaps:
    """(n, 2, BINS) with today's gap of each device marked; an absence (longer than the last bin) marks nothing."""
    edge = np.searchsorted(EDGES, gap_s)
    row = np.flatnonzero(edge < BINS)
    marked = gaps.copy()
    marked[row, moving[row].astype(np.int64), edge[row]] |= 1
    return marked


def usual_s(gaps: Gaps) -> NDArray[np.int64]:
    """(n, 2) the longest usual gap of a still and of a moving wearer, seconds; 0 where none is known yet."""
    as_long = np.bitwise_or.accumulate(gaps[:, :, ::-1], axis=2)[:, :, ::-1]
    bins = (_DAYS_SEEN[as_long] >= _NEEDED).sum(axis=2)
    return np.where(bins > 0, EDGES[np.maximum(bins - 1, 0)], 0)


def allowed_s(
    usual: NDArray[np.int64], moving: NDArray[np.bool_], cadence_s: NDArray[np.int32], rule: Allowance
) -> NDArray[np.int64]:
    """(n,) the silence that is allowed after the last report; `cadence_s` 0 is none set.

    A wearer who moved and of whom no moving gap is known is allowed what a still one is, but no night's sleep.
    """
    known = np.where(moving, usual[:, MOVING], usual[:, STILL])
    still = np.where(usual[:, STILL] > 0, usual[:, STILL] * 3 // 2 + rule.slack_s, rule.unlearned_s)
    of_learned = np.where(known > 0, known * 3 // 2 + rule.slack_s, np.minimum(still, rule.unlearned_s))
    of_set = cadence_s.astype(np.int64) * (rule.missed + 1) + rule.slack_s
    return np.clip(np.where(cadence_s > 0, of_set, of_learned), rule.least_s, rule.most_s)
