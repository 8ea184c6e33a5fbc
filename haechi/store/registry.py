"""The registry: people, guardians, agencies, devices, zones, cameras and sensors, one literal table of tables."""

import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

import asyncpg
import msgspec
import structlog

from haechi.domain.consent import ConsentEntry, step
from haechi.domain.coverage import CameraSite
from haechi.domain.deliveries import Agency, Recipient
from haechi.domain.incidents import Incident
from haechi.domain.people import Consent, Device, Guardian, Person, Reader, Reporter, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera
from haechi.errors import Conflict, NotFound, PermanentError
from haechi.ids import device_id, is_uuid, new_id
from haechi.sealing import Sealer
from haechi.store import bars, consents
from haechi.store.audit import write_entries, write_entry
from haechi.store.postgres import Pool, translate_errors

T = TypeVar("T", bound=msgspec.Struct)
SECRET_BYTES = 32
log = structlog.get_logger(__name__)


class Use(msgspec.Struct, frozen=True):
    """Rows of `table` refer to this one: the SQL that finds them, `$1` being the id."""

    words: str
    sql: str


class Table(msgspec.Struct, Generic[T], frozen=True):
    """How a domain type lies in PostgreSQL: its fields are columns; some hold JSON, some are sealed."""

    kind: str
    name: str
    type: type[T]
    json: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    spare: frozenset[str] = frozenset()  # of the sealed ones those that a row may lack
    signs: bool = False  # its rows have a webhook secret
    secret_id: bool = False  # a row's id is its credential: unguessable, and no UUID
    uses: tuple[Use, ...] = ()
    blank: str = ""  # what a row that is removed loses at once, in SQL

    @property
    def named(self) -> str:
        """The column by which people and paths name a row."""
        return "handle" if self.secret_id else "id"

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of the type that are columns; `version` is the row's own."""
        return tuple(name for name in self.type.__struct_fields__ if name != "version")


class Custody(msgspec.Struct, frozen=True):
    """What an edge needs of a person, without name and birth: the district, what the consent covers, and whether walks at
    night are told."""

    id: str
    district: str
    consent: Consent | None
    night_walks: bool = False


_USES_OF_PERSON = (
    Use("a device", "SELECT 1 FROM devices WHERE person_id = $1 AND deleted_at IS NULL"),
    Use(
        "a safe zone",
        "SELECT 1 FROM safe_zones WHERE (person_id = $1::uuid OR $1::uuid = ANY(person_ids)) AND deleted_at IS NULL",
    ),
)
_USES_OF_GUARDIAN = (
    Use("a person", "SELECT 1 FROM people WHERE $1::uuid = ANY(guardian_ids) AND deleted_at IS NULL"),
    Use(  # by the telephone they are known again
        "a bar",
        "SELECT 1 FROM guardian_bars b JOIN people p ON p.id = b.person_id "
        "WHERE b.guardian = $1::uuid AND b.lifted_at IS NULL AND p.deleted_at IS NULL",
    ),
)
_NOBODY = ", name = '', phone = NULL, webhook_url = NULL"  # the secret stays: a message on its way is still signed
GUARDIANS = Table("guardians", "guardians", Guardian, signs=True, uses=_USES_OF_GUARDIAN, blank=_NOBODY)
AGENCIES = Table("agencies", "agencies", Agency, signs=True)
PEOPLE = Table("people", "people", Person, json=frozenset({"consent"}), uses=_USES_OF_PERSON)
CUSTODY = Table("people", "people", Custody, json=frozenset({"consent"}))
_PHRASE = frozenset({"encryption_key"})
DEVICES = Table("devices", "devices", Device, sealed=_PHRASE, spare=_PHRASE, secret_id=True)
READERS = Table("readers", "readers", Reader, json=frozenset({"location"}), secret_id=True)
REPORTERS = Table("reporters", "reporters", Reporter, secret_id=True)
SAFE_ZONES = Table("safe-zones", "safe_zones", SafeZone, json=frozenset({"area", "schedule"}))
CAMERAS = Table("cameras", "cameras", Camera, json=frozenset({"location", "zones", "view"}), sealed=frozenset({"url"}))
CAMERA_SITES = Table("cameras", "cameras", CameraSite, json=frozenset({"location", "view"}))
SENSORS = Table("sensors", "sensors", Sensor, json=frozenset({"location"}))


class Row(msgspec.Struct, Generic[T], frozen=True):
    """A value with its version; `secret` (whsec_...) only in the answer to `add` of a guardian or agency."""

    value: T
    version: int
    secret: str | None = None


class DeviceEntry(msgspec.Struct, frozen=True):
    """What a gateway knows of a device: whose it is, and what that person's consent covers. `night_walks`: an unusual way at
    night is told."""

    device: Device
    consent: Consent | None
    night_walks: bool = False


