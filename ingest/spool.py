"""What was accepted while Kafka is away: sealed records in append-only files, fsynced before anyone is told.

A file is a row of frames `length (u32), CRC-32 (u32), body`; a body is MessagePack `[sequence, topic, partition,
sealed]`. A frame without `sealed` says that the lane's records up to the sequence have been delivered, so that a
restart does not send them again; losing it (it is not fsynced) costs a duplicate, never a record.
"""

import asyncio
import os
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zlib import crc32

import msgspec
import structlog

from haechi.errors import ConfigError, PermanentError
from haechi.failpoints import failpoint
from haechi.locks import hold
from haechi.sealing import Sealer
from ingest.lane import Lane
from ingest.refusal import Refused, overloaded

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 16 << 20
RESERVED_SHARE = 8  # one eighth of the spool is for calls for help alone
_HEAD = struct.Struct("<II")
_LARGEST_BODY = 8 << 20
_SLOTS = 64


class _Body(msgspec.Struct, array_like=True, frozen=True):
    sequence: int
    topic: str
    partition: int
    sealed: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class _Place:
    segment: int
    offset: int
    length: int
    sequence: int


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int = 0
    live: int = 0


@dataclass(slots=True)
class _Pending:
    frame: bytes
    sequence: int
    lane: Lane | None = None  # None: a note of delivery
    written: "asyncio.Future[None] | None" = field(default=None)


