"""An erasure that waits too long for open incidents: the desk is told while there is time to close them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from haechi.domain.alerting import Alert
from haechi.domain.erasure import Waiting, waits
from haechi.errors import TransientError

log = structlog.get_logger(__name__)

ROUND_S = 60.0


class Erasures(Protocol):
    """What is asked of `haechi.store.erasures.Erasures`."""

    async def waiting_long(self) -> Sequence[Waiting]: ...


class ErasureRounds:
    """Any number of processes may do them: the alert of an erasure has one id, so it is told once."""

    def __init__(self, erasures: Erasures, apply: Callable[[Alert], Awaitable[object]]) -> None:
        self._erasures = erasures
        self._apply = apply

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
            except TransientError as error:
                log.warning("erasure_waits.away", reason=str(error))
            await asyncio.sleep(ROUND_S)

    async def once(self) -> None:
        """Raise for those that wait; clear for those that were told of and have begun."""
        for one in await self._erasures.waiting_long():
            await self._apply(waits(one))
