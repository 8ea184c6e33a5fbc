"""Several processes of one name on one machine."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from haechi.config import Settings, load
from haechi.process import component, run_beside


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
    with pytest.raises(ExceptionGroup) as failure:
        await run_beside(for_ever(), fails())
    assert failure.group_contains(ValueError, match="broken")
    assert ended == ["work", "work"]
