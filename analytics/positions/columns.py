"""Memory as columns: one numpy record per slot, written to a block with its own description."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

Slots = NDArray[np.int64]


class _Part(msgspec.Struct, array_like=True):
    """Records as they are kept: the fields [name, type, shape], a type being a name or again fields, and the bytes."""

    fields: list[Any]
    data: bytes


_decoder = msgspec.msgpack.Decoder(_Part)


class Columns:
    """`rows` (n,) of `dtype`, one record per slot; `empty` is what a slot holds that nothing is known of.

    Whole records are read by `rows.take(slots)` and written by `rows.put(slots, records)`: of records numpy's `rows[slots]` costs
    ten times as much. Of one field, `rows["name"][slots]` is best.
    """

    def __init__(self, dtype: DTypeLike, empty: tuple[object, ...]) -> None:
        self.dtype = np.dtype(dtype)
        self.empty = np.array(empty, dtype=self.dtype)
        self.rows: NDArray[Any] = np.zeros(0, dtype=self.dtype)

    def resize(self, room: int) -> None:
        """Room for `room` slots; what is known stays."""
        rows = np.full(room, self.empty, dtype=self.dtype)
        rows[: len(self.rows)] = self.rows[:room]
        self.rows = rows

    def clear(self, slots: Slots) -> None:
        """Nothing is known of the slots any more."""
        self.rows[slots] = self.empty

    def dump(self, shards: Sequence[Slots]) -> list[bytes]:
        """The records of the slots of each shard, in their order."""
        return pack(self.rows.take(np.concatenate(shards)), [len(slots) for slots in shards])

    def load(self, slots: Slots, data: bytes) -> None:
        """Take back what `dump` gave; a field added since is empty, one removed since is passed over."""
        self.rows[slots] = unpack(data, self.dtype, self.empty)


def pack(rows: NDArray[Any], counts: Sequence[int]) -> list[bytes]:
    """The first so many records (n,), so many after them, and so on, each part with the names of their fields."""
    described, data = _described(rows.dtype), rows.view(np.uint8).data
    ends = accumulate((count * rows.itemsize for count in counts), initial=0)
    return [msgspec.msgpack.encode((described, data[start:end])) for start, end in pairwise(ends)]


def unpack(data: bytes, dtype: np.dtype[Any], empty: NDArray[Any]) -> NDArray[Any]:
    """Records of `dtype`, field by field by name."""
    part = _decoder.decode(data)
    kept = np.frombuffer(part.data, dtype=_dtype(part.fields))
    if kept.dtype == dtype:
        return kept
    rows = np.full(len(kept), empty, dtype=dtype)
    for name in set(dtype.names or ()) & set(kept.dtype.names or ()):
        rows[name] = kept[name]
    return rows


@cache  # a few types, for ever the same
def _described(dtype: np.dtype[Any]) -> str | list[Any]:
    if dtype.fields is None:
        return dtype.str
    return [(name, _described(kind.base), kind.shape) for name, (kind, *_) in dtype.fields.items()]


def _dtype(described: str | list[Any]) -> np.dtype[Any]:
    if isinstance(described, str):
        return np.dtype(described)
    return np.dtype([(name, _dtype(kind), tuple(shape)) for name, kind, shape in described])
