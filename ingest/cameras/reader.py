"""Reads one camera in a thread of its own, hands over the newest picture, and opens it again when it goes."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from haechi.errors import HaechiError
from ingest.cameras.pictures import Picture, Source

log = structlog.get_logger(__name__)

BACK_OFF_S = (1, 2, 5, 10, 30)
STEADY_S = 60.0  # only so long a success starts the back-off anew
STALLED_S = 3.0

State = Literal["live", "stalled", "unreachable"]


class Health(msgspec.Struct, frozen=True):
    """How the camera fares, and why in words."""

    state: State
    why: str = ""


class Reader:
    """`start`, then `newest` for ever, then `stop`. Pictures that nobody took in time are replaced and counted."""

    def __init__(self, name: str, open_: Callable[[], Source], every_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._name = name
        self._open = open_
        self._every_s = every_s
        self._loop = loop
        self._slot: Picture | None = None
        self._came = asyncio.Event()
        self._stopped = threading.Event()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)
        self._failure = "not opened yet"
        self._last_at: float | None = None
        self.epoch = time.time_ns() // 1000
        self.replaced = 0
        self.reconnects = 0

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    async def newest(self) -> Picture:
        """The newest picture not yet taken; waits for one."""
        await self._came.wait()
        self._came.clear()
        picture, self._slot = self._slot, None
        assert picture is not None  # set before `_came`, on this loop
        return picture

    def health(self, now: float) -> Health:
        """By `time.monotonic()`: live while pictures come."""
        if self._last_at is None:
            return Health("unreachable", self._failure)
        age = now - self._last_at
        if age <= STALLED_S:
            return Health("live")
        if self._failure:
            return Health("unreachable", self._failure)
        return Health("stalled", f"no picture for {age:.0f} s")

    async def stop(self) -> None:
        """The thread ends within its read's time-out."""
        self._stopped.set()
        if self._source is not None:
            self._source.stop()
        await asyncio.to_thread(self._thread.join, 6.0)

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._source = self._open()
                for picture in self._source.pictures(self._every_s):
                    self._failure, self._last_at = "", time.monotonic()
                    self._loop.call_soon_threadsafe(self._offer, picture)
                    if self._stopped.is_set():
                        return
            except HaechiError as error:
                self._failure = str(error)
            except Exception as error:  # a decoder's unforeseen failure must not end the camera for good
                log.warning("camera.failed", camera=self._name, exc_info=True)
                self._failure = f"unexpected: {error!r}"
            if self._stopped.is_set():
                return
            failures = 0 if time.monotonic() - began > STEADY_S else failures + 1
            self.reconnects += 1
            self.epoch = time.time_ns() // 1000
            wait = BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1] if failures else BACK_OFF_S[0]
            log.info("camera.lost", camera=self._name, why=self._failure, again_in_s=wait)
            self._stopped.wait(wait)

    def _offer(self, picture: Picture) -> None:
        if self._slot is not None:
            self.replaced += 1
        self._slot = picture
        self._came.set()
