"""Bulkheads and breakers: an endpoint that is ill may only hold up itself."""

import asyncio
from collections import Counter
from collections.abc import Callable

from alerts import breaker
from alerts.breaker import Breaker, Mode

AT_ONCE = 16  # attempts under way to one endpoint
ENOUGH = 300  # deliveries in hand for one endpoint: no more are leased for it ...
QUEUE = 600  # ... and those beyond this go back to the outbox
REMEMBERED = 10_000  # endpoints; the longest unused are forgotten


class Endpoint:
    """What fails together. `ask` before an attempt, `report` or `broken_off` after it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0
        self.host = ""  # as it is written in the addresses
        self.left_out = False
        self.breaker = Breaker()
        self._monotonic = monotonic

    @property
    def idle(self) -> bool:
        """Nothing is under way or waiting, and nothing is to be remembered."""
        return not self.waiting and self.breaker == Breaker()

    @property
    def busy(self) -> bool:
        """Whether it has enough to do, or its breaker would refuse."""
        refuses = self.breaker.mode is Mode.OPEN and self._monotonic() < self.breaker.until
        return refuses or self.breaker.mode is Mode.HALF_OPEN or self.waiting >= ENOUGH

    @property
    def able_again(self) -> bool:
        """It was left out of the last lease, and could take more now."""
        return self.left_out and not self.busy and self.waiting <= ENOUGH // 2

    def ask(self) -> float:
        """Seconds to wait for the breaker instead of starting; 0: start, and then say for certain how it ended."""
        self.breaker, wait_s = breaker.admit(self.breaker, self._monotonic())
        return wait_s

    def report(self, *, ill: bool) -> None:
        """How an attempt ended."""
        now = self._monotonic()
        self.breaker = breaker.failed(self.breaker, now) if ill else breaker.succeeded(self.breaker)

    def broken_off(self) -> None:
        """We ended an attempt ourselves."""
        self.breaker = breaker.broken_off(self.breaker, self._monotonic())


class Endpoints:
    """The endpoints by name, bounded."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, Endpoint] = {}

    def of(self, name: str, address: str) -> Endpoint:
        """The endpoint of a name, to be reached at an address; the same one while anything is under way to it."""
        found = self._known.pop(name, None) or Endpoint(self._monotonic)
        found.host = address.partition("://")[2].partition("/")[0]
        self._known[name] = found  # at the end: the front holds the longest unused
        if len(self._known) > REMEMBERED:
            forgotten = next((name for name, endpoint in self._known.items() if endpoint.idle), None)
            if forgotten is not None:
                del self._known[forgotten]
        return found

    def leave_out(self) -> list[str]:
        """The hosts that have enough to do, to be left out of the next lease."""
        for endpoint in self._known.values():
            endpoint.left_out = endpoint.busy
        return [endpoint.host for endpoint in self._known.values() if endpoint.left_out and endpoint.host]

    def modes(self) -> dict[Mode, int]:
        """How many endpoints are in each mode."""
        counted = Counter(endpoint.breaker.mode for endpoint in self._known.values())
        return {mode: counted[mode] for mode in Mode}
