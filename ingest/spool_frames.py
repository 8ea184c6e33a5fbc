"""The frames of a spool's file: `length (u32), CRC-32 (u32), body`; a body is MessagePack `[sequence, topic, partition, sealed]`.

A frame without `sealed` says that the lane's records up to the sequence have been delivered, so that a restart does not send
them again; losing it (it is not fsynced) costs a duplicate, never a record.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import msgspec

from haechi.errors import PermanentError

_HEAD = struct.Struct("<II")
_LARGEST_BODY = 8 << 20


class Body(msgspec.Struct, array_like=True, frozen=True):
    """A record of a lane, sealed; or, with nothing sealed, that the lane's records up to this one were delivered."""

    sequence: int
    topic: str
    partition: int
    sealed: bytes = b""


_FIRST_BYTE = b"\x94"  # of every body: an array of four

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


def frame_of(body: Body) -> bytes:
    """As it lies in the file."""
    data = _encode(body)
    return _HEAD.pack(len(data), crc32(data)) + data


def frames_of(data: bytes) -> Iterator[tuple[int, int, Body]]:
    """Offset, length and body of each frame that can be read; between two of them lies what cannot."""
    offset = 0
    while (start := data.find(_FIRST_BYTE, offset + _HEAD.size)) >= 0:
        offset = start - _HEAD.size
        length, checksum = _HEAD.unpack_from(data, offset)
        body = _body(data, start, length, checksum)
        if body is None:
            offset += 1
        else:
            yield offset, _HEAD.size + length, body
            offset += _HEAD.size + length


def _body(data: bytes, start: int, length: int, checksum: int) -> Body | None:
    """None where there is none."""
    if length > min(_LARGEST_BODY, len(data) - start):
        return None
    body = data[start : start + length]
    if crc32(body) != checksum:
        return None
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        return None


def torn(end: bytes) -> bool:
    """Whether a crash leaves such an end: a frame that lacks its last bytes, or a length of which only the promise was kept."""
    if len(end) < _HEAD.size or not any(end):
        return bool(end)
    length = int(_HEAD.unpack_from(end)[0])
    return len(end) - _HEAD.size < length <= _LARGEST_BODY


def read_sealed(path: Path, offset: int, length: int) -> bytes:
    """What the record at `offset` of the file holds; PermanentError when it was altered."""
    with path.open("rb") as file:
        file.seek(offset)
        frame = file.read(length)
    data = frame[_HEAD.size :]
    if len(frame) != length or crc32(data) != _HEAD.unpack_from(frame)[1]:
        raise PermanentError(f"{path.name}: the record at {offset} was altered on disk.")
    return _decode(data).sealed
