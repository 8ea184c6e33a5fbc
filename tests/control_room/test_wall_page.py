"""How the page behaves under a hand, in a real Chromium, on sources made up in memory."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.chromium import NoChromium, find
from tests.control_room.district import incident
from tests.control_room.shoot import FLAGS
from tests.control_room.stand_ins import Made

LIMIT_MS = 30_000
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


class Served:
    """A made-up wall on a port of its own, in a thread of its own."""

    def __init__(self, scene: str = "district") -> None:
        self.made = Made(scene)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = uvicorn.Server(uvicorn.Config(self.made.app, "127.0.0.1", 0, log_level="error", lifespan="off"))
        work = [asyncio.create_task(self.made.feed.run()), asyncio.create_task(self.made.hub.run())]
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/"
        self._ready.set()
        await serving
        for task in work:
            task.cancel()

    def put(self, *incidents) -> None:
        for one in incidents:
            self.made.store.rows[one.id] = one
            self._loop.call_soon_threadsafe(self.made.store.queue.put_nowait, one)

    def stop(self) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        path = find()
    except NoChromium as missing:
        pytest.skip(str(missing))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        expect.set_options(timeout=LIMIT_MS)
        yield browser
        browser.close()


@pytest.fixture
def served() -> Iterator[Served]:
    wall = Served()
    yield wall
    wall.stop()


def opened(browser: Browser, wall: Served, width: int = 1920, height: int = 1080, **more) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, **more)
    page.set_default_timeout(LIMIT_MS)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(wall.url)
    expect(page.locator(".row")).to_have_count(8)
    return page


def ids(page: Page) -> list[str]:
    return page.locator(".row").evaluate_all("rows => rows.map(r => r.dataset.id)")


def test_newcomers_wait_while_a_hand_is_on_the_list_but_life_safety_does_not(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served)
    before = ids(page)
    page.locator(".row").nth(3).hover()
    now = datetime.now(UTC)
    served.put(
        incident(50, "trespass", "c2", "z", "Trespass", 0, now), incident(51, "sos", "p2", "x", "SOS pressed", 0, now)
    )
    expect(page.locator("#queue-waiting")).to_have_text("1 new")
    expect(page.locator("[data-id=i51]")).to_be_visible()
    assert ids(page) == ["i51", *before]
    page.mouse.move(960, 300)
    expect(page.locator("[data-id=i50]")).to_be_visible()
    expect(page.locator("#queue-waiting")).to_be_hidden()
    assert page.problems == []
    page.close()


def test_what_python_draws_is_drawn_anew_as_it_changes(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served)
    count = page.locator("#strip .count").first
    expect(count).to_contain_text("life safety")
    before = count.inner_text()
    served.put(incident(50, "sos", "p2", "x", "SOS pressed", 0, datetime.now(UTC)))
    expect(count).not_to_have_text(before)
    assert page.problems == []
    page.close()


def test_keys_work_in_hangul_mode_and_not_inside_a_field(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served)
    up = "e => document.body.dispatchEvent(new KeyboardEvent('keyup', {...e, bubbles: true}))"
    page.evaluate(up, {"key": "Process", "code": "KeyN"})
    expect(page.locator("#incident h2")).to_contain_text("SOS pressed · elder, ")
    page.evaluate(up, {"key": "ㅁ", "code": "KeyA"})
    expect(page.locator("[data-id=i2]")).to_contain_text("mine")
    page.keyboard.press("c")
    page.keyboard.type("jjj nnn")
    expect(page.locator("textarea")).to_have_value("jjj nnn")
    assert page.locator(".row[aria-current=true]").get_attribute("data-id") == "i2"
    page.keyboard.press("Escape")
    expect(page.locator("textarea")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row[aria-current=true]")).to_have_attribute("data-id", "i3")
    assert page.problems == []
    page.close()


def test_a_closed_incident_leaves_the_list_and_the_panel_tells_its_end(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served)
    page.locator("[data-id=i5]").click()
    expect(page.locator("#incident h2")).to_contain_text("Camera covered")
    page.keyboard.press("x")
    page.get_by_role("button", name="Handed over to an agency").click()
    page.get_by_role("button", name="Close incident").click()
    expect(page.locator("[data-id=i5]")).to_have_count(0)
    expect(page.locator("#incident .actions button")).to_have_text(["Why? W", "Map F"])
    assert page.problems == []
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (1366, 630)])
def test_everything_fits_the_screen(chromium: Browser, served: Served, width: int, height: int) -> None:
    page = opened(chromium, served, width, height)
    page.keyboard.press("n")
    expect(page.locator("#incident .actions button").first).to_be_visible()
    boxes = page.evaluate(
        """() => ['head', 'queue', 'map', 'incident'].map(id => document.getElementById(id).getBoundingClientRect())
             .concat([...document.querySelectorAll('#incident .actions button, .row')].slice(0, 12)
             .map(e => e.getBoundingClientRect())).map(b => [b.left, b.top, b.right, b.bottom, b.height])"""
    )
    for left, top, right, bottom, high in boxes:
        assert left >= 0
        assert top >= 0
        assert right <= width + 1
        assert bottom <= height + 1
        assert high >= 24
    page.close()


def test_what_does_not_move_says_so_where_motion_is_unwelcome(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served, reduced_motion="reduce")
    shadow = "e => getComputedStyle(e).boxShadow"
    badge = page.locator("[data-id=i1] .badge")
    seen = {badge.evaluate(shadow) for _ in range(8) if page.wait_for_timeout(200) is None}
    assert len(seen) == 1
    assert seen != {"none"}
    assert page.locator("[data-id=i1] .owner").evaluate("e => getComputedStyle(e).textTransform") == "uppercase"
    page.close()


def test_a_word_from_outside_is_never_markup(chromium: Browser, served: Served) -> None:
    page = opened(chromium, served)
    evil = '<img src=x onerror="document.title=1">'
    one = incident(60, "sos", "unknown:x", "y", evil, 0, datetime.now(UTC))
    served.put(msgspec.structs.replace(one, owner=evil))
    expect(page.locator("[data-id=i60]")).to_contain_text(evil)
    page.locator("[data-id=i60]").click()
    expect(page.locator("#incident h2")).to_contain_text(evil)
    assert page.locator("#wall img").count() == 0
    page.close()
