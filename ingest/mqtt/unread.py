"""What the duty desk is told of messages that nobody can read: one of them may be a call for help."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from haechi.domain import wire
from haechi.domain.own_alerts import unprocessed

WINDOW_S = 600.0
MOST = 20  # senders that are told apart within the window

STRANGERS = "-"  # all who are nobody's device, and those beyond `MOST`: garbage never floods the desk


class Unread:
    """One incident for each sender while it is open, and a line in it for each window in which it goes on."""

    def __init__(
        self,
        app: str,
        district: str,
        deliver: Callable[[bytes], Awaitable[None]],
        *,
        window_s: float = WINDOW_S,
        most: int = MOST,
    ) -> None:
        """`deliver` puts an alert into its topic, or the spool, before it returns."""
        self._app = app
        self._district = district
        self._deliver = deliver
        self._window_s = window_s
        self._most = most
        self._until = 0.0
        self._told: set[str] = set()
        self._telling = asyncio.Lock()

    async def tell(self, sender: str | None, topic: str, why: str, at: datetime, now: float) -> None:
        """Returns when the desk will hear of it, or has heard within the window. `sender` is a registered device's front,
        None for anybody else; `topic` is what may be told of it; `now` is monotonic, s. Raises Refused (503)."""
        async with self._telling:
            if now >= self._until:
                self._until = now + self._window_s
                self._told.clear()
            name = sender if sender in self._told or (sender and len(self._told) < self._most) else STRANGERS
            if name in self._told:
                return
            words = (
                f"A message on {topic} cannot be read: {why} It may be a call for help. "
                f"{'Others may have sent such messages too. ' if name == STRANGERS else ''}"
                "Reach whoever wears the device; then set the same encryption key in the app and in the registry "
                "(docs/connect-a-phone.md), or none. What is kept of it: `haechi dead-letters list`."
            )
            await self._deliver(wire.ALERT.encode(unprocessed(self._app, name, words, self._district, at)))
            self._told.add(name)
