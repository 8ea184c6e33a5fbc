"""The registry: people, guardians, agencies, devices, zones, cameras and sensors, one literal table of tables."""

from typing import Generic, Literal, TypeVar

import asyncpg
import msgspec

from haechi.domain.alerting import Agency, Recipient
from haechi.domain.people import Consent, Device, Guardian, Person, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera
from haechi.sealing import Sealer

T = TypeVar("T", bound=msgspec.Struct)
Kind = Literal["guardians", "agencies", "people", "devices", "safe-zones", "cameras", "sensors"]


class Table(msgspec.Struct, Generic[T], frozen=True):
    """How a domain type lies in PostgreSQL: its fields are columns; some are JSON, some sealed."""

    kind: str
    name: str
    type: type[T]
    json: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    signs: bool = False  # has a webhook secret


GUARDIANS = Table("guardians", "guardians", Guardian, signs=True)
AGENCIES = Table("agencies", "agencies", Agency, signs=True)
PEOPLE = Table("people", "people", Person, json=frozenset({"consent"}))
DEVICES = Table("devices", "devices", Device)
SAFE_ZONES = Table("safe-zones", "safe_zones", SafeZone, json=frozenset({"area", "schedule"}))
CAMERAS = Table("cameras", "cameras", Camera, json=frozenset({"location", "zones"}), sealed=frozenset({"url"}))
SENSORS = Table("sensors", "sensors", Sensor, json=frozenset({"location"}))


class Row(msgspec.Struct, Generic[T], frozen=True):
    """A value with its version; `secret` (whsec_...) only in the answer to `add` of a guardian or agency."""

    value: T
    version: int
    secret: str | None = None


class DeviceEntry(msgspec.Struct, frozen=True):
    """What a gateway knows of a device: whose it is, and what that person's consent covers."""

    device: Device
    consent: Consent | None


class Registry:
    """Reads and writes rows of one district at a time; a row of another district does not exist."""

    def __init__(self, pool: asyncpg.Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer

    async def add(self, table: Table[T], district: str, value: T) -> Row[T]:
        """Insert; the id is made here (the `id` and `district` of `value` are replaced).

        Raises:
            NotFound: a person or guardian that it refers to is not in the district.
        """
        raise NotImplementedError

    async def list(self, table: Table[T], district: str, limit: int = 100, after: str | None = None) -> list[Row[T]]:
        """Rows in order of id, those after the id `after`."""
        raise NotImplementedError

    async def get(self, table: Table[T], district: str, row_id: str) -> Row[T]:
        """One row; NotFound if there is none in the district."""
        raise NotImplementedError

    async def change(self, table: Table[T], district: str, row_id: str, value: T, version: int | None = None) -> Row[T]:
        """Replace the row's value. Conflict when `version` is given and is not the present one."""
        raise NotImplementedError

    async def remove(self, table: Table[T], district: str, row_id: str) -> None:
        """Mark as deleted (feeds see it go). NotFound; Conflict where something still refers to it."""
        raise NotImplementedError

    async def secret_of(self, recipient: Recipient) -> str:
        """The webhook secret (whsec_...) of a guardian or agency."""
        raise NotImplementedError
