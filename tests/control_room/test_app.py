"""The wall behind its guard: who has not signed in sees the sign-in page and nothing else."""

import asyncio
import json

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient
from starlette.websockets import WebSocketDisconnect

from control_room.guard import PUBLIC, Guard
from control_room.live import socket as live_socket
from haechi.domain.access import Principal
from haechi.domain.geo import Point
from haechi.errors import TransientError
from haechi.sealing import create_key
from tests.control_room.district import D, incident
from tests.control_room.live.test_world import NOW
from tests.control_room.stand_ins import Made


class Nobody:
    """Users, of whom there are none."""

    async def principal_of(self, _: str) -> None:
        return None

    async def principal_of_session(self, *_: str) -> None:
        return None


class Socket:
    """A browser's side of /live."""

    def __init__(self, app, path: str = "/live") -> None:
        self.scope = {
            "type": "websocket",
            "path": path,
            "headers": [(b"host", b"wall"), (b"origin", b"http://wall")],
            "query_string": b"",
            "scheme": "ws",
            "server": ("wall", 80),
            "client": ("127.0.0.1", 1),
            "subprotocols": [],
            "session": {},
        }
        self.to_app: asyncio.Queue = asyncio.Queue()
        self.from_app: asyncio.Queue = asyncio.Queue()
        self.to_app.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(self.scope, self.to_app.get, self.from_app.put))

    async def heard(self) -> dict:
        return await asyncio.wait_for(self.from_app.get(), 20)

    async def said(self) -> dict:
        message = await self.heard()
        return json.loads(message["text"]) if message.get("text") else message

    def say(self, text: str) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 20)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/_dash-layout",
        "/_dash-dependencies",
        "/_mcp",
        "/wall/map",
        "/wall/incidents/i2",
        f"/evidence/{'e' * 64}",
        "/assets/wall.js",
        "/assets/map.js",
        "/api/v1/incidents",
        "/anything",
    ],
)
async def test_nobody_who_is_not_signed_in_sees_more_than_the_sign_in_page(path: str) -> None:
    app = Guard(Made().app, Nobody(), create_key(), public_paths=PUBLIC)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://wall") as browser:
        page = await browser.get(path, headers={"accept": "text/html"})
        assert page.status_code in {303, 401}
        assert (await browser.get(path)).status_code == 401
        assert (await browser.post(path)).status_code in {401, 403}


@pytest.mark.parametrize("path", ["/live", "/_dash-ws-callback"])
async def test_a_socket_of_nobody_is_closed_with_4401(path: str) -> None:
    socket = Socket(Guard(Made().app, Nobody(), create_key()), path)
    assert (await socket.heard())["type"] == "websocket.accept"
    assert (await socket.heard())["code"] == 4401
    await socket.task


async def test_a_socket_is_greeted_then_told_everything_then_what_changes() -> None:
    wall = Made()
    hub = asyncio.create_task(wall.hub.run())
    socket = Socket(wall.app)
    assert (await socket.heard())["type"] == "websocket.accept"
    hello = await socket.said()
    assert (hello["type"], hello["name"], hello["districts"]) == ("hello", "Kim Bo-ram", [D])
    kinds = {(await socket.said())["type"] for _ in range(6)}
    assert {"queue", "map", "tiles", "strip", "beat"} <= kinds
    wall.world.put_incidents([incident(1, "sos", "p2", "-", "SOS pressed", 0, NOW)])
    while (message := await socket.said())["type"] != "queue":
        pass
    assert message["model"]["rows"][0]["id"] == "i1"
    await socket.leave()
    assert not wall.hub._watchers
    assert not wall.hub._stages
    hub.cancel()


@pytest.mark.parametrize("nonsense", [{"text": '{"type":"drop table"}'}, {"text": "[" * 10_000}, {"bytes": b"\xff"}])
async def test_a_browser_that_talks_nonsense_is_let_go(nonsense: dict[str, str | bytes]) -> None:
    wall = Made()
    socket = Socket(wall.app)
    socket.to_app.put_nowait({"type": "websocket.receive", **nonsense})
    while (await socket.heard())["type"] != "websocket.close":
        pass
    await asyncio.wait_for(socket.task, 20)
    assert not wall.hub._watchers


