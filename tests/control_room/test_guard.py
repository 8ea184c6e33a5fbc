import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Scope
from starlette.websockets import WebSocket, WebSocketDisconnect
from structlog.testing import capture_logs

from control_room import guard
from control_room.guard import BODY_BYTES, PUBLIC, Guard, principal_of, session_key
from control_room.sign_in import MOST_AT_ONCE, Limiter, local_path, make_routes
from haechi.domain.access import Principal
from haechi.errors import HaechiError, TransientError
from haechi.sealing import create_key
from haechi.store.audit import Audit
from haechi.store.postgres import Pool
from haechi.store.users import Users
from tests.haechi.store.conftest import DISTRICT, pool

__all__ = ["pool"]

PASSWORD = "correct horse battery"
PAGE = {"accept": "text/html,application/xhtml+xml"}
OURS = {"origin": "http://wall.test"}


class House:
    """A small application behind the guard, with clocks that a test can turn."""

    def __init__(self, pool: Pool) -> None:
        self.users = Users(pool, PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
        self.audit = Audit(pool)
        self.now = datetime(2026, 11, 22, 9, tzinfo=UTC)
        self.seconds = 1000.0
        routes = [
            *make_routes(self.users, self.audit, clock=lambda: self.now, monotonic=lambda: self.seconds),
            Route("/", whoami, methods=["GET", "POST"]),
            Route("/api/v1/x", whoami, methods=["GET", "POST"]),
            Route("/assets/wall.css", lambda _: Response("css")),
            WebSocketRoute("/live", live),
        ]
        self.guard = Guard(
            Starlette(routes=routes),
            self.users,
            create_key(),
            public_paths=(*PUBLIC, "/assets/"),
            clock=lambda: self.now,
            monotonic=lambda: self.seconds,
        )
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(self.guard), base_url="http://wall.test")

    async def sign_in(self, password: str = PASSWORD, target: str = "", **headers: str) -> httpx.Response:
        form = {"name": "kim", "password": password, "next": target}
        return await self.browser.post("/sign-in", data=form, headers=OURS | headers)

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.now += timedelta(seconds=seconds)


async def whoami(request: Request) -> Response:
    return JSONResponse({"name": principal_of(request.scope).name, "bytes": len(await request.body())})


