"""What the pages of docs/ say, taken out of them for the tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """The text of docs/`name`."""
    return (DOCS / name).read_text()


def blocks(name: str, language: str = "") -> list[str]:
    """The code blocks of docs/`name` in a language (none given: those without one), in order, without their indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```", page(name), re.DOTALL | re.MULTILINE)
    return [
        "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
        for indent, written, text in found
        if written == language
    ]


def rows(name: str) -> dict[str, str]:
    """The first and the second cell of every row of the tables of docs/`name`."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page(name).splitlines() if line[:1] == "|"]
    return {row[0]: row[1] for row in cells if len(row) > 1}


def number(text: str) -> int:
    """The first number in a text."""
    return int(re.findall(r"\d+", text)[0])