async def test_who_may_see_no_district_is_told_so() -> None:
    wall = Made(me=Principal("new", frozenset()))
    socket = Socket(wall.app)
    await socket.heard()
    assert (await socket.heard())["code"] == live_socket.NO_DISTRICT
    await socket.task


async def test_a_socket_ends_when_the_rights_behind_it_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "CHECK_S", 0.05)
    wall = Made()
    socket = Socket(wall.app)
    assert (await socket.heard())["type"] == "websocket.accept"
    wall.me = msgspec.structs.replace(wall.me, grants=frozenset())
    while (message := await socket.heard())["type"] != "websocket.close":
        pass
    assert message["code"] == 4401
    await asyncio.wait_for(socket.task, 20)


async def test_a_browser_that_takes_nothing_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "SEND_S", 0.05)
    wall = Made()
    stuck = asyncio.Event()
    sent = 0

    async def send(message: dict) -> None:
        nonlocal sent
        sent += 1
        if sent > 3:
            await stuck.wait()

    async def receive() -> dict:
        if sent == 0:
            return {"type": "websocket.connect"}
        await stuck.wait()
        raise WebSocketDisconnect

    await asyncio.wait_for(wall.app(Socket(_quiet).scope, receive, send), 20)
    assert wall.hub.dropped._value.get() == 1
    assert not wall.hub._watchers


async def _quiet(*_: object) -> None:
    return


async def shown(socket: Socket) -> dict:
    while (said := await socket.said()).get("type") != "map":
        pass
    return said["model"]


async def test_a_marker_of_a_person_is_written_down_once_for_each_pair_of_eyes_before_it_is_shown() -> None:
    wall = Made()
    wall.world.replace_incidents(await wall.store.recent(D))
    sockets = []
    for _ in range(2):  # the same operator at two desks, and again after a change
        sockets.append(Socket(wall.app))
        assert {mark["id"] for mark in (await shown(sockets[-1]))["marks"]} >= {"i1", "i2"}
        people = [(look.who, look.role, look.person, look.shown, look.why) for look in wall.audit.followed]
        assert people == [
            ("Kim Bo-ram", "operator", "p1", "incident 26110471", "an open incident"),
            ("Kim Bo-ram", "operator", "p2", "incident 26110472", "an open incident"),
        ], "people with a place, and neither cameras nor sensors, nor who has no place"
    wall.me = Principal("Lee", frozenset({("dispatcher", D)}))
    sockets.append(Socket(wall.app))
    await shown(sockets[-1])
    assert [(look.who, look.role) for look in wall.audit.followed[2:]] == [("Lee", "dispatcher")] * 2
    for one in sockets:
        await one.leave()


async def test_a_marker_that_appears_later_is_written_down_then() -> None:
    wall = Made("empty")
    socket = Socket(wall.app)
    await shown(socket)
    assert wall.audit.followed == []
    wall.world.put_incidents([incident(9, "sos", "p2", "-", "SOS pressed", 5, NOW, point=Point(126.92, 37.62))])
    wall.hub._tick()
    await shown(socket)
    assert [look.person for look in wall.audit.followed] == ["p2"]
    await socket.leave()


async def test_without_postgresql_the_wall_goes_on_and_the_look_is_written_down_later() -> None:
    wall = Made()
    wall.world.replace_incidents(await wall.store.recent(D))
    kept = wall.audit.follow

    async def away(*_: object) -> None:
        raise TransientError("PostgreSQL is away")

    wall.audit.follow = away
    socket = Socket(wall.app)
    assert (await shown(socket))["marks"]
    assert wall.audit.followed == []
    wall.audit.follow = kept
    wall.hub._beat_all()
    while not wall.audit.followed:
        await asyncio.sleep(0.01)
    await socket.leave()
