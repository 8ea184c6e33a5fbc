"""What the feed reads, as narrow contracts; `haechi.store` fulfils them, and tests do with plain lists."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from haechi.domain.incidents import Incident
from haechi.domain.people import Person, Position, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera, CameraState
from haechi.store.live import Thumbnail

R_co = TypeVar("R_co", covariant=True)


class Rows(Protocol[R_co]):
    """A slice of the registry."""

    def get(self, row_id: str) -> R_co | None: ...
    def values(self) -> Sequence[R_co]: ...
    @property
    def version(self) -> int: ...
    @property
    def age(self) -> float: ...


class OpenIncidents(Protocol):
    """`haechi.store.incidents.Incidents`, as far as the feed needs it."""

    async def most_urgent(self, district: str, limit: int) -> list[Incident]: ...


class Changes(Protocol):
    """`haechi.store.feeds.ChangeFeed`."""

    async def start(self) -> None: ...
    def changes(self) -> AsyncIterator[list[Incident]]: ...
    @property
    def age(self) -> float: ...


class LiveReader(Protocol):
    """`haechi.store.live.Live`, as far as the wall reads it."""

    async def positions(self, persons: Iterable[str]) -> dict[str, Position]: ...
    async def heartbeats(self) -> dict[str, list[dict[str, str]]]: ...
    async def camera_states(self) -> dict[str, CameraState]: ...
    async def thumbnail(self, camera: str) -> Thumbnail | None: ...


class Districts(Protocol):
    """The ids of all districts."""

    async def __call__(self) -> list[str]: ...


class Registry(msgspec.Struct, frozen=True):
    """The slices that the wall follows."""

    people: Rows[Person]
    cameras: Rows[Camera]
    sensors: Rows[Sensor]
    zones: Rows[SafeZone]

    @property
    def version(self) -> tuple[int, ...]:
        return (self.people.version, self.cameras.version, self.sensors.version, self.zones.version)

    @property
    def age(self) -> float:
        return max(self.people.age, self.cameras.age, self.sensors.age, self.zones.age)
