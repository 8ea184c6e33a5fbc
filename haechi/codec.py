"""Wire types: MessagePack `[name, version, body]`, validated on the way in, numpy columns without a loop.

The rule for reading older ones: a version is raised when a field's meaning or type changes, and the `upgrades` of a
Wire hold one function per older version that turns its plain body into the next one's. Adding a field with a default
needs no new version. A newer version than ours is refused as a dead letter that names both, to be replayed after the
upgrade.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Generic, TypeVar, get_args, get_origin, overload

import msgspec
import numpy as np

from haechi.errors import PermanentError

T = TypeVar("T")
Upgrade = Callable[
    [dict[str, Any]], dict[str, Any]
]  # an older body is plain data of a shape we no longer have a type for


class Column(msgspec.Struct, frozen=True, array_like=True):
    """How a numpy array travels: its dtype with byte order, its shape, its memory."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def _encode_extra(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), np.ascontiguousarray(value).data]
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _decode_extra(kind: type, value: object) -> object:
    wanted = _column_of(kind)
    column = msgspec.convert(value, Column)
    if column.dtype != wanted.str:
        raise ValueError(f"column of {column.dtype}, {wanted.str} is needed")
    return np.frombuffer(column.data, wanted).reshape(column.shape)


@cache  # one for each kind of column
def _column_of(kind: type) -> np.dtype[Any]:
    if get_origin(kind) is not np.ndarray:
        raise NotImplementedError(f"{kind} does not travel")
    wanted: np.dtype[Any] = np.dtype(get_args(get_args(kind)[1])[0])
    return wanted


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The front of every message, enough to choose its decoder."""

    name: str
    version: int
    body: msgspec.Raw


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_extra)
_head = msgspec.msgpack.Decoder(Head)


class Wire(Generic[T]):
    """How one type travels."""

    def __init__(self, name: str, version: int, kind: type[T], upgrades: Mapping[int, Upgrade] | None = None) -> None:
        self.name = name
        self.version = version
        self.kind = kind
        self._upgrades = dict(upgrades or {})
        self._decoder = msgspec.msgpack.Decoder(kind, dec_hook=_decode_extra)

    def encode(self, value: T) -> bytes:
        """The message's bytes; the same value always gives the same bytes."""
        return _encoder.encode((self.name, self.version, value))

    def decode(self, data: bytes) -> T:
        """The value; raises PermanentError in words for anything else."""
        head = read_head(data)
        if head.name != self.name:
            raise PermanentError(f"A '{self.name}' was expected, this is a '{head.name}'.")
        return self.decode_body(head)

    def decode_body(self, head: Head) -> T:
        """The value of a message whose head has been read."""
        if head.version > self.version:
            raise PermanentError(
                f"'{self.name}' version {head.version} is newer than {self.version}, the newest this process knows; "
                "upgrade it, then replay the dead letter."
            )
        try:
            if head.version == self.version:
                return self._decoder.decode(head.body)
            body = msgspec.msgpack.decode(head.body)
            for version in range(head.version, self.version):
                body = self._upgrades[version](body)
            return msgspec.convert(body, self.kind, dec_hook=_decode_extra)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise PermanentError(f"'{self.name}' version {head.version} does not decode: {error}") from error


def read_head(data: bytes) -> Head:
    """Name, version and undecoded body of a message; raises PermanentError when it is none of ours."""
    try:
        return _head.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PermanentError(f"Not a message of this system: {error}") from error


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@overload
def decode_any(data: bytes, wires: tuple[Wire[T], Wire[A]]) -> T | A: ...
@overload
def decode_any(data: bytes, wires: tuple[Wire[T], Wire[A], Wire[B]]) -> T | A | B: ...
@overload
def decode_any(data: bytes, wires: tuple[Wire[T], Wire[A], Wire[B], Wire[C]]) -> T | A | B | C: ...
@overload
def decode_any(data: bytes, wires: tuple[Wire[Any], ...]) -> object: ...
def decode_any(data: bytes, wires: tuple[Wire[Any], ...]) -> object:
    """The value of a message of one of `wires` (a topic that carries ticks beside its batches)."""
    head = read_head(data)
    for wire in wires:
        if wire.name == head.name:
            return wire.decode_body(head)
    raise PermanentError(f"A '{head.name}' does not belong here; expected {', '.join(w.name for w in wires)}.")
