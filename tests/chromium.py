"""The browser of the wall's tests: `python -m tests.chromium` prints how to install it where it is missing."""

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""What playwright should start it with: quiet, and without a request of its own."""


class NoChromium(Exception):  # noqa: N818 - the message is the one line that installs it
    """No Chromium on this machine."""


def find() -> str:
    """The path of a Chromium: `HAECHI_TEST_CHROMIUM`, else what is installed.

    Raises:
        NoChromium: with the line that installs one.
    """
    named = os.environ.get("HAECHI_TEST_CHROMIUM")
    for name in [named] if named else NAMES:
        if found := shutil.which(name):
            return found
    raise NoChromium(_how_to_install())


def _how_to_install() -> str:
    sudo = "" if os.geteuid() == 0 else "sudo "
    for tool, line in {
        "apt-get": f"{sudo}apt-get update && {sudo}apt-get install -y chromium",
        "dnf": f"{sudo}dnf install -y chromium",
        "pacman": f"{sudo}pacman -S --noconfirm chromium",
        "apk": f"{sudo}apk add chromium",
    }.items():
        if shutil.which(tool):
            return f"The tests of the wall need Chromium. Install it: {line}"
    return "The tests of the wall need Chromium: install it, or name one with HAECHI_TEST_CHROMIUM=/path/to/chromium"


if __name__ == "__main__":
    try:
        find()
    except NoChromium as missing:
        sys.exit(str(missing))
