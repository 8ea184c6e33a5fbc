"""The browser's files hold together: no build step checks them, so this does."""

import re
from pathlib import Path

import pytest

import control_room
from control_room.live.view import View
from control_room.pages.wall import layout
from control_room.words import ENGLISH
from tests.control_room.live.test_world import NOW

ASSETS = Path(control_room.__file__).parent / "assets"
SCRIPTS = sorted(ASSETS.glob("*.js"))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_every_word_that_a_script_says_is_in_the_table(file: Path) -> None:
    said = re.findall(r'\bw\(\s*"([^"]+)"', file.read_text()) + re.findall(
        r'"((?:incident|act|tile)\.[a-z-]+)"', file.read_text()
    )
    assert {word for word in said if word not in ENGLISH} == set()


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_every_element_that_a_script_asks_for_is_on_the_page(file: Path) -> None:
    ids = set(re.findall(r"id='([^']+)'", str(layout(View(NOW)))))
    assert set(re.findall(r'\$\("([^"]+)"\)', file.read_text())) <= ids


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_every_import_is_a_name_that_its_module_exports(file: Path) -> None:
    for names, module in re.findall(r'import \{([^}]+)\} from "\./([\w.-]+)"', file.read_text()):
        exported = set(
            re.findall(r"export (?:async )?(?:const|function\*?|class) ([\w$]+)", (ASSETS / module).read_text())
        )
        assert {name.strip() for name in names.split(",")} <= exported, module


@pytest.mark.parametrize("file", sorted(ASSETS.iterdir()), ids=lambda f: f.name)
def test_nothing_names_another_host(file: Path) -> None:
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.read_text())) - {"http://www.w3.org"}
    assert hosts == set()


def test_text_is_never_markup() -> None:
    for file in SCRIPTS:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", file.read_text()), (
            file.name
        )


def test_every_word_can_be_filled_in() -> None:
    for key, words in ENGLISH.items():
        names = dict.fromkeys(re.findall(r"\{(\w+)\}", words), "x")
        assert "{" not in words.format(**names), key
