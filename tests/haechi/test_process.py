"""Several processes of one name on one machine."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog

from haechi.config import Settings, load
from haechi.errors import UntrustedState
from haechi.process import component, run_beside, until_stopped


def settings(redis_url: str, data: Path) -> Settings:
    return load({"HAECHI_REDIS__URL": redis_url}, data=data)


async def test_each_of_several_has_a_number_of_its_own_and_who_comes_back_takes_a_free_one(
    redis_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as all_of_them:
        first, second = [
            await all_of_them.enter_async_context(component("analytics.positions", settings(redis_url, tmp_path)))
            for _ in range(2)
        ]
        async with component("analytics.urgent", settings(redis_url, tmp_path)) as other:
            assert (first.slot, second.slot, other.slot) == (0, 1, 0)
    async with component("analytics.positions", settings(redis_url, tmp_path)) as again:
        assert again.slot == 0


async def test_work_beside_ends_with_the_main_thing_and_a_failure_of_it_ends_all() -> None:
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async def fails() -> None:
        raise ValueError("broken")

    await run_beside(asyncio.sleep(0), for_ever())
    assert ended == ["work"]
    with (
        structlog.testing.capture_logs() as log,
        pytest.raises(UntrustedState, match=r"fails' has ended: ValueError: broken"),
    ):
        await run_beside(for_ever(), fails())
    [told] = [line for line in log if line["event"] == "process.task_ended"]
    assert told["task"].endswith("fails")
    assert str(told["exc_info"]) == "broken", "the log says which and why"
    assert ended == ["work", "work"]
    with pytest.raises(ValueError, match="broken"):
        await run_beside(fails(), for_ever())
    with pytest.raises(UntrustedState, match="sleep' has ended: by itself"):
        await run_beside(for_ever(), asyncio.sleep(0))


async def test_work_that_does_not_let_go_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.process.LET_GO_S", 0.05)
    let_go = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await let_go.wait()

    await run_beside(asyncio.sleep(0), stubborn())
    let_go.set()


async def test_the_signal_is_that_of_the_main_thing_where_the_work_beside_asks_for_it_too() -> None:
    work = until_stopped()
    running = asyncio.create_task(run_beside(until_stopped(), work))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    await running
