"""What pages and messages name is there: settings, commands and their options, targets of make."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import typer

from benchmarks.geofence.ours import Ours
from benchmarks.geofence_truth import SCORING_SEED
from haechi.cli import app
from haechi.config import Settings, described, variable_of
from haechi.process import NAMES
from haechi.topics import TOPICS
from sample_feeds.district.map import read
from tests.docs.pages import DOCS, ROOT, page

ROOMS = ("haechi", "ingest", "vision", "analytics", "alerts", "control_room", "sample_feeds", "benchmarks")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
CODE = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
FILES = [*PAGES, *CODE, *(ROOT / "sample_feeds").rglob("*.html")]
KEYS = {key for key, _, _ in described()}
# Variables that are no settings, and one key written with one underscore (haechi/config.py says that it may be).
OTHERS = {"HAECHI_CONFIG", "HAECHI_FAILPOINT", "HAECHI_FAILPOINT_LOG", "HAECHI_TEST_NO_SKIPS", "HAECHI_CACHE"}
OTHERS |= {"HAECHI_WALL_PORT"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def named(pattern: str, files: list[Path]) -> set[tuple[str, str]]:
    """(file, name) of what the pattern's group finds."""
    return {(relative(path), name) for path in files for name in re.findall(pattern, path.read_text(), re.MULTILINE)}


def test_every_variable_that_is_named_is_a_settings() -> None:
    real = {variable_of(key) for key in KEYS} | OTHERS
    assert {one for one in named(r"\b(HAECHI_[A-Z0-9_]+[A-Z0-9])\b", FILES) if one[1] not in real} == set()
    assert named(r"(HAECHI_\{)", FILES) == set(), "a name that is put together cannot be looked for: use variable_of"


def test_every_setting_that_is_named_is_there() -> None:
    known = KEYS | set(NAMES) | {topic.name for topic in TOPICS}
    sections = "|".join(Settings.model_fields)
    found = named(rf"`((?:{sections})\.(?!py`)[a-z_]+)`", PAGES)
    assert {one for one in found if one[1] not in known} == set()


UNITS = {"": 1, "s": 1, "m": 1, "%": 1, "min": 60, "days": 1}


def test_every_default_that_a_page_gives_is_the_real_one() -> None:
    defaults = {key: default for key, _, default in described()}
    defaults |= {variable_of(key): default for key, default in defaults.items()}
    found = named(r"(`(?:[a-z]+\.[a-z_]+` \(|HAECHI_\w+`, )[\d,.]+ ?\w*%?\)?)", PAGES)
    assert len(found) > 6
    for where, words in found:
        key, number, unit = re.findall(r"`([\w.]+)`\W+([\d,.]+) ?(\w*%?)", words)[0]
        if key in defaults:
            assert float(number.replace(",", "")) * UNITS[unit] == defaults[key], f"{where}: {words}"


def command_line() -> Any:
    """`haechi` with the commands of all rooms."""
    whole = typer.Typer()
    whole.registered_commands, whole.registered_groups = list(app.registered_commands), list(app.registered_groups)
    for entry in entry_points(group="haechi.commands"):
        whole.add_typer(entry.load(), name=entry.name)
    return typer.main.get_command(whole)


LINE = command_line()


def shown() -> Iterator[tuple[str, str]]:
    """(file, command line) wherever one is written: in pages as they are to be typed, in messages of the code."""
    for path in PAGES:
        for words in re.findall(r"(?:`|^ *|\s)(?:\.venv/bin/)?haechi ([a-z][^`\n#]*)", path.read_text(), re.MULTILINE):
            yield relative(path), words.strip()
    for path in CODE:
        for words in re.findall(r"`haechi ([a-z][^`\n{]*)`", path.read_text()):
            yield relative(path), words.strip()


@pytest.mark.parametrize(("where", "words"), sorted(set(shown())))
def test_every_command_that_is_named_can_be_given_with_its_options(where: str, words: str) -> None:
    given = iter(shlex.split(re.sub(r"[\[\]…]", "", words)))
    command, arguments = LINE, 0
    options: dict[str, Any] = {}
    for word in given:
        if getattr(command, "commands", None):
            assert word in command.commands, f"haechi {words}: there is no '{word}'"
            command = command.commands[word]
            options = {option: one for one in command.params for option in (*one.opts, *one.secondary_opts)}
        elif word.startswith("-"):
            assert word in options, f"haechi {words}: there is no {word}"
            if not getattr(options[word], "is_flag", False):
                next(given)
        else:
            arguments += 1
    assert arguments <= sum(one.param_type_name == "argument" for one in command.params)


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {one for one in named(r"(?:`|^)make ([a-z-]+)", PAGES) if one[1] not in targets} == set()


def test_every_extra_that_can_be_installed_is_named_and_no_other() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[(\w+)\]"', page("README.md"))) == set(extras)


def test_the_figures_of_false_leaves_are_of_the_seed_and_the_rule_that_are_shipped() -> None:
    assert f"device-days of seed {SCORING_SEED}, which nothing was tuned on" in page("figures.md")
    needs = Ours(read().plane).needs
    assert f"{needs.fixes} of any {needs.of} in a row" in page("geofence-truth.md")
