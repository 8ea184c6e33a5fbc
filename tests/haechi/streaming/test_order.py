"""Every offset once and in order; over a consumer of ours, which hands out what a test wants, as Faust does around a
rebalance."""

import asyncio
from collections.abc import Mapping

import pytest
from faust.types import TP

from haechi.streaming.acks import Place
from haechi.streaming.order import Order

PLACE, OTHER = Place("one", 0), Place("one", 1)


class Consumer:
    """Knows what was committed and from where on something is kept; what is asked of the broker waits for `answer`."""

    def __init__(self) -> None:
        self._committed_offset: dict[TP, int] = {}
        self.oldest: dict[TP, int] = {}
        self.sought: list[tuple[TP, int]] = []
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.answer.set()

    async def earliest_offsets(self, place: TP) -> Mapping[TP, int]:
        self.asked.set()
        await self.answer.wait()
        return {place: self.oldest[place]} if place in self.oldest else {}

    async def seek(self, place: TP, offset: int) -> None:
        self.sought.append((place, offset))


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def order(consumer: Consumer) -> Order:
    return Order(lambda: consumer)


async def admitted(order: Order, *offsets: int, place: Place = PLACE) -> list[int]:
    """Those of them that are let in."""
    return [offset for offset in offsets if await order.admit(place, offset)]


async def test_what_is_handed_out_again_is_let_in_once(order: Order) -> None:
    assert await admitted(order, 0, 1, 0, 1, 2, 2) == [0, 1, 2]
    assert await admitted(order, 0, place=OTHER) == [0], "each partition for itself"


async def test_it_begins_with_what_was_committed_and_else_with_the_oldest_that_is_kept(
    order: Order, consumer: Consumer
) -> None:
    consumer.oldest = {TP(*PLACE): 3, TP(*OTHER): 3}
    consumer._committed_offset[TP(*PLACE)] = 7
    assert await admitted(order, 5, 6, 7, 8) == [7, 8]
    assert await admitted(order, 2, 3, 4, place=OTHER) == [3, 4]


async def test_nothing_behind_a_hole_is_let_in_before_it_was_read_again(order: Order, consumer: Consumer) -> None:
    assert await admitted(order, 0, 1, 4, 5) == [0, 1]
    await order.heal()
    assert consumer.sought == [(TP(*PLACE), 2)]
    assert await admitted(order, 2, 3, 4, 5) == [2, 3, 4, 5]
    await order.heal()
    assert len(consumer.sought) == 1, "it is closed"


async def test_what_comes_again_makes_no_hole(order: Order, consumer: Consumer) -> None:
    await admitted(order, 0, 1, 0)
    await order.heal()
    assert consumer.sought == []


async def test_behind_a_hole_that_is_older_than_all_that_is_kept_it_goes_on(order: Order, consumer: Consumer) -> None:
    await admitted(order, 0, 9)
    consumer.oldest[TP(*PLACE)] = 6
    await order.heal()
    assert consumer.sought == [(TP(*PLACE), 6)]
    assert await admitted(order, 6, 7) == [6, 7]


@pytest.mark.parametrize("handed_out", [False, True])
async def test_nobody_goes_back_in_a_partition_that_went_on_while_the_broker_was_asked(
    order: Order, consumer: Consumer, handed_out: bool
) -> None:
    await admitted(order, 0, 2)
    consumer.asked.clear()
    consumer.answer.clear()
    healing = asyncio.create_task(order.heal())
    await consumer.asked.wait()
    if handed_out:
        order.forget()
    else:
        await admitted(order, 1, 2)
    consumer.answer.set()
    await healing
    assert consumer.sought == []


async def test_a_message_of_a_partition_that_was_handed_out_anew_meanwhile_is_let_go(
    order: Order, consumer: Consumer
) -> None:
    """What is known of the partition by then is its new owner's beginning, not this one's."""
    consumer.answer.clear()
    admitting = asyncio.create_task(order.admit(PLACE, 0))
    await consumer.asked.wait()
    order.forget()
    consumer.answer.set()
    assert not await admitting
    consumer._committed_offset[TP(*PLACE)] = 5
    assert await admitted(order, 0, 5) == [5]


async def test_with_the_partitions_their_holes_are_forgotten(order: Order, consumer: Consumer) -> None:
    await admitted(order, 0, 2)
    order.forget()
    await order.heal()
    assert consumer.sought == []
