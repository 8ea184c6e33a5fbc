"""What travels on the wall's socket.

To the browser: `hello` once, then for each panel its *whole* present state whenever it differs, and a `beat` each
second. A message replaces the one before of its type, so nothing can be applied by halves, a slow socket skips states
instead of queueing them, and to resume is to connect. `seq` grows with every change of an audience's state.
Pictures are binary: one byte length of the camera's id, float64 (big-endian) milliseconds since 1970 of `captured_at`,
the id, the JPEG.

To the server: `{"type": "tiles", "cameras": [...]}`, the pictures that are looked at.
"""

import struct
from datetime import datetime
from typing import Any

import msgspec
from dash.development.base_component import Component

from control_room.live.feed import Away
from haechi.domain.access import Right

_HEADER = struct.Struct(">Bd")
TILES_AT_MOST = 16


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who looks on, where, by which clock."""

    name: str
    districts: tuple[str, ...]
    rights: tuple[Right, ...]
    timezone: str
    at: datetime


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """Two missed ones, and the browser says that the wall is not live."""

    at: datetime
    away: tuple[Away, ...]


class Tiles(msgspec.Struct, frozen=True, tag="tiles", forbid_unknown_fields=True):
    """Which cameras a browser shows now."""

    cameras: tuple[str, ...]


_encoder = msgspec.json.Encoder()
_tiles = msgspec.json.Decoder(Tiles)


def encode(message: Hello | Beat) -> bytes:
    return _encoder.encode(message)


def encode_model(kind: str, seq: int, model: msgspec.Struct) -> bytes:
    """A panel that the browser paints."""
    return _encoder.encode({"type": kind, "seq": seq, "model": model})


def encode_component(kind: str, seq: int, component: Component) -> bytes:
    """A panel that Python has rendered."""
    return _encoder.encode({"type": kind, "seq": seq, "component": _plain(component)})


def encode_picture(camera: str, captured_at: datetime, jpeg: bytes) -> bytes:
    name = camera.encode()
    return _HEADER.pack(len(name), captured_at.timestamp() * 1000) + name + jpeg


def decode_tiles(data: str | bytes) -> tuple[str, ...]:
    """The cameras asked for, at most `TILES_AT_MOST`; raises msgspec.DecodeError for anything else."""
    return _tiles.decode(data).cameras[:TILES_AT_MOST]


Plain = dict[str, Any] | list[Any] | str | int | float | bool | None


def _plain(value: object) -> Plain:
    if isinstance(value, Component):
        parts: dict[str, Any] = value.to_plotly_json()
        return {**parts, "props": {key: _plain(prop) for key, prop in parts["props"].items()}}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool | dict):
        return value
    raise TypeError(f"{type(value).__name__} cannot be sent to the page")
