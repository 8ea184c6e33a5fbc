"""A child process: its readiness, its words when it fails, its end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from haechi.embedded import process
from haechi.embedded.process import ChildProcess, Command, NotReady, Recovering, ServerFailed, end_leftovers


def shell(script: str, folder: Path) -> Command:
    return Command(["/bin/sh", "-c", script], cwd=folder, marker=str(folder))


async def ready() -> None:
    pass


async def never() -> None:
    raise NotReady


def launch(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def ended(pid: int) -> bool:
    """Gone within seconds; a zombie that nobody has collected yet counts as gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for _ in range(200):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.05)
        return False
    return True


async def test_a_server_that_ends_at_once_says_why_where_and_what_to_do(tmp_path):
    child = ChildProcess("kafka", tmp_path)
    with pytest.raises(ServerFailed) as failed:
        await child.start(shell("echo write: No space left on device; exit 3", tmp_path), never, seconds=20)
    words = str(failed.value)
    assert "kafka: ended with exit code 3" in words
    assert "The disk is full: free some space" in words
    assert str(tmp_path / "logs" / "kafka.log") in words
    assert "write: No space left on device" in words
    assert not child.alive()


async def test_a_server_that_never_answers_is_ended_with_its_children(tmp_path):
    child = ChildProcess("postgres", tmp_path)
    pids: list[int] = []
    os.mkfifo(tmp_path / "child")

    async def never_once_it_has_a_child() -> None:
        if not pids:  # without letting go of the loop: before there is a child, no time is up
            pids.append(int((tmp_path / "child").read_text()))
        raise NotReady

    with pytest.raises(ServerFailed, match="did not answer within 1 s"):
        await child.start(shell("sleep 77 & echo $! > child; wait", tmp_path), never_once_it_has_a_child, seconds=1)
    assert ended(pids[0])


async def test_a_server_that_says_it_reads_its_files_back_is_waited_for_and_that_is_said_once(tmp_path, monkeypatch):
    child, said = ChildProcess("postgres", tmp_path), []
    loop, probes = asyncio.get_running_loop(), 0
    time_of_loop = loop.time
    monkeypatch.setattr(loop, "time", lambda: time_of_loop() + 800 * probes)  # so far apart they are

    async def the_fifth_time() -> None:
        nonlocal probes
        probes += 1
        if probes < 5:
            raise Recovering

    await child.start(shell("sleep 77", tmp_path), the_fifth_time, seconds=1000, say=said.append)
    assert child.alive()
    assert said == [f"postgres reads its files back, as after a power cut. Its log: {child.log}"]
    await child.stop(seconds=20)


async def test_a_program_that_is_missing_is_said_in_words(tmp_path):
    command = Command([str(tmp_path / "absent")], cwd=tmp_path, marker="")
    with pytest.raises(ServerFailed, match="absent: No such file or directory"):
        await ChildProcess("valkey", tmp_path).start(command, never, seconds=20)


async def test_a_server_that_ignores_a_polite_stop_is_killed(tmp_path):
    child = ChildProcess("mqtt", tmp_path)

    async def trapped() -> None:
        if not (tmp_path / "trapped").exists():
            raise NotReady

    await child.start(shell("trap '' TERM; touch trapped; while :; do sleep 0.05; done", tmp_path), trapped, seconds=20)
    pid = child.pid
    await child.stop(seconds=0.2)
    assert not child.alive()
    assert ended(pid)


async def test_a_polite_stop_lets_the_server_finish(tmp_path):
    child = ChildProcess("mqtt", tmp_path)

    async def trapped() -> None:
        if not (tmp_path / "trapped").exists():
            raise NotReady

    script = "trap 'touch saved; exit' TERM; touch trapped; while :; do sleep 0.05; done"
    await child.start(shell(script, tmp_path), trapped, seconds=20)
    await child.stop(seconds=20)
    assert (tmp_path / "saved").exists()


async def test_what_an_earlier_life_left_behind_is_ended_and_strangers_are_spared(tmp_path):
    command = Command(["/bin/sleep", "88", str(tmp_path)], cwd=tmp_path, marker=str(tmp_path))
    leftover = launch("/bin/bash", "-c", f"exec -a {tmp_path} sleep 88")
    other_program = launch(sys.executable, "-c", "import time; time.sleep(88)", str(tmp_path))
    other_marker = launch("/bin/sleep", "88")
    try:
        await until(lambda: psutil.Process(leftover.pid).name() == "sleep")
        await asyncio.to_thread(end_leftovers, command)
        assert ended(leftover.pid)
        assert other_program.poll() is None
        assert other_marker.poll() is None
    finally:
        for stranger in (leftover, other_program, other_marker):
            stranger.kill()
            stranger.wait()


async def test_a_log_that_outgrew_its_limit_is_put_aside_at_a_start_and_emptied_while_running(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LOG_LIMIT", 100)
    child = ChildProcess("kafka", tmp_path)
    child.log.parent.mkdir()
    child.log.write_text("old" * 100)
    script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.01; done"
    await child.start(shell(script, tmp_path), ready, seconds=20)
    try:
        assert child.log.with_suffix(".log.1").read_text().startswith("old")
        await until(lambda: child.log.stat().st_size > 200)
        child.bound_log()
        await until(lambda: child.log.stat().st_size > 0)
        first, *_ = child.log.read_text().splitlines()
        assert first.startswith("line ")  # no hole of zeros before it
        assert first != "line 1"
    finally:
        await child.stop(seconds=0)


def test_a_server_dies_with_its_parent_even_by_kill_9(tmp_path):
    script = (
        "import asyncio, pathlib, sys\n"
        "from haechi.embedded.process import ChildProcess, Command\n"
        "async def ready(): pass\n"
        "async def main():\n"
        "    folder = pathlib.Path(sys.argv[1])\n"
        "    child = ChildProcess('kafka', folder)\n"
        "    await child.start(Command(['/bin/sleep', '99'], cwd=folder, marker=''), ready, seconds=20)\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(99)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        server = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        gone, alive = psutil.wait_procs([server], timeout=20)
    assert gone == [server]
    assert alive == []
