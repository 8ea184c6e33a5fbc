"""Whether a process hears yet what it is asked: one that is still importing would end of the signal, and not by itself."""

import re
import signal
from pathlib import Path


def listens(pid: int, number: signal.Signals = signal.SIGTERM) -> bool:
    """Whether it has a handler of its own for the signal; False also when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)
