"""What is live, in Redis: a TTL on every key, one writer per key, nothing that can't be rebuilt (docs/redis.md)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from haechi.domain.people import Position
from haechi.domain.video import CameraState
from haechi.errors import ConfigError, TransientError

_POSITION_S = 24 * 3600
_CAMERA_S = 30
_THUMBNAIL_S = 600
_TIMEOUT_S = 5.0
_PAGE = 1000


class Thumbnail(msgspec.Struct, frozen=True):
    """The newest small picture of a camera."""

    jpeg: bytes
    captured_at: datetime


class Live:
    """Redis. Raises TransientError when it is away."""

    def __init__(self, url: str) -> None:
        try:
            self._redis: Redis = Redis.from_url(
                url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, health_check_interval=30
            )
        except ValueError as error:
            raise ConfigError(f"HAECHI_REDIS__URL cannot be used: {error}") from error

    async def beat(self, component: str, instance: str, fields: dict[str, str], ttl_s: int) -> None:
        """That instance of the component lives for another `ttl_s` seconds."""
        await self._set(f"heartbeat:{component}@{instance}", msgspec.json.encode(fields), ttl_s)

    async def heartbeats(self) -> dict[str, list[dict[str, str]]]:
        """By component, the fields of each instance that lives."""
        beats: dict[str, list[dict[str, str]]] = {}
        for name, data in sorted((await self._all("heartbeat:")).items()):
            beats.setdefault(name.partition("@")[0], []).append(msgspec.json.decode(data, type=dict[str, str]))
        return beats

    async def put_positions(self, positions: Sequence[tuple[str, bytes]]) -> None:
        """(person, JSON of a Position) each."""
        with _translate_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for person, position in positions:
                    pipe.set(f"position:{person}", position, ex=_POSITION_S)
                await pipe.execute()

    async def positions(self, persons: Iterable[str]) -> dict[str, Position]:
        """Last positions of those that have one."""
        names = list(persons)
        if not names:
            return {}
        with _translate_errors():
            found = await self._redis.mget([f"position:{person}" for person in names])
        return {
            person: msgspec.json.decode(data, type=Position)
            for person, data in zip(names, found, strict=True)
            if data is not None
        }

    async def put_camera_state(self, state: CameraState) -> None:
        """Reported again at least every 10 s, or the camera counts as unknown. What the detector says of a camera
        ("no model") has a key of its own: each key has one writer."""
        front = "unseen" if state.state == "no model" else "camera"
        await self._set(f"{front}:{state.camera}", msgspec.json.encode(state), _CAMERA_S)

    async def camera_states(self) -> dict[str, CameraState]:
        """By camera."""
        read, unseen = await self._all("camera:"), await self._all("unseen:")
        states = {camera: msgspec.json.decode(data, type=CameraState) for camera, data in read.items()}
        for camera, data in unseen.items():
            if camera in states and states[camera].state == "live":
                states[camera] = msgspec.json.decode(data, type=CameraState)
        return states

    async def put_thumbnail(self, camera: str, jpeg: bytes, captured_at: datetime) -> None:
        """Replaces the one before."""
        await self._set(f"thumbnail:{camera}", msgspec.msgpack.encode(Thumbnail(jpeg, captured_at)), _THUMBNAIL_S)

    async def thumbnail(self, camera: str) -> Thumbnail | None:
        """The newest; its age is the reader's to show."""
        with _translate_errors():
            data = await self._redis.get(f"thumbnail:{camera}")
        return msgspec.msgpack.decode(data, type=Thumbnail) if isinstance(data, bytes) else None

    async def close(self) -> None:
        """Gives the connections back."""
        await self._redis.aclose()

    async def _set(self, key: str, data: bytes, ttl_s: int) -> None:
        with _translate_errors():
            await self._redis.set(key, data, ex=ttl_s)

    async def _all(self, front: str) -> dict[str, bytes]:
        """Values of all keys that begin so, by the rest of the key."""
        with _translate_errors():
            keys = [key async for key in self._redis.scan_iter(match=f"{front}*", count=_PAGE)]
            found = await self._redis.mget(keys) if keys else []
        return {
            key.decode().removeprefix(front): data
            for key, data in zip(keys, found, strict=True)
            if isinstance(data, bytes)  # None: it went between the two calls
        }


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise TransientError(f"Redis is away ({str(error) or type(error).__name__}); it is tried again.") from error
