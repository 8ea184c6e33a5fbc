"""What is live, in Redis: a TTL on every key, one writer per key, nothing that can't be rebuilt."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

import msgspec

from haechi.domain.people import Position
from haechi.domain.video import CameraState


class Thumbnail(msgspec.Struct, frozen=True):
    """The newest small picture of a camera."""

    jpeg: bytes
    captured_at: datetime


class Live:
    """Redis. Raises TransientError when it is away."""

    def __init__(self, url: str) -> None:
        raise NotImplementedError

    async def beat(self, component: str, fields: dict[str, str], ttl_s: int) -> None:
        raise NotImplementedError

    async def heartbeats(self) -> dict[str, dict[str, str]]:
        """Fields by component, of those that live."""
        raise NotImplementedError

    async def put_positions(self, positions: Sequence[tuple[str, bytes]]) -> None:
        """(person, JSON of a Position) each."""
        raise NotImplementedError

    async def positions(self, persons: Iterable[str]) -> dict[str, Position]:
        """Last positions of those that have one."""
        raise NotImplementedError

    async def put_camera_state(self, state: CameraState) -> None:
        raise NotImplementedError

    async def camera_states(self) -> dict[str, CameraState]:
        """By camera."""
        raise NotImplementedError

    async def put_thumbnail(self, camera: str, jpeg: bytes, captured_at: datetime) -> None:
        raise NotImplementedError

    async def thumbnail(self, camera: str) -> Thumbnail | None:
        raise NotImplementedError

    async def publish(self, channel: str, data: bytes) -> None:
        raise NotImplementedError

    def subscribe(self, channel: str) -> AsyncIterator[bytes]:
        """Messages from now on; ends with TransientError when the connection goes."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
