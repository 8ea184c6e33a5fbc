"""Blocks as earlier versions wrote them, in today's form."""

from typing import Any

import msgspec
import numpy as np

from analytics.positions.columns import pack

_FIX: Any = [("last_at", "<i8"), ("cursor", "<u4"), *((name, "<i8", 4) for name in ("at", "received"))]
_FIX += [("lon", "<f8", 4), ("lat", "<f8", 4), ("accuracy", "<f4", 4)]
_PAIR: Any = [("zone", "<i4"), ("where", "i1"), ("outside", "<i2"), ("alerted", "<i8")]
_SEEN: Any = [("seen", "<i8")]


class _Zero(msgspec.Struct, array_like=True):
    """The first form: one state, without watches."""

    offset: int
    devices: list[str]
    persons: list[str]
    rows: bytes
    columns: int
    pairs: bytes
    zones: list[tuple[str, int]]


def upgraded(block: bytes) -> bytes:
    """The block itself, or one of the first form as `analytics.positions.state` writes it today."""
    front = msgspec.msgpack.decode(block, type=list[msgspec.Raw])[0]
    if isinstance(msgspec.msgpack.decode(front), str):
        return block
    old = msgspec.msgpack.decode(block, type=_Zero)
    fixes = np.frombuffer(old.rows, dtype=_FIX)
    zones = (pack(fixes), old.columns, pack(np.frombuffer(old.pairs, dtype=_PAIR)), old.zones)
    seen = pack(fixes["last_at"].astype(_SEEN))
    parts = {"safe-zones": msgspec.msgpack.encode(zones)}
    return msgspec.msgpack.encode(("positions-1", old.offset, old.devices, old.persons, seen, parts))