def from_record(table: Table[T], record: Any, sealer: Sealer, *, opened: bool = True) -> T:  # asyncpg has no types
    """A row of `table.columns` and `version` as the domain type.

    `opened` False: a secret that the row may lack is None when it cannot be opened (it was sealed with another data
    key). A door must not stay shut to everyone because of it.
    """
    fields: dict[str, Any] = {}
    for name in table.columns:
        stored = record[name]
        if name in table.json and stored is not None:
            stored = msgspec.json.decode(stored)
        elif name in table.sealed and stored is not None:
            try:
                stored = sealer.open(b64decode(stored), _context(table, name)).decode()
            except PermanentError:
                if opened or name not in table.spare:
                    raise
                log.warning("registry.secret_unreadable", table=table.name, column=name)
                stored = None
        fields[name] = stored
    if "version" in table.type.__struct_fields__:
        fields["version"] = record["version"]
    return msgspec.convert(fields, table.type)


def to_column(table: Table[T], value: T, name: str, sealer: Sealer) -> Any:  # asyncpg has no types
    """The field as PostgreSQL keeps it."""
    field = getattr(value, name)
    if name in table.json and field is not None:
        return msgspec.json.encode(field).decode()
    if name in table.sealed and field is not None:
        return b64encode(sealer.seal(field.encode(), _context(table, name))).decode()
    return list(field) if isinstance(field, tuple) else field


def _context(table: Table[T], name: str) -> bytes:
    return f"{table.name}.{name}".encode()


def subject_of(table: Table[T], row_id: str) -> str:
    """How the audit names a row. Of an id that is a credential only its front is written down."""
    return f"{table.kind}:{row_id[:6]}…" if table.secret_id else f"{table.kind}:{row_id}"


def may_be_id(table: Table[T], text: str) -> bool:
    """Whether the text can be the id of a row of the table at all."""
    return table.secret_id or is_uuid(text)


