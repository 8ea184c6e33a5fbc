"""A slice of the registry that a process holds in memory, follows, and can start from without PostgreSQL.

    devices = DevicesSlice(pool, sealer, copy=data / "copies" / "devices", on_change=...)
    await devices.start()                     # from PostgreSQL, or from the sealed copy when it is away
    asyncio.create_task(devices.follow())     # for ever
    devices.get(device_id)

A feed reads the rows that were written by transactions from the cursor on, and moves the cursor to pg_snapshot_xmin: every
transaction below it has ended, so one that commits late is read in a later turn and never skipped. What has committed above
it is read as well, again and again until the cursor has passed it, which does no harm: a withdrawn consent must not wait for
somebody else's long transaction.
"""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from haechi.errors import PermanentError, TransientError
from haechi.sealing import Sealer
from haechi.store.postgres import Pool, snapshot_of, translate_errors
from haechi.store.registry import Table, from_record, may_be_id

V = TypeVar("V")
POLL_S = 1.0
MISS_S = 5.0
_MISSES = 10_000
_CONTEXT = b"registry copy"
log = structlog.get_logger()


class Change(msgspec.Struct, frozen=True):
    """A row that was added, changed or (value None) removed."""

    kind: str
    id: str
    value: msgspec.Struct | None


OnChange = Callable[[Change], None]


