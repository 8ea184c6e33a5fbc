"""Several processes of one name on one machine."""

from contextlib import AsyncExitStack
from pathlib import Path

from haechi.config import Settings, load
from haechi.process import component


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
