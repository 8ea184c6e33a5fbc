"""The slices of the registry that a process holds in memory, follows, and can start from without PostgreSQL.

slice = DevicesSlice(pool, sealer, copy=data / "copies" / "devices", on_change=...)
await slice.start()                       # from PostgreSQL, or from the sealed copy when it is away
asyncio.create_task(slice.follow())       # for ever
slice.get(device_id)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import asyncpg
import msgspec

from haechi.domain.alerting import Agency, AgencyRole
from haechi.domain.people import Guardian, Person, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera
from haechi.sealing import Sealer
from haechi.store.registry import DeviceEntry

V = TypeVar("V")


class Change(msgspec.Struct, frozen=True):
    """A row that was added, changed or (value None) removed."""

    kind: str
    id: str
    value: msgspec.Struct | None


OnChange = Callable[[Change], None]


class Slice(Generic[V]):
    """Rows of some tables in memory, by id. `V` is what `get` answers with."""

    def __init__(
        self, pool: asyncpg.Pool, sealer: Sealer, *, copy: Path | None = None, on_change: OnChange | None = None
    ) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Load. TransientError only when neither PostgreSQL nor a copy is there."""
        raise NotImplementedError

    async def follow(self) -> None:
        """For ever: each second, and at once after a hint."""
        raise NotImplementedError

    def get(self, row_id: str) -> V | None:
        raise NotImplementedError

    def values(self) -> list[V]:
        raise NotImplementedError

    async def read_through(self, row_id: str) -> V | None:
        """As `get`; a miss asks PostgreSQL once (and not again for 5 s). TransientError when it is away."""
        raise NotImplementedError

    @property
    def version(self) -> int:
        """Counts the changes seen; another number means that something changed."""
        raise NotImplementedError

    @property
    def age(self) -> float:
        """Seconds since PostgreSQL last confirmed the slice; infinite before it ever did."""
        raise NotImplementedError


class DevicesSlice(Slice[DeviceEntry]):
    """Devices by the id that they report under, each with its person's consent."""


class SafeZonesSlice(Slice[SafeZone]):
    """Safe zones by id, and by the person whom they hold."""

    def of(self, person: str) -> tuple[SafeZone, ...]:
        """The person's own zones and those of everyone in the person's district."""
        raise NotImplementedError


class CamerasSlice(Slice[Camera]):
    """Cameras by id, their urls in the clear."""


class SensorsSlice(Slice[Sensor]):
    """Sensors by id."""


class RecipientsSlice(Slice[Person]):
    """People by id, with who must be told about them."""

    def guardians_of(self, person: str) -> tuple[Guardian, ...]:
        """In order of call."""
        raise NotImplementedError

    def agencies(self, district: str, role: AgencyRole) -> tuple[Agency, ...]:
        raise NotImplementedError
