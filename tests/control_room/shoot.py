"""Screenshots of a wall: `python -m tests.control_room.shoot URL PREFIX [KEYS] [SIZES]`, kept under out/."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.chromium import FLAGS, find


def main(url, prefix, keys="", sizes="1920x1080,1366x768", wait="3"):
    Path("out").mkdir(exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find(), args=FLAGS)
        for size in sizes.split(","):
            w, h = map(int, size.split("x"))
            page = browser.new_page(viewport={"width": w, "height": h})
            page.on("console", lambda m: print("console:", m.type, m.text))
            page.on("pageerror", lambda e: print("error:", e))
            page.on("requestfailed", lambda r: print("failed:", r.url, r.failure))
            page.goto(url)
            page.wait_for_selector("#clock small", timeout=30000)
            page.wait_for_timeout(1500)
            for key in keys.split():
                page.keyboard.press(key)
                page.wait_for_timeout(500)
            page.wait_for_timeout(int(float(wait) * 1000))
            page.screenshot(path=f"out/{prefix}-{size}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
