"""One browser's socket: checked on arrival and each minute after, dropped when it cannot keep up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from control_room.live import messages
from control_room.live.hub import Hub, Watcher
from control_room.live.view import audience_of
from haechi.clock import Clock
from haechi.domain.access import RIGHTS, Principal
from haechi.domain.incidents import Incident
from haechi.errors import TransientError
from haechi.patience import within

SEND_S = 5.0
WRITE_S = 1.0
CHECK_S = 60.0
NOT_SIGNED_IN = 4401
NO_DISTRICT = 4403

Who = Callable[[Scope], Principal]
WhoNow = Callable[[Scope], Awaitable[Principal | None]]
Follows = Callable[[Principal, Sequence[Incident]], Awaitable[None]]
_log = structlog.get_logger(__name__)


class LiveSocket:
    """The endpoint of `/live`. `who` is whom the guard let in, `who_now` asks again."""

    def __init__(self, hub: Hub, who: Who, who_now: WhoNow, follows: Follows, timezone: str, clock: Clock) -> None:
        self._hub = hub
        self._follows = follows
        self._who = who
        self._who_now = who_now
        self._timezone = timezone
        self._clock = clock

    async def __call__(self, websocket: WebSocket) -> None:
        """Until the browser leaves, its rights end, or it is too slow."""
        principal = self._who(websocket.scope)
        districts = principal.districts("read incidents")
        await websocket.accept()  # a refusal before it reaches the page without its code
        if not districts:
            await websocket.close(NO_DISTRICT, "no district's incidents may be read")
            return
        rights = tuple(sorted({right for role, _ in principal.grants for right in RIGHTS[role]}))
        hello = messages.Hello(principal.name, districts, rights, self._timezone, self._clock())
        await websocket.send_text(messages.encode(hello).decode())
        watcher = self._hub.join(audience_of(principal, districts))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(websocket, watcher, principal))
                tasks.create_task(self._receive(websocket, watcher))
                tasks.create_task(self._check(websocket, principal))
        except* (WebSocketDisconnect, _Ended):
            pass
        finally:
            self._hub.leave(watcher)

    async def _send(self, websocket: WebSocket, watcher: Watcher, principal: Principal) -> None:
        while True:
            texts, pictures = await watcher.take()
            await self._write_down(watcher, principal)
            try:
                async with asyncio.timeout(SEND_S):
                    for text in texts:
                        await websocket.send_text(text.decode())
                    for picture in pictures:
                        await websocket.send_bytes(picture)
            except TimeoutError:
                self._hub.dropped.inc()
                raise _Ended from None
            except RuntimeError as error:  # Starlette's word for "closed in between"
                raise _Ended from error

    async def _write_down(self, watcher: Watcher, principal: Principal) -> None:
        """Whose place comes in sight, before it does. Without PostgreSQL the wall goes on; each beat tries again."""
        try:
            await within(WRITE_S, self._follows(principal, self._hub.in_sight(watcher)))
        except (TransientError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            _log.warning("a look at a place is not written down yet", who=principal.name, error=why)

    async def _receive(self, websocket: WebSocket, watcher: Watcher) -> None:
        while True:
            try:
                self._hub.look_at(watcher, messages.decode_tiles(await websocket.receive_text()))
            except (msgspec.DecodeError, KeyError):  # KeyError: Starlette's word for no text at all
                await websocket.close(1008, "not a message of this wall")
                raise _Ended from None

    async def _check(self, websocket: WebSocket, principal: Principal) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            if await self._who_now(websocket.scope) != principal:
                await websocket.close(NOT_SIGNED_IN)
                raise _Ended


class _Ended(Exception):  # noqa: N818 - an end, not an error
    """The socket is over."""