class Spool:
    """A bounded queue on disk per lane. One process holds a folder; `Spool.claim` finds it one."""

    def __init__(self, folder: Path, sealer: Sealer, *, limit_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Opens the folder and finds what an earlier process left; ConfigError when it was sealed with another key."""
        self.folder = folder
        self._sealer = sealer
        self._limit = limit_bytes
        self._room = limit_bytes - limit_bytes // RESERVED_SHARE
        self._segment_bytes = min(segment_bytes, max(limit_bytes // 8, 64 << 10))
        self._lock = hold(folder / "lock")
        self._segments: dict[int, _Segment] = {}
        self._waiting: dict[Lane, deque[_Place]] = {}
        self._arrived: dict[Lane, asyncio.Event] = {}
        self._queue: list[_Pending] = []
        self._queued_bytes = 0
        self._sequence = 0
        self._active: int | None = None
        self._file = -1
        self._committing: asyncio.Task[None] | None = None
        self._recover()

    @classmethod
    def claim(cls, base: Path, name: str, sealer: Sealer, *, limit_bytes: int) -> Self:
        """The first folder `base/name-N` that no other process holds, so that any number may run on a machine."""
        for slot in range(_SLOTS):
            try:
                return cls(base / f"{name}-{slot}", sealer, limit_bytes=limit_bytes)
            except BlockingIOError:
                continue
        raise ConfigError(f"{base}: {_SLOTS} processes named {name} hold a spool there already.")

    @property
    def size(self) -> int:
        """What is on disk or on its way there."""
        return sum(segment.size for segment in self._segments.values()) + self._queued_bytes

    @property
    def full(self) -> bool:
        """Whether hardly any plain record is taken now."""
        return self.size >= self._room - self._limit // 32

    def waiting(self, lane: Lane) -> int:
        """How many records of the lane are not delivered yet."""
        return len(self._waiting.get(lane, ()))

    async def arrival(self, lane: Lane) -> None:
        """Returns when a record of the lane waits."""
        while not self.waiting(lane):
            event = self._arrived.setdefault(lane, asyncio.Event())
            event.clear()
            await event.wait()

    async def append(self, lane: Lane, value: bytes, *, urgent: bool = False) -> None:
        """Returns when the record is fsynced, behind all others of its lane. Refused (503) when the spool is full."""
        self._sequence += 1
        frame = _frame(_Body(self._sequence, lane.topic, lane.partition, self._sealer.seal(value, _context(lane))))
        if self.size + len(frame) > (self._limit if urgent else self._room):
            raise _full("The spool is full")
        written = asyncio.get_running_loop().create_future()
        self._enqueue(_Pending(frame, self._sequence, lane, written))
        await written

    async def first(self, lane: Lane) -> bytes:
        """The oldest record of the lane; PermanentError when its bytes were altered on disk."""
        place = self._waiting[lane][0]
        sealed = await asyncio.to_thread(_read, self._segments[place.segment].path, place)
        return self._sealer.open(sealed, _context(lane))

    def done(self, lane: Lane) -> None:
        """The oldest record of the lane has been delivered."""
        place = self._waiting[lane].popleft()
        self._segments[place.segment].live -= 1
        self._enqueue(_Pending(_frame(_Body(place.sequence, lane.topic, lane.partition)), place.sequence))

    async def close(self) -> None:
        """Write what is under way and let go of the folder."""
        if self._committing is not None:
            await self._committing
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._lock)

    def _enqueue(self, pending: _Pending) -> None:
        self._queue.append(pending)
        self._queued_bytes += len(pending.frame)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit(), name="spool")

    async def _commit(self) -> None:
        """Write and fsync whatever has queued up, again and again: one fsync for many."""
        try:
            while self._queue:
                taken, self._queue = self._queue, []
                try:
                    places = await asyncio.to_thread(self._write, taken)
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait for the disk must hear it
                    log.warning("spool.write_failed", folder=str(self.folder), error=repr(error))
                    await asyncio.to_thread(self._give_up_segment)
                    refusal = _full(f"The spool cannot be written ({error})")
                    _answer(taken, refusal)
                else:
                    self._index(taken, places)
                    _answer(taken, None)
                self._queued_bytes -= sum(len(pending.frame) for pending in taken)
                await self._drop_delivered()
        finally:
            self._committing = None

    def _write(self, taken: list[_Pending]) -> list[_Place]:
        if self._active is None:
            self._start_segment()
        number = self._active or 0
        segment = self._segments[number]
        places, offset = [], segment.size
        for pending in taken:
            places.append(_Place(number, offset, len(pending.frame), pending.sequence))
            offset += len(pending.frame)
        data = memoryview(b"".join(pending.frame for pending in taken))
        while data:
            data = data[os.write(self._file, data) :]
        failpoint("spool.after_write")
        if any(pending.written is not None for pending in taken):
            os.fsync(self._file)
            failpoint("spool.after_fsync")
        segment.size = offset
        if offset >= self._segment_bytes:
            self._leave_segment()
        return places

    def _start_segment(self) -> None:
        number = max(self._segments, default=0) + 1
        path = self.folder / f"{number:012d}.spool"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        _fsync_folder(self.folder)
        self._segments[number] = _Segment(path)
        self._active = number

    def _leave_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._active = -1, None

    def _give_up_segment(self) -> None:
        """After a failed write: cut what is half there, and go on in a new file."""
        if self._active is not None:
            try:
                os.ftruncate(self._file, self._segments[self._active].size)
            except OSError as error:
                log.warning("spool.truncate_failed", error=repr(error))  # the next start cuts it
        self._leave_segment()

    def _index(self, taken: list[_Pending], places: list[_Place]) -> None:
        for pending, place in zip(taken, places, strict=True):
            if pending.lane is not None:
                self._waiting.setdefault(pending.lane, deque()).append(place)
                self._segments[place.segment].live += 1
                if (event := self._arrived.get(pending.lane)) is not None:
                    event.set()

    async def _drop_delivered(self) -> None:
        """Remove files from the oldest on while nothing in them waits; a note of delivery outlives what it is about."""
        empty = not any(self._waiting.values()) and not any(pending.lane for pending in self._queue)
        if empty and self._active is not None:
            self._leave_segment()
        gone = []
        for number in sorted(self._segments):
            if self._segments[number].live or number == self._active:
                break
            gone.append(self._segments.pop(number).path)
        if gone:
            await asyncio.to_thread(_remove, gone)

    def _recover(self) -> None:
        for path in sorted(self.folder.glob("*.spool")):
            segment = self._segments[int(path.stem)] = _Segment(path, path.stat().st_size)
            end = 0
            for place, body in _scan(int(path.stem), path):
                end = place.offset + place.length
                self._sequence = max(self._sequence, body.sequence)
                lane = Lane(body.topic, body.partition)
                if body.sealed:
                    self._waiting.setdefault(lane, deque()).append(place)
                    segment.live += 1
                else:
                    self._forget(lane, body.sequence)
            if end < segment.size:
                log.warning("spool.torn_record_cut", file=path.name, bytes=segment.size - end)
                os.truncate(path, end)
                segment.size = end
        self._check_key()

    def _forget(self, lane: Lane, sequence: int) -> None:
        places = self._waiting.get(lane)
        while places and places[0].sequence <= sequence:
            self._segments[places.popleft().segment].live -= 1

    def _check_key(self) -> None:
        for lane, places in self._waiting.items():
            if places:
                try:
                    self._sealer.open(_read(self._segments[places[0].segment].path, places[0]), _context(lane))
                except PermanentError as error:
                    os.close(self._lock)
                    raise ConfigError(
                        f"{self.folder}: {error} It holds accepted reports: start with the key that it was written with."
                    ) from error
                return


def _frame(body: _Body) -> bytes:
    data = _encode(body)
    return _HEAD.pack(len(data), crc32(data)) + data


def _scan(number: int, path: Path) -> Iterator[tuple[_Place, _Body]]:
    """The whole frames of a file, up to the first that is torn or altered."""
    with path.open("rb") as file:
        offset = 0
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            data = file.read(length) if length <= _LARGEST_BODY else b""
            if len(data) < length or crc32(data) != checksum:
                return
            try:
                body = _decode(data)
            except msgspec.MsgspecError:
                return
            yield _Place(number, offset, _HEAD.size + length, body.sequence), body
            offset += _HEAD.size + length


def _read(path: Path, place: _Place) -> bytes:
    with path.open("rb") as file:
        file.seek(place.offset)
        frame = file.read(place.length)
    data = frame[_HEAD.size :]
    if len(frame) != place.length or crc32(data) != _HEAD.unpack_from(frame)[1]:
        raise PermanentError(f"{path.name}: the record at {place.offset} was altered on disk.")
    return _decode(data).sealed


def _answer(taken: list[_Pending], refusal: Refused | None) -> None:
    for pending in taken:
        if pending.written is not None and not pending.written.done():
            if refusal is None:
                pending.written.set_result(None)
            else:
                pending.written.set_exception(refusal)


def _full(words: str) -> Refused:
    return overloaded(f"{words}, and Kafka does not take it either; send it again.", reason="spool-full")


def _context(lane: Lane) -> bytes:
    return f"spool/{lane.topic}/{lane.partition}".encode()


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
