"""What the pages of docs/ say, taken out of them for the tests."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *DOCS.glob("*.md")]))
_METHODS = "GET|POST|PATCH|PUT|DELETE"


class Example(msgspec.Struct, frozen=True):
    """A request as a page writes it; `url` begins with WALL, GATEWAY or a path. Without a `body`: none is shown."""

    page: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None

    @property
    def path(self) -> str:
        """Without the server; `…` stands for a person's row."""
        return re.sub("^(WALL|GATEWAY)", "", self.url).replace(
            "…", "/api/v1/people/{id}", 1 if self.url[0] == "…" else 0
        )


def page(name: str) -> str:
    """The text of a page, by its path from the root (`README.md`) or its name in docs/."""
    return (ROOT / name if (ROOT / name).is_file() else DOCS / name).read_text()


def blocks(name: str, language: str = "") -> list[str]:
    """The code blocks of a page in a language (none given: those without one), in order, without their indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```", page(name), re.DOTALL | re.MULTILINE)
    return [
        "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
        for indent, written, text in found
        if written == language
    ]


def rows(name: str) -> dict[str, str]:
    """The first and the second cell of every row of the tables of a page."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page(name).splitlines() if line[:1] == "|"]
    return {row[0]: row[1] for row in cells if len(row) > 1}


def number(text: str) -> int:
    """The first number in a text."""
    return int(re.findall(r"\d+", text)[0])


def documents(text: str) -> list[Any]:
    """The JSON documents in a text, one after the other."""
    return [msgspec.json.decode(one) for one in re.split(r"\n\n(?=\{)", text[text.index("{") :])]


def examples(name: str) -> Iterator[Example]:
    """Every request that a page shows: as curl, as HTTP, and in its sentences."""
    for block in blocks(name):
        if block.startswith("curl "):
            yield _curl(name, block)
    for block in blocks(name, "http"):
        for one in re.split(rf"^(?=(?:{_METHODS}) )", block, flags=re.MULTILINE):
            if one and not one.startswith("HTTP/"):
                yield _http(name, one)
    words = " ".join(re.sub(r"^ *```.*?^ *```", "", page(name), flags=re.DOTALL | re.MULTILINE).split())
    for method, url, body in re.findall(rf"`({_METHODS}) ([^` ]+)`(?:(?: with)? `(\{{[^`]*\}})`)?", words):
        yield Example(name, method, url, body=body or None)


def _curl(name: str, text: str) -> Example:
    words = iter(shlex.split(text.replace("\\\n", " "))[1:])
    method, url, headers, body = "GET", "", [], None
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                field, _, value = next(words).partition(": ")
                headers.append((field.lower(), value))
            case "-d":
                body = next(words)
            case "-i":
                pass
            case _:
                url = word
    return Example(name, method, url, tuple(headers), body)


def _http(name: str, text: str) -> Example:
    first, *rest = text.strip().splitlines()
    method, url = first.split()
    head = [line.split(": ", 1) for line in rest if re.match(r"[A-Z][\w-]+: ", line)]
    body = text[text.index("{") :].strip() if "{" in text else None
    return Example(name, method, url, tuple((field.lower(), value) for field, value in head), body)
