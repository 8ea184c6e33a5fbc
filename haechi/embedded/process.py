"""One server as a child: bound to our life, ready when it really answers, its log in a file that stays small."""

import asyncio
import contextlib
import math
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

from haechi.embedded import guard
from haechi.errors import HaechiError

LOG_LIMIT = 4 * 1024 * 1024
"""Bytes after which a log is moved to `<name>.log.1`, at a start, or emptied, while the server runs."""

SAY_S = 10.0
"""Seconds after which whoever waits for a server that recovers is told."""

PLAIN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""Servers see nothing of the user's environment: the same start everywhere, and no secret of ours in theirs."""


class ServerFailed(HaechiError):  # noqa: N818 - read as "raise ServerFailed(...)", like NotFound
    """An embedded server did not start or died: which one, what it said, where its log is, what to do."""


@dataclass(frozen=True)
class User:
    """A system user that a server runs as, because it refuses to run as root."""

    uid: int
    gid: int


class NotReady(Exception):  # noqa: N818 - not an error: the answer of a probe, "ask again"
    """The server does not answer yet."""


class Recovering(NotReady):
    """It answers that it is still reading its files back, which takes what it takes: on a slow disk, minutes."""


Probe = Callable[[], Awaitable[None]]
"""Asks the server something real; returns when it answered, raises OSError or NotReady while it doesn't."""


@dataclass(frozen=True)
class Command:
    """What to run, where, as whom.

    `marker` is a word of the command line that no other server on the machine has: by it, and by the program's name,
    what an earlier life left behind is found.
    """

    arguments: list[str]
    cwd: Path
    marker: str
    user: User | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: PLAIN_ENVIRONMENT)


class ChildProcess:
    """One server process. Not restarted from here: the owner asks `alive()` and decides."""

    def __init__(self, name: str, data: Path) -> None:
        """Its log is `<data>/logs/<name>.log`."""
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(
        self, command: Command, probe: Probe, *, seconds: float, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Run the command and wait until `probe` returns; `say` gets a sentence when it is long in recovering.

        Raises:
            ServerFailed: it ended, or said nothing for `seconds`; nothing is left running.
        """
        try:
            with self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *_guarded(command),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=command.cwd,
                    env=dict(command.environment),
                    start_new_session=True,  # Ctrl-C reaches us alone; we stop the servers in order
                )
        except OSError as error:
            raise ServerFailed(f"{self.name}: cannot be started: {error}. {fix_for(str(error))}".rstrip()) from error
        try:
            await self._wait_until_ready(probe, seconds, say)
        except BaseException:
            await self.stop(seconds=0)
            raise

    async def stop(self, *, seconds: float, signal_number: int = signal.SIGTERM) -> None:
        """End it politely within `seconds`, else by SIGKILL, children included."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        family = _family(process.pid)
        try:
            async with asyncio.timeout(seconds):
                process.send_signal(signal_number)
                await process.wait()
        except TimeoutError:
            _kill(family)
            await process.wait()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self._process is not None and self._process.returncode == -signal.SIGKILL

    def bound_log(self) -> None:
        """Empty the log when it has outgrown its limit; the server appends, so it goes on at the top."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT:
                os.truncate(self.log, 0)

    def failure(self, what: str) -> ServerFailed:
        """The words of a failure: what, what to do, where its log is, and the log's end."""
        words = self.last_words()
        told = " ".join(part for part in (f"{self.name}: {what}.", fix_for(words), f"Its log: {self.log}") if part)
        return ServerFailed("\n".join([told, *(f"    {line}" for line in words.splitlines())]))

    def last_line(self) -> str:
        """The last line that it said, for a table or a sentence."""
        return self.last_words(1)

    def last_words(self, lines: int = 6) -> str:
        """The last lines of its log."""
        try:
            text = self.log.read_bytes()[-8192:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-lines:])

    def _open_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    async def _wait_until_ready(self, probe: Probe, seconds: float, say: Callable[[str], None]) -> None:
        now = asyncio.get_running_loop().time
        say_at = now() + SAY_S
        try:
            async with asyncio.timeout(seconds) as limit:
                while True:
                    if self._process is None or self._process.returncode is not None:
                        code = self._process.returncode if self._process else None
                        raise self.failure(f"ended with exit code {code} before it was ready")
                    try:
                        await probe()
                    except Recovering:  # ended now, it would begin anew at the next start, and never be ready
                        limit.reschedule(now() + seconds)
                        if now() >= say_at:
                            say(f"{self.name} reads its files back, as after a power cut. Its log: {self.log}")
                            say_at = math.inf
                    except (OSError, NotReady):
                        pass
                    else:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise self.failure(f"did not answer within {seconds:.0f} s") from None


async def run(command: Command) -> tuple[int, str]:
    """A preparing command to its end: its exit code and what it said. Killed when the wait for it is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *_guarded(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=command.cwd,
        env=dict(command.environment),
    )
    family = _family(process.pid)
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        _kill(family)
        await process.wait()
        raise
    return process.returncode or 0, said.decode(errors="replace").strip()


def _guarded(command: Command) -> list[str]:
    """The command behind the shim that ends it with the thread that starts it."""
    user = f"{command.user.uid}:{command.user.gid}" if command.user else "-"
    return [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), user, *command.arguments]


def end_leftovers(command: Command) -> None:
    """Kill what an earlier life of this server left behind. Only while the data folder's lock is held."""
    program = Path(command.arguments[0]).name[:15]  # the kernel keeps no more of a name
    leftovers = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == program and any(command.marker in word for word in process.info["cmdline"] or ())
    ]
    _kill(leftovers)
    psutil.wait_procs(leftovers, timeout=5)


FIXES = {
    "no space left on device": "The disk is full: free some space, then start again.",
    "address already in use": "Its port was taken by another program meanwhile: start again, and another is chosen.",
    "address in use": "Its port was taken by another program meanwhile: start again, and another is chosen.",
    "permission denied": "It may not read or write its files: give the data folder to the user who runs Haechi.",
    "read-only file system": "Its folder cannot be written: name another with --data.",
    "cannot allocate memory": "There is not enough memory: close something, then start again.",
    "outofmemoryerror": "There is not enough memory: close something, then start again.",
}
"""What servers say in their logs, in lower case, and what a user can do about it."""


def fix_for(words: str) -> str:
    """What to do about what a server said; empty when it says nothing known."""
    lowered = words.lower()
    return next((fix for symptom, fix in FIXES.items() if symptom in lowered), "")


def _family(pid: int) -> list[psutil.Process]:
    """The process and its descendants, while they are to be found."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
