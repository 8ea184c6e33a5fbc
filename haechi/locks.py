"""What one process of a machine holds and no other, until it ends: also when it is killed."""

import fcntl
import os
from pathlib import Path


def hold(file: Path) -> int:
    """The open lock; closing it gives it back, and so does any end of the process. BlockingIOError: another holds it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    return lock
