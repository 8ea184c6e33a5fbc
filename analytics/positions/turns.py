"""Rows of a batch in turns, so that what is decided for many devices at once is decided fix by fix for each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def turns(slots: NDArray[np.int64], *order_by: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Indices in turns: no slot is twice in one, and each slot's come in the order of `order_by` (the last one counts
    first, as in `numpy.lexsort`)."""
    if (np.diff(np.sort(slots)) > 0).all():  # mostly: nobody is there twice
        yield np.arange(len(slots))
        return
    order = np.lexsort((*order_by, slots))
    slot = slots[order]
    first = np.r_[True, slot[1:] != slot[:-1]]
    starts = np.flatnonzero(first)
    rank = np.arange(len(slot)) - np.repeat(starts, np.diff(np.r_[starts, len(slot)]))
    for turn in range(int(rank.max()) + 1):
        yield order[rank == turn]
