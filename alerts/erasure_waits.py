"""An erasure that waits too long for open incidents: the desk is told while there is time to close them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from haechi.domain.alerting import Alert
from haechi.domain.erasure import Waiting, waits


class Erasures(Protocol):
    """What is asked of `haechi.store.erasures.Erasures`."""

    async def waiting_long(self) -> Sequence[Waiting]: ...


class ErasureRounds:
    """The alert of an erasure has one id, so it is told once."""

    def __init__(self, erasures: Erasures, apply: Callable[[Alert], Awaitable[object]]) -> None:
        self._erasures = erasures
        self._apply = apply

    async def once(self) -> None:
        """Raise for those that wait; clear for those that were told of and have begun."""
        for one in await self._erasures.waiting_long():
            await self._apply(waits(one))