async def live(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(await websocket.receive_text())


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    made = House(pool)
    await made.users.add_user("kim", PASSWORD, [("operator", DISTRICT)])
    yield made
    await made.browser.aclose()


async def test_a_page_sends_whom_it_does_not_know_to_the_sign_in_and_back(house: House) -> None:
    answer = await house.browser.get("/?incident=7", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F%3Fincident%3D7")
    signed_in = await house.sign_in(target="/?incident=7")
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/?incident=7")
    assert (await house.browser.get("/", headers=PAGE)).json()["name"] == "kim"


@pytest.mark.parametrize(("path", "headers"), [("/api/v1/x", PAGE), ("/api/v1/x", {}), ("/", {})])
async def test_a_program_is_answered_401_in_words(house: House, path: str, headers: dict[str, str]) -> None:
    answer = await house.browser.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


async def test_public_paths_are_open_and_only_they(house: House) -> None:
    assert (await house.browser.get("/assets/wall.css")).status_code == 200
    for path in ("/assets", "/sign-in/x", "/assets/../", "//assets/wall.css"):
        assert (await house.browser.get(path)).status_code == 401


async def test_the_cookie_is_signed_and_not_for_scripts(house: House) -> None:
    answer = await house.sign_in()
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("haechi=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    value = house.browser.cookies["haechi"]
    house.browser.cookies.clear()
    altered = (
        f"{value[:-2]}{'A' if value[-2] != 'A' else 'B'}{value[-1]}"  # not the last, of which not every bit counts
    )
    for forged in (altered, "", "null", value.split(".")[0]):
        answer = await house.browser.get("/", headers={"cookie": f"haechi={forged}"})
        assert answer.status_code == 401, forged


async def test_a_session_ends_by_sign_out_by_time_and_with_the_password(house: House) -> None:
    async def inside() -> bool:
        return (await house.browser.get("/")).status_code == 200

    await house.sign_in()
    assert await inside()
    await house.browser.post("/sign-out", headers=OURS)
    assert not await inside()
    await house.sign_in()
    house.pass_time(11 * 3600)
    assert await inside()
    house.pass_time(3601)
    assert not await inside()
    await house.sign_in()
    assert await inside()
    await house.users.set_password("kim", "another long password")
    house.pass_time(5)
    assert not await inside()


async def test_a_copy_of_the_cookie_opens_nothing_after_the_sign_out_and_another_session_stays(house: House) -> None:
    copies = []
    for _ in range(2):
        await house.sign_in()
        copies.append(house.browser.cookies["haechi"])
    assert (await house.browser.post("/sign-out", headers=OURS)).status_code == 303
    house.browser.cookies.clear()
    house.pass_time(5)
    opened = [(await house.browser.get("/", headers={"cookie": f"haechi={copy}"})).status_code for copy in copies]
    assert opened == [200, 401]


async def test_a_disabled_user_is_out_within_seconds(house: House) -> None:
    await house.sign_in()
    assert (await house.browser.get("/")).status_code == 200
    await house.users.disable("kim")
    house.pass_time(5)
    assert (await house.browser.get("/")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://wall.test"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://wall.test.evil.example"}, 403),
        ({"origin": "http://wall.test:81"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://wall.test"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_what_changes_something_by_cookie_must_come_from_our_own_pages(
    house: House, headers: dict[str, str], status: int
) -> None:
    await house.sign_in()
    assert (await house.browser.post("/", headers=headers)).status_code == status
    assert (await house.browser.get("/", headers=headers)).status_code == 200


async def test_a_bearer_token_needs_no_page(house: House) -> None:
    token = await house.users.add_token("dispatch", "dispatcher", DISTRICT)
    headers = {"authorization": f"bearer {token}", "origin": "https://elsewhere.example"}
    assert (await house.browser.post("/api/v1/x", headers=headers)).json()["name"] == "token dispatch"
    for wrong in ("Bearer wrong", "Bearer ", f"Basic {token}", token):
        answer = await house.browser.get("/api/v1/x", headers={"authorization": wrong})
        assert answer.status_code == 401


async def test_a_wrong_token_beside_a_good_cookie_is_a_wrong_token(house: House) -> None:
    await house.sign_in()
    answer = await house.browser.post("/", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401


async def test_another_site_signs_nobody_in(house: House) -> None:
    answer = await house.browser.post(
        "/sign-in", data={"name": "kim", "password": PASSWORD}, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_wrong_sign_in_tells_nothing_and_is_in_the_audit(house: House, pool: Pool) -> None:
    answer = await house.sign_in("wrong password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?failed=1")
    assert "set-cookie" not in answer.headers
    await house.sign_in()
    rows = await pool.fetch("SELECT what, district FROM audit WHERE subject = 'user:kim' ORDER BY id")
    assert [tuple(row) for row in rows] == [("failed to sign in", None), ("signed in", DISTRICT)]


async def test_after_five_wrong_passwords_even_the_right_one_waits(house: House) -> None:
    for _ in range(5):
        assert (await house.sign_in("wrong password")).headers["location"] == "/sign-in?failed=1"
    assert (await house.sign_in()).headers["location"] == "/sign-in?wait=30"
    house.pass_time(31)
    assert (await house.sign_in()).headers["location"] == "/"


async def _wrong_from(house: House, address: str) -> str:
    """Where a wrong password sends whoever comes from there."""
    transport = httpx.ASGITransport(house.guard, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://wall.test") as browser:
        form = {"name": "kim", "password": "wrong password"}
        return (await browser.post("/sign-in", data=form, headers=OURS)).headers["location"]


async def test_whoever_has_an_ipv6_network_has_no_more_tries_than_one_address(house: House) -> None:
    answers = [await _wrong_from(house, f"2001:db8:1:2::{n}") for n in range(6)]
    assert answers == ["/sign-in?failed=1"] * 5 + ["/sign-in?wait=30"]


async def test_in_a_crowd_of_forged_sign_ins_nobody_waits_long_for_an_answer(house: House) -> None:
    free, looked_at = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(_: str, __: str) -> None:
        looked_at.release()
        await free.wait()

    house.users.sign_in = slow  # type: ignore[method-assign]  # as if a hash took many seconds
    crowd = [asyncio.create_task(_wrong_from(house, f"192.0.2.{n}")) for n in range(MOST_AT_ONCE)]
    for _ in crowd:
        await looked_at.acquire()
    assert await _wrong_from(house, "198.51.100.1") == "/sign-in?wait=2"
    free.set()
    assert await asyncio.gather(*crowd) == ["/sign-in?failed=1"] * MOST_AT_ONCE
    assert await _wrong_from(house, "198.51.100.1") == "/sign-in?failed=1"


async def test_a_proxy_that_nobody_named_is_named_where_all_its_users_wait(house: House) -> None:
    with capture_logs() as log:
        for _ in range(6):
            await house.sign_in("wrong password", **{"x-forwarded-for": "203.0.113.9"})
    said = [line for line in log if line["event"] == "sign_in.proxy_not_trusted"]
    assert len(said) == 1
    assert "HAECHI_TRUSTED_PROXIES" in said[0]["do"]


async def test_right_passwords_cost_nothing(house: House) -> None:
    for _ in range(40):
        assert (await house.sign_in()).headers["location"] == "/"


async def test_a_body_too_large_is_refused_announced_or_not(house: House) -> None:
    token = await house.users.add_token("t", "operator", DISTRICT)
    headers = {"authorization": f"Bearer {token}"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (BODY_BYTES // 2)

    announced = await house.browser.post("/api/v1/x", headers=headers, content=b"x" * (BODY_BYTES + 1))
    streamed = await house.browser.post("/api/v1/x", headers=headers, content=endless())
    assert (announced.status_code, streamed.status_code) == (413, 413)
    fits = await house.browser.post("/api/v1/x", headers=headers, content=b"x" * BODY_BYTES)
    assert fits.json()["bytes"] == BODY_BYTES
    odd = await house.browser.post("/api/v1/x", headers=headers | {"content-length": "many"}, content=b"")
    assert odd.status_code == 400


async def test_while_postgresql_is_away_the_signed_in_stay_for_a_minute(house: House) -> None:
    await house.sign_in()
    assert (await house.browser.get("/")).status_code == 200

    async def away(*_: str) -> Principal:
        raise TransientError("PostgreSQL is away")

    house.users.principal_of_session = away
    house.users.principal_of = away
    house.pass_time(30)
    assert (await house.browser.get("/")).status_code == 200
    house.pass_time(40)
    assert (await house.browser.get("/")).status_code == 503
    assert (await house.browser.get("/", headers={"authorization": "Bearer x"})).status_code == 503


class Socket:
    """A websocket connection, as a server would hold it."""

    def __init__(self, house: House, **headers: str) -> None:
        self._guard = house.guard
        cookie = f"haechi={house.browser.cookies['haechi']}" if house.browser.cookies else ""
        told = {"host": "wall.test", "cookie": cookie} | headers
        self.scope: Scope = {
            "type": "websocket", "path": "/live", "query_string": b"", "subprotocols": [], "scheme": "ws",
            "headers": [(name.encode(), value.encode()) for name, value in told.items() if value],
        }  # fmt: skip

    async def play(self, *texts: str, before: Callable[[str], None] = lambda _: None) -> list[Message]:
        """Sends the texts one after the other; what came back."""
        incoming: list[Message] = [{"type": "websocket.connect"}]
        incoming += [{"type": "websocket.receive", "text": text} for text in texts]
        incoming += [{"type": "websocket.disconnect", "code": 1000}]
        sent: list[Message] = []

        async def receive() -> Message:
            message = incoming.pop(0)
            before(message.get("text", ""))
            return message

        async def send(message: Message) -> None:
            sent.append(message)

        await self._guard(self.scope, receive, send)
        return sent


async def test_a_websocket_of_nobody_is_closed_with_4401(house: House) -> None:
    accepted, closed = await Socket(house).play("hello")
    assert accepted["type"] == "websocket.accept"
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_a_websocket_of_a_signed_in_user_opens_and_another_sites_does_not(house: House) -> None:
    await house.sign_in()
    accepted, echo = await Socket(house, origin="http://wall.test").play("hello")
    assert (accepted["type"], echo["text"]) == ("websocket.accept", "hello")
    assert (await Socket(house, origin="https://evil.example").play("hello"))[-1]["code"] == 4403


async def test_a_websocket_ends_when_its_user_is_disabled(house: House, pool: Pool) -> None:
    await house.sign_in()

    def before(text: str) -> None:
        if text == "later":
            house.pass_time(60)

    socket = Socket(house)
    assert len(await socket.play("now", "later", before=before)) == 3, "who may stay stays"
    await house.users.disable("kim")
    house.pass_time(-60)
    house.guard._sessions._known.clear()
    sent = await Socket(house).play("now")
    assert sent[-1]["code"] == 4401


async def test_an_open_websocket_is_let_go_after_its_user_was_disabled(house: House, pool: Pool) -> None:
    await house.sign_in()
    gone: list[bool] = []
    real = house.users.principal_of_session

    async def principal(*session: str) -> Principal | None:
        return None if gone else await real(*session)

    def before(text: str) -> None:
        if text == "later":
            gone.append(True)
            house.pass_time(60)

    house.users.principal_of_session = principal
    sent = await Socket(house).play("now", "later", "after", before=before)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[-1]["code"] == 4401


async def test_an_open_websocket_goes_on_while_nobody_answers_who_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_in()
    monkeypatch.setattr(guard, "_ASK_S", 0.01)
    real, silent = house.users.principal_of_session, asyncio.Event()

    async def principal(*session: str) -> Principal | None:
        if not silent.is_set():
            return await real(*session)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()  # of a PostgreSQL that does not answer, asyncpg does not let go when cancelled

    def before(text: str) -> None:
        if text == "later":
            silent.set()
            house.pass_time(60)

    house.users.principal_of_session = principal
    sent = await Socket(house).play("now", "later", before=before)
    assert [message.get("text") for message in sent] == [None, "now", "later"]


async def test_without_the_guard_nobody_is_taken_for_somebody() -> None:
    with pytest.raises(HaechiError, match="Guard"):
        principal_of({"type": "http"})


def test_the_cookies_key_is_derived_and_the_same_after_a_restart() -> None:
    key = create_key()
    assert session_key(key) == session_key(key)
    assert session_key(key) != session_key(create_key())
    assert key not in session_key(key)


@pytest.mark.parametrize(
    ("target", "path"),
    [("/x?y=1", "/x?y=1"), ("", "/"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"), ("/sign-in", "/"), ("/a\r\nb", "/")],
)  # fmt: skip
def test_a_sign_in_leads_to_our_own_pages_only(target: str, path: str) -> None:
    assert local_path(target) == path


def test_the_limiter_forgets_the_oldest_key_and_keeps_its_size() -> None:
    limiter = Limiter(1, 60, lambda: 0.0, most=3)
    for key in "abcd":
        limiter.take(key)
    assert [limiter.wait_s(key) for key in "abcd"] == [0, 60, 60, 60]
