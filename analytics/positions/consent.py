"""Positions of people whose consent was withdrawn or paused after the gateway had accepted them: not looked at, not kept."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np

from haechi.domain.people import PositionBatch
from haechi.domain.time import instant_of


class Consents(Protocol):
    """The part of `haechi.store.slices.CustodySlice` that is used here."""

    @property
    def refusals(self) -> int:
        """Another number means that somebody refuses who did not."""

    def refusing(self, persons: Iterable[str], at: datetime) -> frozenset[str]:
        """Those of them whose positions must not be processed at the instant."""


def covered(batch: PositionBatch, consents: Consents) -> PositionBatch:
    """The batch without the rows of those who refuse; mostly the batch itself."""
    if not len(batch):
        return batch
    refusing = consents.refusing(batch.persons, instant_of(batch.received.max()))
    return without(batch, refusing) if refusing else batch


def without(batch: PositionBatch, persons: Collection[str]) -> PositionBatch:
    """The batch without the rows of these people; its tables of ids stay as they are."""
    kept = ~np.array([person in persons for person in batch.persons], dtype=bool)[batch.person]
    columns = {
        name: column[kept] for name in batch.__struct_fields__ if isinstance(column := getattr(batch, name), np.ndarray)
    }
    return msgspec.structs.replace(batch, **columns)


class NobodyRefuses:
    """`Consents` where there is no ledger: a benchmark or a simulation, whose people are made up."""

    refusals = 0

    def refusing(self, _persons: Iterable[str], _at: datetime) -> frozenset[str]:
        return frozenset()
