"""Processes of the house as subprocesses, with a failpoint each; they die where they were told to, or the test fails."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.crowd import Patience
from tests.listening import listens

ROOT = Path(__file__).parents[2]


@dataclass
class Started:
    """A running process; its output is in `log`."""

    process: asyncio.subprocess.Process
    log: Path
    marks: Path

    async def died_at(self, failpoint: str, seconds: float = 60) -> None:
        """It was killed, and at this very place."""
        patience, ending = Patience(seconds), asyncio.ensure_future(self.process.wait())
        while not ending.done() and not patience.over():
            await asyncio.wait({ending}, timeout=1)
        code = self.process.returncode
        marked = self.marks.read_text() if self.marks.exists() else ""
        assert code == -signal.SIGKILL, self.log.read_text()[-3000:]
        assert any(
            line.split()[0] == failpoint and line.split()[3] == str(self.process.pid) for line in marked.splitlines()
        )

    async def stop(self, seconds: float = 60) -> int:
        """SIGTERM as soon as it listens for it, and the exit code."""
        patience = Patience(seconds)
        while not listens(self.process.pid):
            assert not patience.over(), self.log.read_text()[-3000:]
            assert self.process.returncode is None, self.log.read_text()[-3000:]
            await asyncio.sleep(0.05)
        self.process.terminate()
        return await self.process.wait()

    async def kill(self) -> None:
        """kill -9, if it still lives."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def started(
    room: str, name: str, folder: Path, environment: dict[str, str], failpoint: str = ""
) -> AsyncIterator[Started]:
    """`python -m ROOM NAME`; killed at the end."""
    log, marks = folder / f"{name}.log", folder / "failpoints"
    own = {key: value for key, value in os.environ.items() if not key.startswith("HAECHI_")}
    asked = {"HAECHI_FAILPOINT": failpoint, "HAECHI_FAILPOINT_LOG": str(marks)} if failpoint else {}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", room, name, cwd=ROOT, env=own | environment | asked, stdout=output, stderr=output
        )
    it = Started(process, log, marks)
    try:
        yield it
    finally:
        await it.kill()
