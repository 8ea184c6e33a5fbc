"""A server that has ended is started again, whatever keeps it down, and nobody else waits for that."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

from haechi.config import load
from haechi.supervisor import Supervisor

LONGEST_S = 30


class Server:
    """Has ended. The next starts go as they are told, the last one for ever after."""

    def __init__(self, *starts: Callable[[], Awaitable[None]]) -> None:
        self.child = SimpleNamespace(pid=None, last_words=lambda: "")
        self.starts = 0
        self._next = list(starts)

    def alive(self) -> bool:
        return False

    async def start(self) -> None:
        self.starts += 1
        await (self._next.pop(0) if len(self._next) > 1 else self._next[0])()


async def fails() -> None:
    raise OSError(28, "No space left on device")


async def takes_its_time() -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def looking_after(server: Server, folder: Path):
    """A supervisor of that server and of a process that ends at once, and what it says."""
    said: list[str] = []
    supervisor = Supervisor(load({}, data=folder), names=(), say=said.append)
    supervisor._servers = SimpleNamespace(servers={"kafka": server}, stop=lambda: asyncio.sleep(0))
    supervisor._children.append(supervisor._child("wall", [sys.executable, "-c", ""], {}))
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, said, running
    finally:
        supervisor.stop()
        async with asyncio.timeout(LONGEST_S):
            await asyncio.gather(running, return_exceptions=True)
            await supervisor.end()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONGEST_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_full_disk_that_keeps_a_server_down_does_not_end_what_holds_the_others_up(tmp_path: Path) -> None:
    server = Server(fails)
    async with looking_after(server, tmp_path) as (_, said, running):
        await until(lambda: running.done() or server.starts >= 2)
        assert not running.done()
    assert any("The disk is full: free some space" in words for words in said)


async def test_a_process_that_ends_while_redis_does_not_answer_is_started_again(tmp_path: Path) -> None:
    async with looking_after(Server(takes_its_time), tmp_path) as (supervisor, _, running):
        supervisor._live = SimpleNamespace(heartbeats=takes_its_time, close=lambda: asyncio.sleep(0))
        await until(lambda: running.done() or supervisor.states[-1].restarts >= 2)
        assert supervisor.states[-1].restarts >= 2


async def test_a_process_that_ends_while_a_server_starts_does_not_wait_for_it(tmp_path: Path) -> None:
    server = Server(takes_its_time)
    async with looking_after(server, tmp_path) as (supervisor, _, running):
        await until(lambda: server.starts == 1)
        await until(lambda: running.done() or supervisor.states[-1].restarts >= 2)
        assert supervisor.states[-1].restarts >= 2
    assert server.starts == 1, "one start at a time"
