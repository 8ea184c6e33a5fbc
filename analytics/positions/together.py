"""Several messages as one: a step costs little more for a thousand positions than for one."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick

Numbered = tuple[int, PositionBatch | Tick | Missed]


def steps(
    messages: Sequence[Numbered], passes: Callable[[Tick], bool]
) -> Iterator[Sequence[tuple[int, PositionBatch]] | tuple[int, Tick | Missed]]:
    """The messages with their offsets, in their order: batches that follow each other and are about different people
    are one step, because nobody's step depends on another's. Anything else is alone; a tick that `passes`, which is asked
    when all before the step has been applied, comes after the batches that it stood between."""
    together: list[tuple[int, PositionBatch]] = []
    passed: list[tuple[int, Tick]] = []
    people: set[str] = set()
    for offset, message in messages:
        if together and isinstance(message, Tick) and passes(message):
            passed.append((offset, message))
            continue
        if together and (not isinstance(message, PositionBatch) or not people.isdisjoint(message.persons)):
            yield together
            yield from passed
            together, passed, people = [], [], set()
        if not isinstance(message, PositionBatch):
            yield offset, message
        else:
            together.append((offset, message))
            people.update(message.persons)
    if together:
        yield together
        yield from passed


def joined(batches: Sequence[PositionBatch]) -> PositionBatch:
    """One batch with the rows of all, in their order."""
    if len(batches) == 1:
        return batches[0]
    columns = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("shard", "at", "received", "lon", "lat", "accuracy", "speed", "course", "battery")
    }
    first_device = np.cumsum([0, *(len(batch.devices) for batch in batches[:-1])], dtype=np.int32)
    first_person = np.cumsum([0, *(len(batch.persons) for batch in batches[:-1])], dtype=np.int32)
    return PositionBatch(
        devices=tuple(chain.from_iterable(batch.devices for batch in batches)),
        persons=tuple(chain.from_iterable(batch.persons for batch in batches)),
        device=np.concatenate([batch.device + first for batch, first in zip(batches, first_device, strict=True)]),
        person=np.concatenate([batch.person + first for batch, first in zip(batches, first_person, strict=True)]),
        **columns,
    )
