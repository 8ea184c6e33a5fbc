"""The wall in a real Chromium, on a real PostgreSQL and Valkey."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from haechi.sealing import Sealer, load_or_create_key
from tests.chromium import NoChromium, find
from tests.control_room.district import picture
from tests.control_room.shoot import FLAGS
from tests.control_room.wall_process import (
    NAME,
    PASSWORD,
    ROOT,
    Wall,
    add_camera,
    audited,
    film,
    prepare,
    raise_alert,
    trespass,
)

LIMIT_MS = 30_000
# Whether a canvas has different colours: nothing was drawn on one that has not. A picture is decoded beside what is said of it.
_DRAWN = (
    """c => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size > 1"""
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def apart(work):
    """In a thread of its own: playwright keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture
def page() -> Iterator[Page]:
    try:
        chromium = find()
    except NoChromium as missing:
        pytest.skip(str(missing))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.set_default_timeout(LIMIT_MS)
        expect.set_options(timeout=LIMIT_MS)
        yield page
        browser.close()


@pytest.fixture
def wall(tmp_path: Path, postgres_database: str, redis_url: str) -> Iterator[Wall]:
    apart(prepare(postgres_database))
    wall = Wall(tmp_path, postgres_database, redis_url)
    wall.start()
    yield wall
    wall.kill()


def test_an_operator_sees_acknowledges_and_is_told_when_the_wall_is_not_live(
    wall: Wall, page: Page, postgres_database: str
) -> None:
    problems: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("request", lambda r: None if r.url.startswith((wall.url, "data:", "blob:")) else elsewhere.append(r.url))

    page.goto(wall.url)
    assert "/sign-in" in page.url
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    page.screenshot(path=_out("sign-in.png"))
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.locator("#queue-empty")).to_contain_text("Nothing needs a person now")
    expect(page.locator("#duty")).to_contain_text(NAME)

    incident = apart(raise_alert(postgres_database, datetime.now(UTC)))
    row = page.locator(f"[data-id='{incident.id}']")
    expect(row).to_contain_text("SOS pressed")
    expect(row).to_contain_text("Haetae-daero")
    expect(page).to_have_title("(1) Haechi")

    page.keyboard.press("n")
    expect(page.locator("#incident h2")).to_contain_text("SOS pressed")
    expect(page.locator(".timeline")).to_contain_text("a test pressed")
    page.keyboard.press("a")
    expect(row).to_contain_text("mine")
    expect(page.locator(".timeline")).to_contain_text(f"acknowledged · {NAME}")
    expect(page.locator(".fix-age")).to_contain_text("ago")
    page.keyboard.press("w")
    expect(page.locator("#why")).to_contain_text("Who was told")
    page.keyboard.press("Escape")
    expect(page.locator("#why")).to_be_hidden()
    page.keyboard.press("c")
    page.keyboard.type("called, help is on the way")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".timeline")).to_contain_text("called, help is on the way")
    page.screenshot(path=_out("wall-acknowledged.png"))

    wall.kill()
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#stale")).to_contain_text("Wall not live since")
    page.screenshot(path=_out("wall-not-live.png"))
    wall.start()
    expect(page.locator("#stale")).to_be_hidden()
    now = datetime.now(UTC)
    late = apart(raise_alert(postgres_database, now - timedelta(hours=2), received_at=now, place="gate"))
    expect(page.locator(f"[data-id='{late.id}']")).to_contain_text("2 h late")

    page.keyboard.press("x")
    page.get_by_role("button", name="Checked, nothing wrong").click()
    page.get_by_role("button", name="Close incident").click()
    expect(row).to_have_count(0)
    page.keyboard.press("n")
    expect(page.locator(".late-age")).to_contain_text(re.compile(r"2:\d\d:\d\d ago; open for \d?\d:\d\d$"))
    assert not problems
    assert not elsewhere, "the wall asks nobody but its own server"


def test_a_camera_is_shown_live_until_it_stops_and_a_picture_is_a_look_that_is_written_down(
    wall: Wall, page: Page, postgres_database: str, redis_url: str, tmp_path: Path
) -> None:
    sealer = Sealer(load_or_create_key(tmp_path / "data.key"))
    camera = apart(add_camera(postgres_database, sealer))
    stop, pictures = Event(), (picture(n // 6, "yard") for n in count())
    with ThreadPoolExecutor(1) as filming:
        filming.submit(asyncio.run, film(redis_url, camera.id, pictures, 0.2, stop))
        try:
            _sign_in(page, wall)
            tile = page.locator(f".tile[data-id='{camera.id}']")
            expect(tile.locator(".status")).to_contain_text("fps")
            page.wait_for_function(_DRAWN, arg=tile.locator("canvas").element_handle())

            incident = apart(trespass(postgres_database, tmp_path, camera.id, picture(4, "evidence")))
            expect(page.locator(f"[data-id='{incident.id}']")).to_contain_text("Trespass · school yard")
            with page.expect_response(lambda r: "/evidence/" in r.url) as answer:
                page.locator(f"[data-id='{incident.id}']").click()
            assert answer.value.status == 200
            expect(page.locator(".evidence .caption")).to_contain_text("Cam 01 School yard")
            expect(page.locator("#strip")).to_contain_text("1 camera live")
            page.screenshot(path=_out("wall-trespass.png"))
        finally:
            stop.set()
    looks = apart(audited(postgres_database))
    assert (NAME, "opened", f"incident:{incident.id}") in looks
    assert (NAME, "saw picture", f"evidence:{incident.evidence}") in looks
    expect(tile).to_have_class(re.compile("hatch"))
    expect(tile.locator(".status")).to_contain_text("not live since")
    page.screenshot(path=_out("wall-stale-tile.png"))


def _sign_in(page: Page, wall: Wall) -> None:
    page.goto(wall.url)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#duty")).to_contain_text(NAME)


def _out(name: str) -> str:
    folder = ROOT / "out"
    folder.mkdir(exist_ok=True)
    return str(folder / name)
