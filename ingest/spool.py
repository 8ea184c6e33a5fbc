"""What was accepted while Kafka is away: sealed records in append-only files, fsynced before anyone is told.

A file is a row of frames (`ingest.spool_frames`). A frame that cannot be read takes no other along: behind it the next one
that can is looked for. It is damage, which somebody must be told of before its file goes; nothing is kept of it, for what was
altered opens no more. Only the end of the newest file is cut where a crash has torn it off: nobody was told that it is accepted.
"""

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import structlog

from haechi.errors import ConfigError, PermanentError
from haechi.failpoints import failpoint
from haechi.locks import hold
from haechi.sealing import Sealer
from ingest.lane import Lane
from ingest.refusal import Refused, overloaded
from ingest.spool_frames import Body, frame_of, frames_of, read_sealed, torn

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 16 << 20
RESERVED_SHARE = 8  # one eighth of the spool is for calls for help alone
_SLOTS = 64
_NO_LANE = Lane("", 0)  # of what is too damaged to say whose it was


@dataclass(frozen=True, slots=True)
class _Place:
    segment: int
    offset: int
    length: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Damage:
    """What was accepted and can be read no more; `words` say where, to people."""

    file: str
    words: str
    segment: int
    lane: Lane = _NO_LANE
    sequence: int = 0


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
        self._damaged: deque[Damage] = deque()
        self._found_damaged = asyncio.Event()
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

    @property
    def damaged(self) -> int:
        """How much damage nobody was told of yet."""
        return len(self._damaged)

    async def damage(self) -> Damage:
        """The oldest damage that nobody was told of, as soon as there is any; a file of an earlier process has one for all."""
        while not self._damaged:
            self._found_damaged.clear()
            await self._found_damaged.wait()
        return self._damaged[0]

    def told(self) -> None:
        """Somebody was told of the oldest damage."""
        damage = self._damaged.popleft()
        self._segments[damage.segment].live -= 1
        self._note(damage.lane, damage.sequence)

    async def _arrival(self, lane: Lane) -> None:
        while not self.waiting(lane):
            event = self._arrived.setdefault(lane, asyncio.Event())
            event.clear()
            await event.wait()

    async def append(self, lane: Lane, value: bytes, *, urgent: bool = False) -> None:
        """Returns when the record is fsynced, behind all others of its lane. Refused (503) when the spool is full."""
        self._sequence += 1
        frame = frame_of(Body(self._sequence, lane.topic, lane.partition, self._sealer.seal(value, _context(lane))))
        if self.size + len(frame) > (self._limit if urgent else self._room):
            raise _full("The spool is full")
        written = asyncio.get_running_loop().create_future()
        self._enqueue(_Pending(frame, self._sequence, lane, written))
        await written

    async def first(self, lane: Lane) -> bytes:
        """The oldest record of the lane that can be read, as soon as there is one; what cannot becomes damage."""
        while True:
            await self._arrival(lane)
            place = self._waiting[lane][0]
            try:
                return await asyncio.to_thread(self._open, lane, place)
            except PermanentError as error:
                self.give_up(lane, str(error))

    def give_up(self, lane: Lane, why: str) -> None:
        """The oldest record of the lane is of no use: it becomes damage, and the next is the oldest."""
        place = self._waiting[lane].popleft()
        name = self._name(place.segment)
        words = f"A record of {lane.topic}/{lane.partition}, at byte {place.offset} of {name}: {why}"
        self._set_aside(Damage(name, words, place.segment, lane, place.sequence))

    def done(self, lane: Lane) -> None:
        """The oldest record of the lane has been delivered."""
        place = self._waiting[lane].popleft()
        self._segments[place.segment].live -= 1
        self._note(lane, place.sequence)

    async def close(self) -> None:
        """Write what is under way and let go of the folder."""
        if self._committing is not None:
            await self._committing
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._lock)

    def _name(self, number: int) -> str:
        return f"{self.folder.name}/{self._segments[number].path.name}"

    def _set_aside(self, damage: Damage) -> None:
        """The file stays until somebody was told: its `live` counts that."""
        log.error("spool.unreadable", file=damage.file, words=damage.words)
        self._damaged.append(damage)
        self._found_damaged.set()

    def _open(self, lane: Lane, place: _Place) -> bytes:
        sealed = read_sealed(self._segments[place.segment].path, place.offset, place.length)
        return self._sealer.open(sealed, _context(lane))

    def _note(self, lane: Lane, sequence: int) -> None:
        self._enqueue(_Pending(frame_of(Body(sequence, lane.topic, lane.partition)), sequence))

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
        paths = sorted(self.folder.glob("*.spool"))
        for path in paths:
            number, data = int(path.stem), path.read_bytes()
            segment = self._segments[number] = _Segment(path, len(data))
            end, gaps = 0, []
            for offset, length, body in frames_of(data):
                if offset > end:
                    gaps.append((end, offset))
                end = offset + length
                self._take(_Place(number, offset, length, body.sequence), body)
            if path == paths[-1] and torn(data[end:]):
                log.warning("spool.torn_record_cut", file=path.name, bytes=len(data) - end)
                os.truncate(path, end)
                segment.size = end
            elif end < len(data):
                gaps.append((end, len(data)))
            if gaps:
                segment.live += 1
                name = self._name(number)
                self._set_aside(Damage(name, _in_words(gaps, name), number))
        self._check_key()

    def _take(self, place: _Place, body: Body) -> None:
        """What an earlier process wrote: a record, or that records were delivered."""
        self._sequence = max(self._sequence, body.sequence)
        lane = Lane(body.topic, body.partition)
        if body.sealed:
            self._waiting.setdefault(lane, deque()).append(place)
            self._segments[place.segment].live += 1
        else:
            self._forget(lane, body.sequence)

    def _forget(self, lane: Lane, sequence: int) -> None:
        places = self._waiting.get(lane)
        while places and places[0].sequence <= sequence:
            self._segments[places.popleft().segment].live -= 1

    def _check_key(self) -> None:
        """A key that opens the first record of no lane is another one; a single record may have been altered."""
        failed: PermanentError | None = None
        for lane, places in self._waiting.items():
            if places:
                try:
                    self._open(lane, places[0])
                except PermanentError as error:
                    failed = error
                else:
                    return
        if failed is not None:
            os.close(self._lock)
            raise ConfigError(
                f"{self.folder}: {failed} It holds accepted reports: start with the key that it was written with."
            ) from failed


def _in_words(gaps: Sequence[tuple[int, int]], file: str) -> str:
    """Of places in a file, each from a byte to before another one."""
    lost = sum(end - start for start, end in gaps)
    first = f"at byte {gaps[0][0]}"
    where = f"1 place of {file}, {first}" if len(gaps) == 1 else f"{len(gaps)} places of {file}, the first {first}"
    return f"{where}, {lost} bytes in all"


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