class Slice(Generic[V]):
    """Rows of some tables in memory, by id. `V` is what `get` answers with; the first table's ids are its ids."""

    tables: tuple[Table[Any], ...] = ()

    def __init__(
        self,
        pool: Pool,
        sealer: Sealer,
        *,
        copy: Path | None = None,
        on_change: OnChange | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._sealer = sealer
        self._copy = copy
        self._on_change = on_change
        self._monotonic = monotonic
        self._hint = pool.hint("registry")
        self._rows: dict[str, dict[str, Any]] = {table.name: {} for table in self.tables}
        self._cursor: int | None = None  # None: nothing of PostgreSQL's has been read yet
        self._snapshot = ""
        self._confirmed: float | None = None
        self._missed: OrderedDict[str, float] = OrderedDict()
        self._to_copy = asyncio.Event()
        self._version = 0
        self._reads = 0
        self._prepare_index()

    async def start(self) -> None:
        """Load. TransientError only when neither PostgreSQL nor a copy is there."""
        try:
            await self._load()
        except TransientError as away:
            if self._copy is None or not await asyncio.to_thread(self._read_copy):
                raise
            log.warning(
                "PostgreSQL is away; started from the copy of the registry", copy=self._copy.name, why=str(away)
            )
        else:
            await self._write_copy()

    async def follow(self) -> None:
        """For ever: each second, and at once after a hint. While PostgreSQL is away the slice only grows older."""
        await asyncio.gather(self._keep_reading(), self._keep_copying())

    async def _keep_reading(self) -> None:
        away = False
        while True:
            try:
                changed = await (self._load() if self._cursor is None else self._read_changes())
                if away:
                    log.warning("the registry is followed again")
                away = False
                if changed:
                    self._to_copy.set()
            except TransientError as error:
                if not away:
                    log.warning("the registry cannot be followed", why=str(error))
                away = True
            await self._hint.wait(POLL_S)

    async def _keep_copying(self) -> None:
        """Beside the reading: a withdrawn consent does not wait for a slow disk."""
        while True:
            await self._to_copy.wait()
            self._to_copy.clear()
            await self._write_copy()

    def get(self, row_id: str) -> V | None:
        """What the slice holds under the id."""
        row = self._rows[self.tables[0].name].get(row_id)
        return None if row is None else self._answer(row)

    def values(self) -> list[V]:
        """All that the slice holds."""
        return [self._answer(row) for row in self._rows[self.tables[0].name].values()]

    async def read_through(self, row_id: str) -> V | None:
        """As `get`; a miss asks PostgreSQL once (and not again for 5 s). TransientError when it is away."""
        found = self.get(row_id)
        now = self._monotonic()
        if found is not None or now < self._missed.get(row_id, 0):
            return found
        table = self.tables[0]
        if may_be_id(table, row_id):
            with translate_errors():
                await self._read_row(row_id)
        if (found := self.get(row_id)) is None:
            self._missed[row_id] = now + MISS_S
            if len(self._missed) > _MISSES:
                self._missed.popitem(last=False)
        return found

    @property
    def version(self) -> int:
        """Counts the changes seen; another number means that something changed."""
        return self._version

    @property
    def reads(self) -> int:
        """Counts how often PostgreSQL has been read. After two more, the last of them began later than now, and has seen
        whatever anybody had seen by now."""
        return self._reads

    @property
    def age(self) -> float:
        """Seconds since PostgreSQL last confirmed the slice; infinite before it ever did."""
        return float("inf") if self._confirmed is None else self._monotonic() - self._confirmed

    def _answer(self, row: Any) -> V:
        answer: V = row
        return answer

    def _row(self, table: str, row_id: str) -> Any:
        return self._rows[table].get(row_id)

    async def _load(self) -> bool:
        """Everything anew; what is gone since is removed."""
        with translate_errors():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                cursor, _ = await snapshot_of(connection)
                fresh = {
                    table.name: {
                        record["id"]: from_record(table, record, self._sealer, opened=False)
                        for record in await connection.fetch(f"{_select(table)} WHERE deleted_at IS NULL")
                    }
                    for table in self.tables
                }
        before = self._version
        for table in self.tables:
            for row_id in self._rows[table.name].keys() - fresh[table.name].keys():
                self._put(table, row_id, None)
            for row_id, value in fresh[table.name].items():
                self._put(table, row_id, value)
        self._cursor = cursor
        self._confirmed = self._monotonic()
        self._reads += 1
        return self._version != before

    async def _read_changes(self) -> bool:
        """What was written since the cursor. A database that was put back from a backup is read anew."""
        before = self._version
        with translate_errors():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                xmin, snapshot = await snapshot_of(connection)
                if self._cursor is None or xmin < self._cursor:
                    self._cursor = None
                    return False
                written = [
                    (table, record)
                    for table in (self.tables if snapshot != self._snapshot else ())  # the same one sees nothing new
                    for record in await connection.fetch(
                        f"{_select(table)} WHERE changed >= $1::text::xid8", str(self._cursor)
                    )
                ]
        # All at once: an alert about a person whose guardians are still being read would tell nobody.
        for table, record in written:
            gone = record["deleted_at"] is not None
            self._put(table, record["id"], None if gone else from_record(table, record, self._sealer, opened=False))
        self._cursor, self._snapshot = xmin, snapshot
        self._confirmed = self._monotonic()
        self._reads += 1
        return self._version != before

    async def _read_row(self, row_id: str) -> None:
        async with self._pool.acquire() as connection:
            table = self.tables[0]
            record = await connection.fetchrow(f"{_select(table)} WHERE id = $1 AND deleted_at IS NULL", row_id)
            if record is None:
                return
            value = from_record(table, record, self._sealer, opened=False)
            for other, its_id in self._beside(value):
                beside = await connection.fetchrow(f"{_select(other)} WHERE id = $1 AND deleted_at IS NULL", its_id)
                if beside is not None:
                    self._put(other, its_id, from_record(other, beside, self._sealer, opened=False))
            self._put(table, row_id, value)

    def _put(self, table: Table[Any], row_id: str, value: msgspec.Struct | None) -> None:
        rows = self._rows[table.name]
        if rows.get(row_id) == value:
            return
        old = rows.pop(row_id, None)
        if value is not None:
            rows[row_id] = value
            self._missed.pop(row_id, None)
        self._version += 1
        self._index(table, row_id, old, value)
        if self._on_change is not None:
            self._on_change(Change(table.kind, row_id, value))

    def _beside(self, _row: Any) -> Iterable[tuple[Table[Any], str]]:
        """What may be as new as a row that is read through, and is read with it."""
        return ()

    def _prepare_index(self) -> None:
        """A slice that answers more than `get` makes its index here ..."""

    def _index(self, table: Table[Any], row_id: str, old: Any, new: Any) -> None:
        """... and keeps it here."""

    async def _write_copy(self) -> None:
        """Sealed, atomically: a crash leaves the old copy or the new one."""
        if self._copy is None:
            return
        plain = msgspec.msgpack.encode({name: list(rows.values()) for name, rows in self._rows.items()})
        try:
            await asyncio.to_thread(_replace, self._copy, self._sealer.seal(plain, _CONTEXT))
        except OSError as error:
            log.warning("the copy of the registry cannot be written", copy=str(self._copy), why=error.strerror)

    def _read_copy(self) -> bool:
        assert self._copy is not None
        try:
            tables = msgspec.msgpack.decode(self._sealer.open(self._copy.read_bytes(), _CONTEXT))
            rows = {table.name: msgspec.convert(tables[table.name], list[table.type]) for table in self.tables}  # type: ignore[name-defined]  # a type made of a value
        except FileNotFoundError:
            return False
        except (OSError, PermanentError, msgspec.MsgspecError, KeyError, TypeError) as error:
            log.warning("the copy of the registry cannot be read", copy=str(self._copy), why=str(error))
            return False
        for table in self.tables:
            for value in rows[table.name]:
                self._put(table, value.id, value)
        return True


def _select(table: Table[Any]) -> str:
    return f"SELECT {', '.join(table.columns)}, version, deleted_at FROM {table.name}"  # noqa: S608 - literal tables


def _replace(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)
