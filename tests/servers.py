"""One embedded server for a whole test run: `python -m tests.servers NAME FOLDER` serves until nobody holds its lock.

The workers of one run share it: whoever comes first starts it, it ends with the last, killed ones included.
"""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from haechi.embedded import EmbeddedServers
from haechi.errors import HaechiError

POLL_S = 0.3


@contextmanager
def shared(name: str, folder: Path) -> Iterator[str]:
    """The URL of the run's server `name`; started if nobody did yet, alive while somebody is inside."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with filelock.FileLock(folder / "starting"):
            if not (folder / "url").exists() and not (folder / "failed").exists():
                _launch(name, folder)
        if (folder / "failed").exists():
            raise RuntimeError((folder / "failed").read_text())
        yield (folder / "url").read_text()


def _launch(name: str, folder: Path) -> None:
    with (folder / "holder.log").open("ab") as log:
        holder = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", name, str(folder)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while not (folder / "url").exists() and not (folder / "failed").exists():
        if holder.poll() is not None:
            _publish(folder / "failed", f"{name}: its holder ended: {(folder / 'holder.log').read_text()[-2000:]}")
        time.sleep(0.05)
    holder.returncode = 0  # it outlives this worker on purpose: no warning about a child that still runs


async def hold(name: str, folder: Path) -> None:
    """Serve until the last user has gone."""
    with (folder / "users").open("ab") as users:
        try:
            servers = EmbeddedServers(folder / "data", only=[name], say=print)
            await servers.start()
        except HaechiError as error:
            _publish(folder / "failed", str(error))
            return
        try:
            _publish(folder / "url", servers.urls[name])
            while not _nobody(users.fileno()):
                await asyncio.sleep(POLL_S)
        finally:
            (folder / "url").unlink(missing_ok=True)  # who comes now waits for our lock, and starts it again
            await servers.stop()


def _nobody(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _publish(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.rename(file)


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], Path(sys.argv[2])))
