"""People of a benchmark, straight into the registry of a running centre: four thousand by the API would take minutes."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from haechi.config import Settings
from haechi.domain.people import Consent, Device, DeviceKind, Person
from haechi.sealing import Sealer
from haechi.store.postgres import open_pool
from haechi.store.registry import DEVICES, PEOPLE, Registry

TOGETHER = 8
CONSENT = Consent("themselves", datetime(2026, 1, 1, tzinfo=UTC), ("position", "sos"))


async def registered(
    settings: Settings,
    count: int,
    kind: DeviceKind,
    guardians: Sequence[str] = (),
    serial: Callable[[int], str | None] = lambda _: None,
) -> list[str]:
    """So many people with a device each and the same guardians; the devices' ids. `serial` gives the n-th device's."""
    url, key, district = settings.postgres.url, settings.data_key, settings.district
    assert url is not None
    assert key is not None
    pool = await open_pool(url.get_secret_value())
    try:
        registry, together = Registry(pool, Sealer(key.get_secret_value())), asyncio.Semaphore(TOGETHER)

        async def one(number: int) -> str:
            async with together:
                value = Person("", district, f"person {number}", date(1940, 1, 1), "elder", tuple(guardians), CONSENT)
                person = await registry.add(PEOPLE, district, value)
                device = Device("", district, person.value.id, kind, serial=serial(number))
                return (await registry.add(DEVICES, district, device)).value.id

        return list(await asyncio.gather(*(one(number) for number in range(count))))
    finally:
        await pool.close()
