"""What is live, in Redis: a TTL on every key, one writer per key, nothing that can't be rebuilt (docs/redis.md)."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from haechi.domain.geo import Point
from haechi.domain.people import Position
from haechi.domain.time import instant_of
from haechi.domain.video import CameraState
from haechi.errors import ConfigError, TransientError
from haechi.ids import front_of

_POSITION_S = 24 * 3600
_CAMERA_S = 30
_THUMBNAIL_S = 600
_TIMEOUT_S = 5.0
_PAGE = 1000


class Thumbnail(msgspec.Struct, frozen=True):
    """The newest small picture of a camera."""

    jpeg: bytes
    captured_at: datetime


class LastFix(msgspec.Struct, frozen=True, array_like=True):
    """A person's newest fix: times in microseconds since 1970, NaN for unknown. In Redis lies only the front of the device's
    id, which whole is its credential."""

    device: str
    at: int
    received: int
    lon: float
    lat: float
    accuracy: float
    speed: float
    course: float
    battery: float

    @property
    def order(self) -> int:
        """What makes it newer than another: its time, but not a time that is yet to come, or a device whose clock is
        ahead would hide all that follows."""
        return min(self.at, self.received)

    def position(self, person: str) -> Position:
        """As the vocabulary has it."""
        return Position(
            self.device,
            person,
            instant_of(self.at),
            instant_of(self.received),
            Point(self.lon, self.lat),
            accuracy_m=_known(self.accuracy),
            speed=_known(self.speed),
            course=_known(self.course),
            battery=_known(self.battery),
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


_fix = msgspec.msgpack.Decoder(LastFix)


def _stored(fix: LastFix) -> bytes:
    """Behind its order, in digits that the server's script can compare."""
    told = msgspec.structs.replace(fix, device=front_of(fix.device))
    return b"%0*d" % (_ORDER, max(0, fix.order)) + msgspec.msgpack.encode(told)


_ORDER = 17
_NEWER = f"""
for i, key in ipairs(KEYS) do
    local known = redis.call('GET', key)
    if not known or string.sub(known, 1, {_ORDER}) <= string.sub(ARGV[i + 1], 1, {_ORDER}) then
        redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1])
    end
end"""


class Live:
    """Redis. Raises TransientError when it is away."""

    def __init__(self, url: str) -> None:
        try:
            self._redis: Redis = Redis.from_url(
                url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, health_check_interval=30
            )
        except ValueError as error:
            raise ConfigError(f"HAECHI_REDIS__URL cannot be used: {error}") from error
        self._newer = self._redis.register_script(_NEWER)

    async def beat(self, component: str, instance: str, fields: dict[str, str], ttl_s: int) -> None:
        """That instance of the component lives for another `ttl_s` seconds."""
        await self._set(f"heartbeat:{component}@{instance}", msgspec.json.encode(fields), ttl_s)

    async def heartbeats(self) -> dict[str, list[dict[str, str]]]:
        """By component, the fields of each instance that lives."""
        beats: dict[str, list[dict[str, str]]] = {}
        for name, data in sorted((await self._all("heartbeat:")).items()):
            beats.setdefault(name.partition("@")[0], []).append(msgspec.json.decode(data, type=dict[str, str]))
        return beats

    async def put_positions(self, positions: Mapping[str, LastFix]) -> None:
        """By person. What is there already and newer stays: a late fix never takes anyone back."""
        named = [(f"fix:{person}", _stored(fix)) for person, fix in positions.items()]
        with _translate_errors():
            # One command for many keys: redis-py takes 3 µs a key so, and 28 µs with a pipeline of SETs.
            for start in range(0, len(named), _PAGE):
                keys, values = zip(*named[start : start + _PAGE], strict=True)
                await self._newer(keys=keys, args=[_POSITION_S, *values])

    async def forget_positions(self, persons: Collection[str]) -> None:
        """Nobody may see them any more."""
        names = [f"fix:{person}" for person in persons]
        with _translate_errors():
            for start in range(0, len(names), _PAGE):
                await self._redis.delete(*names[start : start + _PAGE])

    async def positions(self, persons: Iterable[str]) -> dict[str, Position]:
        """Last positions of those that have one."""
        names = list(persons)
        if not names:
            return {}
        with _translate_errors():
            found = await self._redis.mget([f"fix:{person}" for person in names])
        return {
            person: _fix.decode(data[_ORDER:]).position(person)
            for person, data in zip(names, found, strict=True)
            if isinstance(data, bytes)
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
