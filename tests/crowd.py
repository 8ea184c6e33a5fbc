"""A limit of time is one on a machine of our own; where many want to run, everything takes that much longer."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

CORES = len(os.sched_getaffinity(0))


class Patience:
    """So many seconds, stretched by how many want each core: what hangs is found out, what is only slow is not."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left = seconds
        self._looked = time.monotonic()

    def over(self) -> bool:
        """Whether they are used up; to be asked again and again."""
        now = time.monotonic()
        self._left -= (now - self._looked) / max(1.0, os.getloadavg()[0] / CORES)
        self._looked = now
        return self._left <= 0

    async def until(self, once: Callable[[], Awaitable[object]], *, every_s: float = 0.2) -> object:
        """Again until it gives something true; TimeoutError when the patience is over."""
        while not (answer := await once()):
            if self.over():
                raise TimeoutError(f"not within {self._seconds:g} s of a machine of our own")
            await asyncio.sleep(every_s)
        return answer
