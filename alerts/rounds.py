"""What the dispatch does round after round. Any number of processes may: an alert has one id, whoever makes it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from haechi.errors import TransientError

log = structlog.get_logger(__name__)


async def rounds(name: str, every_s: float, once: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled. While a store is away it is said, and the round is tried again."""
    while True:
        try:
            await once()
        except TransientError as error:
            log.warning("rounds.away", round=name, reason=str(error))
        await asyncio.sleep(every_s)
