"""The zones of the registry on their way to the watch: what a worker that starts from an old copy of them may not end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from analytics.__main__ import outlook_of
from analytics.positions import PositionState
from analytics.zone_books import Books
from haechi.config import Settings
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import PEOPLE, SAFE_ZONES, Registry
from haechi.store.slices import CustodySlice, DevicesSlice, SafeZonesSlice
from tests.analytics.positions.build import fix, partition, run
from tests.analytics.positions.test_zones import HOME_ZONE, SCHOOL, said
from tests.haechi.store.conftest import DISTRICT, consent, person


@pytest.fixture
async def pool(postgres_database: str) -> AsyncIterator[Pool]:
    await migrate(postgres_database)
    opened = await open_pool(postgres_database, size=4)
    await ensure_district(opened, DISTRICT, DISTRICT)
    yield opened
    opened.terminate()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("removed", [False, True])
async def test_what_was_left_is_told_to_be_over_by_the_registry_only_and_never_by_an_old_copy(
    pool: Pool, tmp_path: Path, unused_tcp_port: int, removed: bool
) -> None:
    sealer = Sealer(create_key())
    registry, nowhere = Registry(pool, sealer), await open_pool(f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x")
    child = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value.id

    def books(pool: Pool, copy: Path | None) -> Books:
        return Books(lambda note: SafeZonesSlice(pool, sealer, copy=copy, on_change=note))

    def state(of: Books) -> PositionState:
        return partition(outlook_of(Settings(), of, DevicesSlice(pool, sealer), CustodySlice(pool, sealer)))

    def walked(start: int, *east: float) -> list:
        return [[fix(start + 4 * i, x, person=child, speed=1.3)] for i, x in enumerate(east)]

    await registry.add(SAFE_ZONES, DISTRICT, msgspec.structs.replace(SCHOOL, person_id=child, notices=False))
    await books(pool, tmp_path / "copy").zones.start()
    home = (await registry.add(SAFE_ZONES, DISTRICT, msgspec.structs.replace(HOME_ZONE, person_id=child))).value.id
    new = books(pool, None)
    await new.zones.start()
    before = state(new)
    (left,) = run(before, *walked(0, 0, 0, 400, 400, 400, 400))
    assert (left.kind, left.place) == ("zone-exit", home)
    if removed:
        await registry.remove(SAFE_ZONES, DISTRICT, home)

    again = books(nowhere, tmp_path / "copy")
    await again.zones.start()
    after = state(again)
    for shard, block in before.changed():
        after.load(shard, block)
    assert run(after, *walked(30, 400, 400), start=10) == []
    again.zones._pool = pool  # the server is back under its address
    following = asyncio.ensure_future(again.zones.follow())
    await until(lambda: again.zones.reads >= 2)
    following.cancel()
    (over,) = [one for one in run(after, *walked(40, 400, 0), start=20) if one.action == "clear"]
    assert (over.id, said([over])) == (left.id, [("zone-exit", "clear", home)])
    assert over.because.words == ("the zone was removed: home" if removed else "is back inside: home")