class Registry:
    """Reads and writes rows of one district at a time; a row of another district does not exist.

    `by` is who does it: every write leaves an audit entry in the same transaction.
    """

    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer

    async def add(self, table: Table[T], district: str, value: T, *, by: str = "system", within: Any = None) -> Row[T]:
        """Insert; the id is made here (the `id` and `district` of `value` are replaced). `within` is a connection whose
        transaction it becomes a part of.

        Raises:
            NotFound: a person or guardian that it refers to is not in the district, or there is no such district.
            Conflict: another device has the serial.
        """
        value = msgspec.structs.replace(value, id=self.new_id(table))
        with translate_errors():
            async with self._transaction(within) as connection:
                return (await self.add_all(table, district, [value], by=by, within=connection))[0]

    def new_id(self, table: Table[T]) -> str:
        """An id for a row that is still to be added."""
        return device_id() if table.secret_id else new_id()

    async def add_all(
        self, table: Table[T], district: str, values: Sequence[T], *, by: str, within: Any
    ) -> tuple[Row[T], ...]:
        """Insert all of them, or none: as many trips to the database as for one. Each has its id already (`new_id`), so
        that rows to be added may refer to each other. `within`, and what it raises, as in `add`."""
        if not values:
            return ()
        values = [msgspec.structs.replace(value, district=district) for value in values]
        await self._check_references(within, district, values)
        entries = await consents.first_entries(within, [one for one in values if isinstance(one, Person)], by=by)
        values = [_by_the_ledger(value, None, entries) for value in values]
        secrets = [f"whsec_{b64encode(os.urandom(SECRET_BYTES)).decode()}" if table.signs else None for _ in values]
        names = (*table.columns, *(("webhook_secret",) if table.signs else ()))
        marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        try:
            records = await within.fetchmany(
                f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks}) RETURNING {_selected(table)}",  # noqa: S608 - names come from the literal tables
                [self._columns(table, value, secret) for value, secret in zip(values, secrets, strict=True)],
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no district '{district}'.") from error
        except asyncpg.UniqueViolationError as error:
            raise _taken(table) from error
        await write_entries(within, by, "added", [subject_of(table, record["id"]) for record in records], district)
        await consents.add_entries(within, entries)
        return tuple(
            Row(from_record(table, record, self._sealer), record["version"], secret)
            for record, secret in zip(records, secrets, strict=True)
        )

    def _columns(self, table: Table[T], value: T, secret: str | None) -> tuple[Any, ...]:  # asyncpg has no types
        fields = (to_column(table, value, name, self._sealer) for name in table.columns)
        if secret is None:
            return tuple(fields)
        return (*fields, b64encode(self._sealer.seal(secret.encode(), _secret_context(table))).decode())

    async def list(
        self, table: Table[T], district: str, limit: int = 100, after: str | None = None, only: str = ""
    ) -> list[Row[T]]:
        """Rows in order of id (or handle), those after the id `after`; `only` is a condition of ours in SQL."""
        if after is not None and not may_be_id(table, after):
            raise NotFound(f"'{after}' is no id of {table.kind}.")
        later = "" if after is None else f"AND {table.named} > $3 "
        later += f"AND {only} " if only else ""
        with translate_errors():
            records = await self._pool.fetch(
                f"SELECT {_selected(table)} FROM {table.name} "  # noqa: S608 - names come from the literal tables
                f"WHERE district = $1 AND deleted_at IS NULL {later}ORDER BY {table.named} LIMIT $2",
                district,
                limit,
                *(() if after is None else (after,)),
            )
        return [Row(from_record(table, record, self._sealer), record["version"]) for record in records]

    async def some(self, table: Table[T], district: str, ids: Sequence[str], *, within: Any) -> tuple[Row[T], ...]:
        """Those of the rows with these ids that are there, locked for the transaction of the connection `within`: what is
        changed by what was read here undoes nothing that somebody else did meanwhile."""
        with translate_errors():
            records = await within.fetch(
                f"SELECT {_selected(table)} FROM {table.name} "  # noqa: S608 - names come from the literal tables
                "WHERE id = ANY($1) AND district = $2 AND deleted_at IS NULL ORDER BY id FOR UPDATE",
                ids,
                district,
            )
        return tuple(Row(from_record(table, record, self._sealer), record["version"]) for record in records)

    async def get(self, table: Table[T], district: str, row_id: str, *, removed: bool = False) -> Row[T]:
        """One row by its id (or handle), perhaps one that was `removed`; NotFound if there is none in the district."""
        with translate_errors():
            record = await self._fetch(self._pool, table, district, row_id, removed=removed)
        return Row(from_record(table, record, self._sealer), record["version"])

    async def change(
        self,
        table: Table[T],
        district: str,
        row_id: str,
        value: T,
        version: int | None = None,
        *,
        by: str = "system",
        within: Any = None,
    ) -> Row[T]:
        """Replace the row's value, `within` as in `add`. Conflict when `version` is given and is not the present one."""
        names = [name for name in table.columns if name not in {"id", "district"}]
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, 2))
        with translate_errors():
            async with self._transaction(within) as connection:
                present = await self._fetch(connection, table, district, row_id, "FOR UPDATE")
                if version is not None and present["version"] != version:
                    raise Conflict(
                        f"{table.kind}/{row_id} is at version {present['version']}, not {version}: somebody changed "
                        "it meanwhile. Look again, then repeat the change."
                    )
                whole = str(present["id"])
                value = msgspec.structs.replace(value, id=whole, district=district)
                await self._check_references(connection, district, [value])
                if isinstance(value, Guardian):
                    await bars.check_telephone(connection, whole, value.phone)
                stands, entries = None, {}
                if isinstance(value, Person):
                    await bars.check_links(connection, whole, value.guardian_ids)
                    before = cast("Person", from_record(table, present, self._sealer))
                    stands = before.consent
                    if (entry := await consents.replacing_entry(connection, before, value, by=by)) is not None:
                        entries[whole] = entry
                value = _by_the_ledger(value, stands, entries)
                try:
                    record = await connection.fetchrow(
                        f"UPDATE {table.name} SET {sets} WHERE id = $1 RETURNING {_selected(table)}",  # noqa: S608 - names come from the literal tables
                        whole,
                        *(to_column(table, value, name, self._sealer) for name in names),
                    )
                except asyncpg.UniqueViolationError as error:
                    raise _taken(table) from error
                await write_entry(connection, by, "changed", subject_of(table, whole), district)
                await consents.add_entries(connection, entries)
        return Row(from_record(table, record, self._sealer), record["version"])

    async def remove(
        self, table: Table[T], district: str, row_id: str, version: int | None = None, *, by: str = "system"
    ) -> None:
        """Mark as deleted (feeds see it go). NotFound; Conflict where something still refers to it."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                present = await self._fetch(connection, table, district, row_id, "FOR UPDATE")
                if version is not None and present["version"] != version:
                    raise Conflict(f"{table.kind}/{row_id} is at version {present['version']}, not {version}.")
                for use in table.uses:
                    if await connection.fetchval(f"{use.sql} LIMIT 1", row_id):
                        raise Conflict(f"{table.kind}/{row_id} is still used by {use.words}; remove that first.")
                await connection.execute(
                    f"UPDATE {table.name} SET deleted_at = clock_timestamp(){table.blank} WHERE id = $1",  # noqa: S608 - a literal table
                    str(present["id"]),
                )
                await write_entry(connection, by, "removed", subject_of(table, str(present["id"])), district)

    async def renew(self, table: Table[T], district: str, row_id: str, *, by: str = "system") -> Row[T]:
        """The same row under a new id, for one whose id is its credential; the old one opens nothing any more. NotFound."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                present = await self._fetch(connection, table, district, row_id, "FOR UPDATE")
                old = str(present["id"])
                await connection.execute(
                    f"UPDATE {table.name} SET deleted_at = clock_timestamp() WHERE id = $1",  # noqa: S608 - a literal table
                    old,
                )
                row = await self.add(
                    table, district, from_record(table, present, self._sealer), by=by, within=connection
                )
                await write_entry(connection, by, "gave a new id to", subject_of(table, old), district)
                return row

    async def secret_of(self, recipient: Recipient) -> str:
        """The webhook secret (whsec_...) of a guardian or agency, also of one that was removed since."""
        table: Table[Guardian] | Table[Agency] = GUARDIANS if recipient.kind == "guardian" else AGENCIES
        with translate_errors():
            sealed = is_uuid(recipient.id) and await self._pool.fetchval(
                f"SELECT webhook_secret FROM {table.name} WHERE id = $1",  # noqa: S608 - a literal table
                recipient.id,
            )
        if not sealed:
            raise NotFound(f"There is no webhook secret of {recipient.kind} {recipient.id}.")
        return self._sealer.open(b64decode(sealed), _secret_context(table)).decode()

    @asynccontextmanager
    async def _transaction(self, within: Any) -> AsyncIterator[Any]:  # asyncpg has no types
        if within is not None:
            yield within
            return
        async with self._pool.acquire() as connection, connection.transaction():
            yield connection

    async def _fetch(
        self, source: Any, table: Table[T], district: str, row_id: str, lock: str = "", *, removed: bool = False
    ) -> Any:
        record = None
        which = "" if removed else "AND deleted_at IS NULL "
        if may_be_id(table, row_id):
            record = await source.fetchrow(
                f"SELECT {_selected(table)} FROM {table.name} "  # noqa: S608 - names come from the literal tables
                f"WHERE {_is(table)} AND district = $2 {which}{lock}",
                row_id,
                district,
            )
        if record is None:
            raise NotFound(f"There is no {table.kind}/{row_id}.")
        return record

    async def _check_references(self, connection: Any, district: str, values: Sequence[msgspec.Struct]) -> None:
        """What rows refer to lies in the same district; locked, so that it is not removed meanwhile."""
        people = [one for value in values for one in _people_of(value)]
        await self._hold(connection, PEOPLE, district, people)
        guardians = [one for value in values for one in getattr(value, "guardian_ids", ())]
        await self._hold(connection, GUARDIANS, district, guardians)

    async def _hold(self, connection: Any, table: Table[T], district: str, ids: Sequence[str]) -> None:
        if not ids:
            return
        rows = await connection.fetch(
            f"SELECT id FROM {table.name} "  # noqa: S608 - a literal table
            "WHERE id = ANY($1) AND district = $2 AND deleted_at IS NULL ORDER BY id FOR SHARE",
            [one for one in ids if is_uuid(one)],
            district,
        )
        there = {row["id"] for row in rows}
        if missing := next((one for one in ids if one not in there), None):
            raise NotFound(f"There is no {table.kind}/{missing}.")


