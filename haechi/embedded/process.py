"""One server as a child process: bound to our life, ready when it really answers, its log in a file that stays small."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from haechi.embedded import guard
from haechi.errors import HaechiError

LOG_LIMIT = 4 * 1024 * 1024
"""Bytes after which a log is moved to `<name>.log.1`, at a start, or emptied, while the server runs."""


class ServerFailed(HaechiError):  # noqa: N818 - read as "raise ServerFailed(...)", like NotFound
    """An embedded server did not start or died: which one, what it said, where its log is, what to do."""


@dataclass(frozen=True)
class User:
    """A system user that a server runs as, because it refuses to run as root."""

    uid: int
    gid: int


class NotReady(Exception):  # noqa: N818 - not an error: the answer of a probe, "ask again"
    """The server does not answer yet."""


Probe = Callable[[], Awaitable[None]]
"""Asks the server something real; returns when it answered, raises OSError or NotReady while it doesn't."""


@dataclass(frozen=True)
class Command:
    """What to run, as whom, where."""

    arguments: list[str]
    cwd: Path
    environment: Mapping[str, str]
    user: User | None = None


class ChildProcess:
    """One server process. Not restarted from here: the owner asks `alive()` and decides."""

    def __init__(self, name: str, data: Path) -> None:
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self._record = data / "run" / f"{name}.pid"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, command: Command, probe: Probe, *, seconds: float) -> None:
        """Run the command and wait until `probe` returns.

        Raises:
            ServerFailed: it ended, or did not answer within `seconds`; nothing is left running.
        """
        await asyncio.to_thread(self.end_leftover)
        try:
            with self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._guarded(command),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=command.cwd,
                    env=dict(command.environment),
                    start_new_session=True,  # Ctrl-C reaches us alone; we stop the servers in order
                )
            self._write_record(self._process.pid)
        except OSError as error:
            raise ServerFailed(f"{self.name}: cannot be started: {error.strerror}: {error.filename}") from error
        try:
            await self._wait_until_ready(probe, seconds)
        except BaseException:
            await self.stop(seconds=0)
            raise

    async def stop(self, *, seconds: float, signal_number: int = 15) -> None:
        """End it politely within `seconds`, else by SIGKILL, children included."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            family = _family(process.pid)
            with contextlib.suppress(ProcessLookupError):
                if seconds > 0:
                    process.send_signal(signal_number)
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
            except TimeoutError:
                for member in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        member.kill()
                await process.wait()
        self._process = None
        self._record.unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def end_leftover(self) -> None:
        """End what an earlier life of ours left behind; a pid that was given to somebody else meanwhile is spared."""
        try:
            pid, born = self._record.read_text().split()
            old = psutil.Process(int(pid))
            if abs(old.create_time() - float(born)) < 1:
                family = _family(old.pid)
                for member in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        member.kill()
                psutil.wait_procs(family, timeout=5)
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            pass
        self._record.unlink(missing_ok=True)

    def bound_log(self) -> None:
        """Empty the log when it has outgrown its limit; the server appends, so it goes on at the top."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT:
                os.truncate(self.log, 0)

    def last_words(self, lines: int = 6) -> str:
        """The end of the log, for a message."""
        try:
            text = self.log.read_bytes()[-8192:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])

    def failure(self, what: str, *, fix: str = "") -> ServerFailed:
        """The words of a failure: what, the end of the log, where the log is, what to do."""
        words = self.last_words()
        hint = fix or _fix_for(words)
        return ServerFailed(f"{self.name}: {what}.{' ' + hint if hint else ''} Its log: {self.log}\n{words}".rstrip())

    def _guarded(self, command: Command) -> list[str]:
        user = f"{command.user.uid}:{command.user.gid}" if command.user else "-"
        return [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), user, *command.arguments]

    def _open_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    def _write_record(self, pid: int) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(psutil.NoSuchProcess):
            self._record.write_text(f"{pid} {psutil.Process(pid).create_time()}\n")

    async def _wait_until_ready(self, probe: Probe, seconds: float) -> None:
        pause = 0.05
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if not self.alive():
                        code = self._process.returncode if self._process else None
                        raise self.failure(f"ended with exit code {code} before it was ready")
                    with contextlib.suppress(OSError, NotReady):
                        await probe()
                        return
                    await asyncio.sleep(pause)
        except TimeoutError:
            raise self.failure(f"did not answer within {seconds:.0f} s") from None


FIXES = {
    "no space left on device": "The disk is full: free some space, then start again.",
    "address already in use": "Its port was taken by another program meanwhile: start again, and another is chosen.",
    "address in use": "Its port was taken by another program meanwhile: start again, and another is chosen.",
    "permission denied": "It may not read or write its files: give the data folder to the user who runs Haechi.",
    "cannot allocate memory": "There is not enough memory: close something, then start again.",
    "outofmemoryerror": "There is not enough memory: close something, then start again.",
}
"""What servers say in their logs, in lower case, and what a user can do about it."""


def _fix_for(words: str) -> str:
    lowered = words.lower()
    return next((fix for symptom, fix in FIXES.items() if symptom in lowered), "")


def _family(pid: int) -> list[psutil.Process]:
    """The process and its descendants, while they are to be found."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []
