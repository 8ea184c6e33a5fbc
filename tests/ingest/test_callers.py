"""A flood of calls from one place stays a few calls a minute, and nobody is told something that does not hold."""

import asyncio
from datetime import UTC, datetime

import pytest

from haechi.domain.people import UrgentCall
from ingest.callers import MOST_CALLS, UnknownCallers
from ingest.refusal import Refused, overloaded

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def call(n: int, source: str = "192.0.2.7", kind="sos", device: str = "d") -> UrgentCall:
    return UrgentCall(str(n), kind, device, None, "haneul", NOW, NOW, source=source)


class Taken:
    """Where accepted calls go; `refuse` refuses, `gate` holds them up."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refuse = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, call: UrgentCall) -> None:
        await self.gate.wait()
        if self.refuse:
            raise overloaded("full")
        self.calls.append(call.id)


async def test_repeats_of_a_minute_join_the_first_and_the_next_minute_brings_another() -> None:
    taken = Taken()
    callers = UnknownCallers(taken, window_s=60)
    assert [await callers.accept(call(n), now=float(n)) for n in range(100)] == [n in (0, 60) for n in range(100)]
    assert taken.calls == ["0", "60"]


async def test_other_places_devices_and_kinds_are_calls_of_their_own() -> None:
    taken = Taken()
    callers = UnknownCallers(taken)
    calls = [call(1), call(2, "192.0.2.8"), call(3, kind="cancel"), call(4, device="another"), call(5)]
    assert [await callers.accept(one, 0.0) for one in calls] == [True, True, True, True, False]


async def test_devices_without_number_from_one_place_are_a_few_calls() -> None:
    taken = Taken()
    callers = UnknownCallers(taken)
    for n in range(500):
        await callers.accept(call(n, device=f"device {n}"), 0.0)
    assert taken.calls == [str(n) for n in range(MOST_CALLS)]
    assert await callers.accept(call(500, "192.0.2.8"), 0.0)


async def test_a_repeat_is_answered_only_when_the_first_is_accepted() -> None:
    taken = Taken()
    taken.gate.clear()
    callers = UnknownCallers(taken)
    first, second = (asyncio.create_task(callers.accept(call(n), 0.0)) for n in (1, 2))
    await asyncio.sleep(0.01)
    assert not first.done()
    assert not second.done()
    taken.gate.set()
    assert [await first, await second] == [True, False]


async def test_after_a_refusal_the_next_call_is_tried_anew() -> None:
    taken = Taken()
    taken.refuse = True
    callers = UnknownCallers(taken)
    both = await asyncio.gather(*(callers.accept(call(n), 0.0) for n in (1, 2)), return_exceptions=True)
    assert all(isinstance(one, Refused) for one in both)
    taken.refuse = False
    assert await callers.accept(call(3), 1.0)
    assert taken.calls == ["3"]


async def test_a_sender_that_hangs_up_takes_nobody_else_with_it() -> None:
    taken = Taken()
    taken.gate.clear()
    callers = UnknownCallers(taken)
    first = asyncio.create_task(callers.accept(call(1), 0.0))
    await asyncio.sleep(0)
    second = asyncio.create_task(callers.accept(call(2), 0.0))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(Refused):
        await second
    taken.gate.set()
    assert await callers.accept(call(3), 0.0)


async def test_only_so_many_places_are_remembered() -> None:
    callers = UnknownCallers(Taken(), most=10)
    for n in range(100):
        assert await callers.accept(call(n, f"192.0.2.{n}"), 0.0)
    assert len(callers._windows) == 10
