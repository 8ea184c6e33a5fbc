"""How much room the disk has left, said in words before and when it is full."""

import shutil
from collections.abc import Callable
from pathlib import Path

LOW_BYTES = 2 * 1024**3
FULL_BYTES = 64 * 1024**2
"""With less than this PostgreSQL and Kafka stop writing soon, each in its own time."""


def free_bytes(folder: Path) -> int:
    """What is free where the folder lies, or will lie."""
    return shutil.disk_usage(folder if folder.exists() else folder.parent).free


def words_of(free: int, folder: Path) -> str:
    """What is to be said of so many free bytes; empty while there is enough room."""
    if free >= LOW_BYTES:
        return ""
    if free >= FULL_BYTES:
        return f"only {free / 1e9:.1f} GB free at {folder}: free some, or name another folder with --data."
    return (
        f"the disk is full at {folder}: free some space. Until then reports are refused (503), an SOS is kept wherever "
        "there still is room, and what crashes comes back by itself."
    )


class Disk:
    """Says it once when room gets low, when it is full, and when there is enough again."""

    def __init__(self, folder: Path, say: Callable[[str], None], free: Callable[[Path], int] = free_bytes) -> None:
        self._folder = folder
        self._say = say
        self._free = free
        self._said = "enough"

    def look(self) -> None:
        """To be called now and then."""
        free = self._free(self._folder)
        level = "full" if free < FULL_BYTES else "low" if free < LOW_BYTES else "enough"
        if level != self._said and not (self._said == "low" and level == "enough" and free < 1.1 * LOW_BYTES):
            self._said = level
            self._say("disk: " + (words_of(free, self._folder) or f"{free / 1e9:.0f} GB free again."))
