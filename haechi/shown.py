"""Words of others on a terminal."""

from rich.text import Text


def shown(words: str) -> Text:
    """As they are: brackets are no markup, and what is not printable (an escape sequence) is spelled out."""
    return Text("".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in words))
