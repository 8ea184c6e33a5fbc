"""Calls for help of devices that nobody registered: a flood from one place stays one call a minute."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network

from haechi.domain.people import UrgentCall
from ingest.refusal import overloaded

WINDOW_S = 60.0
MOST_SOURCES = 10_000
_IPV6_SITE = 64  # bits; the rest of an address is the sender's to choose

Accept = Callable[[UrgentCall], Awaitable[None]]


def source_of(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 network, or whatever else a door calls its sender."""
    try:
        if ip_address(address).version == 6:
            return str(ip_network((address, _IPV6_SITE), strict=False))
    except ValueError:
        pass
    return address


class UnknownCallers:
    """The first call of a source and kind is accepted; those of the next minute join it and hear what it heard.

    The duty desk has the source's incident by then; the next minute brings another call, so that it sees that it goes on.
    """

    def __init__(self, accept: Accept, *, window_s: float = WINDOW_S, most: int = MOST_SOURCES) -> None:
        self._accept = accept
        self._window_s = window_s
        self._most = most
        self._first: OrderedDict[tuple[str, str], tuple[float, asyncio.Future[None]]] = OrderedDict()

    async def accept(self, call: UrgentCall, now: float) -> bool:
        """Returns when the call, or the one that it repeats, is accepted; False when it repeated. `now`: monotonic s.

        Raises Refused when it is not accepted.
        """
        key = (call.source or "", call.kind)
        until, accepted = self._first.get(key, (now, None))
        if accepted is not None and now < until:
            await asyncio.shield(accepted)
            return False
        self._first.pop(key, None)
        accepted = asyncio.get_running_loop().create_future()
        self._first[key] = (now + self._window_s, accepted)
        if len(self._first) > self._most:
            self._first.popitem(last=False)
        try:
            await self._accept(call)
        except BaseException as error:
            if self._first.get(key, (now, None))[1] is accepted:
                del self._first[key]  # the next one tries anew
            accepted.set_exception(error if isinstance(error, Exception) else overloaded("The call was not taken."))
            accepted.exception()  # seen: nobody may have joined it
            raise
        accepted.set_result(None)
        return True