def _people_of(value: msgspec.Struct) -> tuple[str, ...]:
    person: str | None = getattr(value, "person_id", None)
    return (*((person,) if person is not None else ()), *getattr(value, "person_ids", ()))


def _by_the_ledger(value: T, stands: Consent | None, entries: Mapping[str, ConsentEntry]) -> T:
    """A person's row says of the consent what the ledger says; what is asked for beyond that is an entry."""
    if not isinstance(value, Person):
        return value
    entry = entries.get(value.id)
    return msgspec.structs.replace(value, consent=step(stands, entry) if entry else stands)


def _taken(table: Table[T]) -> Conflict:
    """Serials are all that is unique beside ids."""
    return Conflict(f"Another row of {table.kind} has this serial already: one number names one device.")


def _is(table: Table[T]) -> str:
    return "(id = $1 OR handle = $1)" if table.secret_id else "id = $1"


def _selected(table: Table[T]) -> str:
    return ", ".join((*table.columns, "version"))


def _secret_context(table: Table[Guardian] | Table[Agency] | Table[T]) -> bytes:
    return f"{table.name}.webhook_secret".encode()


async def zone_of(registry: Registry, incident: Incident) -> SafeZone | None:
    """The safe zone that an incident's alert names, as it is now; None for a camera's zone, or one that is gone."""
    if incident.because.zone is None:
        return None
    try:
        return (await registry.get(SAFE_ZONES, incident.district, incident.because.zone)).value
    except NotFound:
        return None
