"""Words of others, on a terminal and in a text."""

from rich.text import Text


def shown(words: str) -> Text:
    """As they are: brackets are no markup, and what is not printable (an escape sequence) is spelled out."""
    return Text("".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in words))


def one_line(words: str) -> str:
    """As one line: what breaks it, turns it around (bidirectional controls) or cannot be kept (NUL) is left out."""
    return "".join(one for one in " ".join(words.split()) if one.isprintable())
