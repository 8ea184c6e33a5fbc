"""Blocks as earlier versions wrote them, in today's form."""

from typing import Any

import msgspec
import numpy as np

from analytics.positions.columns import pack

_FIX: Any = [("last_at", "<i8"), ("cursor", "<u4"), *((name, "<i8", 4) for name in ("at", "received"))]
_FIX += [("lon", "<f8", 4), ("lat", "<f8", 4), ("accuracy", "<f4", 4)]
_PAIR: Any = [("zone", "<i4"), ("where", "i1"), ("outside", "<i2"), ("alerted", "<i8")]
_NAMES = ("at", "received", "lon", "lat", "accuracy")
_SEEN: Any = [("seen", "<i8")]
_TRACK: Any = [("at", "<i8"), ("received", "<i8"), ("lon", "<f8"), ("lat", "<f8"), ("accuracy", "<f4")]
_RING: Any = [("cursor", "<u4"), ("fix", _TRACK, 4)]
_CELL: Any = [("outs", "u1"), ("where", "i1")]
_STAKE: Any = [("zone", "<i4")]
_PERSON: Any = [("left_at", "<i8", 2), ("left_zone", "<i4", 2), ("last_in", "<i4", 2)]


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
    pairs = np.frombuffer(old.pairs, dtype=_PAIR).reshape(len(fixes), old.columns)
    newest = (fixes["cursor"].astype(np.int64) - 1) % 4
    last = np.array(
        [tuple(fix[name][i] for name in _NAMES) for fix, i in zip(fixes, newest, strict=True)], dtype=_TRACK
    )
    rings = np.zeros(len(fixes), dtype=_RING)
    rings["cursor"] = fixes["cursor"]
    for name in _NAMES:
        rings["fix"][name] = fixes[name]
    cells = np.zeros(pairs.shape, dtype=_CELL)
    cells["where"], cells["outs"] = pairs["where"], (1 << np.minimum(pairs["outside"], 3)) - 1
    first = np.unique(old.persons, return_index=True)[1] if old.persons else np.zeros(0, dtype=np.int64)
    stakes = np.zeros((len(first), old.columns), dtype=_STAKE)
    stakes["zone"] = pairs["zone"][first]
    people = np.zeros(len(first), dtype=_PERSON)
    people["last_in"] = people["left_zone"] = -1
    for i, row in enumerate(first):
        for pair in pairs[[person == old.persons[row] for person in old.persons]].ravel():
            if pair["alerted"] > people["left_at"][i, 0]:
                people["left_at"][i, 0], people["left_zone"][i, 0] = pair["alerted"], pair["zone"]
    part = (
        pack(rings),
        pack(cells.ravel()),
        old.columns,
        first.tolist(),
        pack(people),
        pack(stakes.ravel()),
        old.zones,
    )
    seen, parts = pack(fixes["last_at"].astype(_SEEN)), {"zones": msgspec.msgpack.encode(part)}
    return msgspec.msgpack.encode(("positions-1", old.offset, old.devices, old.persons, seen, parts, (), pack(last)))
