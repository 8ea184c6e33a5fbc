"""What is told to the broker of what is done."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from haechi.streaming import StreamMetrics
from haechi.streaming.acks import Acks, Place

PLACE, OTHER = Place("one", 0), Place("one", 1)


class Broker:
    """Takes positions, or refuses them."""

    def __init__(self) -> None:
        self.takes = True
        self.told: list[Mapping[Place, int]] = []

    async def commit(self, positions: Mapping[Place, int]) -> bool:
        self.told.append(positions)
        return self.takes


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def acks(broker: Broker) -> Acks:
    return Acks(broker.commit, StreamMetrics(CollectorRegistry()))


async def test_only_what_is_new_is_told(acks: Acks, broker: Broker) -> None:
    await acks.commit()
    acks.done(PLACE, 3, 3, "one")
    acks.done(OTHER, 1, 1, "one")
    await acks.commit()
    await acks.commit()
    acks.done(PLACE, 4, 1, "one")
    await acks.commit()
    assert broker.told == [{PLACE: 3, OTHER: 1}, {PLACE: 4}]
    assert acks.total == 5


async def test_what_was_refused_is_told_again(acks: Acks, broker: Broker) -> None:
    broker.takes = False
    acks.done(PLACE, 3, 3, "one")
    await acks.commit()
    broker.takes = True
    await acks.commit()
    await acks.commit()
    assert broker.told == [{PLACE: 3}, {PLACE: 3}]


async def test_nothing_is_acknowledged_backwards(acks: Acks) -> None:
    acks.done(PLACE, 3, 3, "one")
    with pytest.raises(AssertionError, match="backwards: 2 after 3"):
        acks.done(PLACE, 2, 1, "one")
    assert acks.position(PLACE) == 3


async def test_of_partitions_that_are_handed_out_anew_nothing_is_known(acks: Acks, broker: Broker) -> None:
    acks.done(PLACE, 3, 3, "one")
    await acks.commit()
    acks.forget()
    assert acks.position(PLACE) is None
    acks.done(PLACE, 2, 1, "one")  # another owner had begun at an older position
    await acks.commit()
    acks.forget()
    acks.done(PLACE, 2, 1, "one")
    await acks.commit()
    assert broker.told == [{PLACE: 3}, {PLACE: 2}, {PLACE: 2}]


async def test_commits_stand_in_line(broker: Broker) -> None:
    """An older one that arrives after a newer one would take back what that had told."""
    slow, told = asyncio.Event(), list[int]()

    async def commit(positions: Mapping[Place, int]) -> bool:
        if positions[PLACE] == 1:
            await slow.wait()
        told.append(positions[PLACE])
        return True

    acks = Acks(commit, StreamMetrics(CollectorRegistry()))
    acks.done(PLACE, 1, 1, "one")
    first = asyncio.create_task(acks.commit())
    await asyncio.sleep(0)
    acks.done(PLACE, 2, 1, "one")
    second = asyncio.create_task(acks.commit())
    await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(first, second)
    assert told == [1, 2]
