"""Calls for help of devices that nobody registered: a flood from one place stays a few calls a minute."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from haechi.domain.people import UrgentCall
from ingest.refusal import overloaded

WINDOW_S = 60.0
MOST_CALLS = 10  # of different devices from one place, within the window: one network may hide many phones
MOST_SOURCES = 10_000

Accept = Callable[[UrgentCall], Awaitable[None]]


class _Window(msgspec.Struct):
    """The calls of one place since it opened, by device and kind, each done when it is accepted."""

    until: float
    calls: dict[tuple[str, str], "asyncio.Future[None]"] = msgspec.field(default_factory=dict)


class UnknownCallers:
    """A device's first call is accepted; its repeats within a minute join it and hear what it heard.

    So do those of further devices from a place that has made `MOST_CALLS` already. The duty desk has the place's
    incident by then; the next minute brings other calls, so that it sees that it goes on.
    """

    def __init__(self, accept: Accept, *, window_s: float = WINDOW_S, most: int = MOST_SOURCES) -> None:
        self._accept = accept
        self._window_s = window_s
        self._most = most
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def accept(self, call: UrgentCall, now: float) -> bool:
        """Returns when the call, or the one that it repeats, is accepted; False when it repeated. `now`: monotonic s.

        Raises Refused when it is not accepted.
        """
        calls = self._window(call.source or "", now).calls
        key = (call.device, call.kind)
        joined = calls.get(key) or (next(iter(calls.values())) if len(calls) >= MOST_CALLS else None)
        if joined is not None:
            await asyncio.shield(joined)
            return False
        accepted = calls[key] = asyncio.get_running_loop().create_future()
        try:
            await self._accept(call)
        except BaseException as error:
            del calls[key]  # the next one tries anew
            accepted.set_exception(error if isinstance(error, Exception) else overloaded("The call was not taken."))
            accepted.exception()  # seen: nobody may have joined it
            raise
        accepted.set_result(None)
        return True

    def _window(self, source: str, now: float) -> _Window:
        window = self._windows.get(source)
        if window is None or now >= window.until:
            self._windows.pop(source, None)
            window = self._windows[source] = _Window(now + self._window_s)
            if len(self._windows) > self._most:
                self._windows.popitem(last=False)
        return window
