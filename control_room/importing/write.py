"""Rows of an import into the registry: each wholly or not at all, some in one transaction, and found again by their ref.

A transaction is kept short, also on a slow machine: while one that writes is open, no process sees what others changed in the
registry, and no wall a changed incident.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal

import msgspec

from control_room.importing.rows import Entry, Problem
from haechi.clock import Clock
from haechi.domain.consent import check_giver
from haechi.domain.people import Consent, Device, DeviceKind, Guardian, Person, dialled
from haechi.errors import Conflict, HaechiError, NotFound, PermanentError
from haechi.store.postgres import Pool, translate_errors
from haechi.store.registry import DEVICES, GUARDIANS, PEOPLE, Registry

TOGETHER = 50
TOGETHER_S = 0.2  # what a transaction should last; the next takes fewer rows where one took longer
_LOCK = 0x696D_706F  # "impo"
_GIVEN = """
SELECT person_id, decided_by, starts_at, scopes, ends_at FROM consents WHERE kind = 'given' AND person_id = ANY($1)"""
_WITHDRAWN = """
SELECT DISTINCT ON (person_id) person_id, kind, at FROM consents WHERE kind IN ('given', 'withdrawn') AND person_id = ANY($1)
ORDER BY person_id, id DESC"""


class Made(msgspec.Struct, frozen=True):
    """What must be handed on: the id that a new device reports under, the secret that signs a guardian's messages."""

    ref: str
    what: str
    id: str
    secret: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of some rows."""

    added: int = 0
    changed: int = 0
    same: int = 0
    made: tuple[Made, ...] = ()
    problems: tuple[Problem, ...] = ()


@asynccontextmanager
async def alone(pool: Pool, district: str) -> AsyncIterator[None]:
    """Meanwhile no other import into the district writes: each would make guardians whom the other does not know. Conflict
    where one does."""
    with translate_errors():
        async with pool.acquire() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, district):
                raise Conflict(
                    f"Another import into '{district}' is under way; wait for its end, then repeat this one."
                )
            try:
                yield
            finally:
                if not connection.is_closed():  # whose end gives it back as well
                    await connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _LOCK, district)


class _Known(msgspec.Struct, frozen=True):
    """What the registry has of a person whom a row names again."""

    person: Person
    given: frozenset[Consent]  # each that was ever given
    withdrawn_at: datetime | None  # where nothing was given since
    devices: Counter[DeviceKind]


class Importer:
    """Into one district; `by` is who does it, for the audit. `hand_on` takes what is told once, before it is committed:
    nobody is registered whose credentials are not written down."""

    def __init__(
        self,
        pool: Pool,
        registry: Registry,
        district: str,
        by: str,
        clock: Clock,
        hand_on: Callable[[Sequence[Made]], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._hand_on = hand_on
        self.registry = registry
        self.district = district
        self.by = by
        self.people: dict[str, str] = {}  # by ref
        self._guardians: dict[str, Guardian] = {}  # by id
        self._phones: dict[str, str] = {}  # the id by the digits of the telephone

    async def open(self) -> None:
        """Read what is there."""
        with translate_errors():
            known = await self._pool.fetchval("SELECT true FROM districts WHERE id = $1", self.district)
            if not known:
                raise NotFound(f"There is no district '{self.district}'; `haechi migrate` makes that of the settings.")
            refs = await self._pool.fetch("SELECT ref, person_id FROM people_refs WHERE district = $1", self.district)
            guardians = await self._pool.fetch(
                "SELECT id, district, name, phone, webhook_url, language FROM guardians "
                "WHERE district = $1 AND deleted_at IS NULL",
                self.district,
            )
        self.people = {row["ref"]: row["person_id"] for row in refs}
        for row in guardians:
            self.know(Guardian(*row))

    async def check(self, entries: Sequence[Entry]) -> list[Problem]:
        """What would be refused, as far as it can be known without writing. Nothing can be written by the importer then."""
        problems: list[Problem] = []
        for start in range(0, len(entries), TOGETHER):
            together = entries[start : start + TOGETHER]
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    known = await self.known_people(connection, together)
            for entry in together:
                if (problem := self.refused(entry, known)) is not None:
                    problems.append(problem)
                    continue
                for guardian in entry.guardians:  # as the rows that follow would find them
                    if self.known(guardian) is None:
                        self.know(msgspec.structs.replace(guardian, id=self.registry.new_id(GUARDIANS)))
        return problems

    async def write(self, entries: Sequence[Entry]) -> AsyncIterator[Outcome]:
        """An outcome for at most `TOGETHER` rows, when they are committed. TransientError: what was told is written."""
        done, size = 0, TOGETHER
        while done < len(entries):
            together, began = entries[done : done + size], time.monotonic()
            async for outcome in self._together(together):
                yield outcome
            done += len(together)
            lasted = time.monotonic() - began
            size = max(1, min(TOGETHER, int(size * TOGETHER_S / lasted)))  # a slow machine takes fewer

    async def _together(self, entries: Sequence[Entry]) -> AsyncIterator[Outcome]:
        """In one transaction; where the registry refuses one of them, in halves until it stands alone."""
        batch = _Batch(self, entries)
        try:
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    outcome = await batch.write(connection)
                    self._hand_on(outcome.made)
        except (NotFound, Conflict, PermanentError) as error:
            batch.take_back()
            if len(entries) == 1:
                yield Outcome(problems=(_problem(entries[0], error),))
                return
            half = len(entries) // 2
            for part in (entries[:half], entries[half:]):
                async for outcome in self._together(part):
                    yield outcome
        else:
            self.people |= batch.people
            yield outcome

    def refused(self, entry: Entry, known: Mapping[str, _Known]) -> Problem | None:
        """Why the row cannot be written, as far as that is known without trying; `known` are those of `known_people`."""
        if (person := self.people.get(entry.ref)) is not None and (problem := _against(entry, known.get(person))):
            return problem
        for n, guardian in enumerate(entry.guardians, 1):
            there = self.known(guardian)
            if there is not None and there.name != guardian.name:
                return Problem(
                    entry.line,
                    entry.ref,
                    f"guardian{n}_phone",
                    f"this telephone is {there.name}'s, and the row says {guardian.name}",
                    "write the name as it is registered, or another telephone",
                )
            if there is not None and guardian.webhook_url not in (None, there.webhook_url):
                return Problem(
                    entry.line,
                    entry.ref,
                    f"guardian{n}_webhook",
                    f"{there.name} is registered with another address, or with none",
                    "change it at the guardian (PATCH /api/v1/guardians/ID), or leave the cell empty",
                )
        if entry.consent is not None:
            named = [msgspec.structs.replace(one, id=str(n)) for n, one in enumerate(entry.guardians)]
            try:
                check_giver(entry.person, named, entry.consent.given_by, None, self._clock())
            except PermanentError as error:
                do = "write the name of a guardian of this row"
                return Problem(entry.line, entry.ref, "consent_by", str(error), do)
        return None

    async def known_people(
        self, connection: Any, entries: Sequence[Entry]
    ) -> dict[str, _Known]:  # asyncpg has no types
        """By id the people whom these rows name again, locked for the transaction: who withdraws a consent meanwhile has
        done it before, or does it afterwards."""
        ids = [person for entry in entries if (person := self.people.get(entry.ref))]
        if not ids:
            return {}
        people = await self.registry.some(PEOPLE, self.district, ids, within=connection)
        given = await connection.fetch(_GIVEN, ids)
        last = {row["person_id"]: row for row in await connection.fetch(_WITHDRAWN, ids)}
        devices = await connection.fetch(
            "SELECT person_id, kind, count(*) AS n FROM devices WHERE person_id = ANY($1) AND deleted_at IS NULL "
            "GROUP BY person_id, kind",
            ids,
        )
        return {
            row.value.id: _Known(
                row.value,
                frozenset(
                    Consent(one["decided_by"], one["starts_at"], tuple(one["scopes"]), one["ends_at"])
                    for one in given
                    if one["person_id"] == row.value.id
                ),
                end["at"] if (end := last.get(row.value.id)) is not None and end["kind"] == "withdrawn" else None,
                Counter({one["kind"]: one["n"] for one in devices if one["person_id"] == row.value.id}),
            )
            for row in people
        }

    def known(self, guardian: Guardian) -> Guardian | None:
        """Who has this telephone already."""
        digits = dialled(guardian.phone)
        found = self._phones.get(digits) if digits else None
        return self._guardians[found] if found else None

    def linked(self, person: Person, name: str) -> Guardian | None:
        """Somebody without a telephone is known again only as a guardian of this very person."""
        guardians = (self._guardians.get(one) for one in person.guardian_ids)
        return next((one for one in guardians if one is not None and one.name == name), None)

    def know(self, guardian: Guardian) -> None:
        self._guardians[guardian.id] = guardian
        if digits := dialled(guardian.phone):
            self._phones.setdefault(digits, guardian.id)

    def forget(self, guardian: Guardian) -> None:
        del self._guardians[guardian.id]
        if self._phones.get(digits := dialled(guardian.phone)) == guardian.id:
            del self._phones[digits]


class _Batch:
    """Some rows, each planned before anything is written, then written by the table: a row costs no trips of its own.

    The guardians it makes are known to the importer at once, for the rows that follow, and are taken back with it.
    """

    def __init__(self, importer: Importer, entries: Sequence[Entry]) -> None:
        self._importer = importer
        self._entries = entries
        self._guardians: list[Guardian] = []
        self._added: list[Person] = []
        self._changed: list[Person] = []
        self._devices: list[Device] = []
        self._made: list[Made] = []
        self.people: dict[str, str] = {}  # those added, by ref

    async def write(self, connection: Any) -> Outcome:  # asyncpg has no types
        """Within its transaction. NotFound, Conflict, PermanentError: the registry refuses one of the rows."""
        importer, by = self._importer, self._importer.by
        district, registry = importer.district, importer.registry
        known = await importer.known_people(connection, self._entries)
        count: Counter[str] = Counter()
        problems: list[Problem] = []
        for entry in self._entries:
            if (refused := importer.refused(entry, known)) is None:
                count[self._plan(entry, known)] += 1
            else:
                problems.append(refused)
        rows = await registry.add_all(GUARDIANS, district, self._guardians, by=by, within=connection)
        secrets = {row.value.id: row.secret or "" for row in rows}
        await registry.add_all(PEOPLE, district, self._added, by=by, within=connection)
        await connection.executemany(
            "INSERT INTO people_refs (district, ref, person_id) VALUES ($1, $2, $3)",
            [(district, ref, person) for ref, person in self.people.items()],
        )
        for person in self._changed:
            await registry.change(PEOPLE, district, person.id, person, by=by, within=connection)
        await registry.add_all(DEVICES, district, self._devices, by=by, within=connection)
        made = tuple(msgspec.structs.replace(one, secret=secrets.get(one.id, "")) for one in self._made)
        return Outcome(count["added"], count["changed"], count["same"], made, tuple(problems))

    def take_back(self) -> None:
        """It was refused after all: whom it made is nobody."""
        for guardian in self._guardians:
            self._importer.forget(guardian)

    def _plan(self, entry: Entry, known: Mapping[str, _Known]) -> Literal["added", "changed", "same"]:
        """What becomes of the row, which nothing stands against."""
        person_id = self._importer.people.get(entry.ref)
        if person_id is None:
            guardians = tuple(self._guardian(entry, one, None).id for one in entry.guardians)
            person = msgspec.structs.replace(
                entry.person, id=self._importer.registry.new_id(PEOPLE), guardian_ids=guardians, consent=entry.consent
            )
            self._added.append(person)
            self.people[entry.ref] = person.id
            self._give(entry, person.id, Counter())
            return "added"
        there = known[person_id]
        present, consent = there.person, entry.consent
        if consent is None or consent in there.given:
            consent = present.consent  # the same file does not bring back what was withdrawn since
        guardians = tuple(self._guardian(entry, one, present).id for one in entry.guardians) or present.guardian_ids
        wanted = msgspec.structs.replace(
            present,
            name=entry.person.name,
            born=entry.person.born,
            kind=entry.person.kind,
            guardian_ids=guardians,
            consent=consent,
        )
        if wanted != present:
            self._changed.append(wanted)
        given = self._give(entry, present.id, there.devices)
        return "changed" if given or wanted != present else "same"

    def _guardian(self, entry: Entry, wanted: Guardian, person: Person | None) -> Guardian:
        importer = self._importer
        if (there := importer.known(wanted)) is not None:
            return there
        if wanted.phone is None and person is not None and (same := importer.linked(person, wanted.name)) is not None:
            return same
        made = msgspec.structs.replace(wanted, id=importer.registry.new_id(GUARDIANS))
        self._guardians.append(made)
        importer.know(made)
        self._made.append(Made(entry.ref, f"guardian {made.name}", made.id))
        return made

    def _give(self, entry: Entry, person: str, there: Counter[DeviceKind]) -> bool:
        """As many devices of each kind as the row names; none is taken away. Whether one was missing."""
        missing = Counter(entry.devices) - there
        for kind in missing.elements():
            device = Device(self._importer.registry.new_id(DEVICES), "", person, kind)
            self._devices.append(device)
            self._made.append(Made(entry.ref, kind, device.id))
        return bool(missing)


def _against(entry: Entry, there: _Known | None) -> Problem | None:
    """What stands against a row about somebody who was registered already."""
    if there is None:
        do = "leave the row out; whoever comes back gets a new ref"
        return Problem(entry.line, entry.ref, "ref", f"the person of '{entry.ref}' was removed from the registry", do)
    consent, ended = entry.consent, there.withdrawn_at
    if consent is None or consent in there.given or ended is None or consent.given_at > ended:
        return None
    wrong = f"the consent was withdrawn on {ended:%Y-%m-%d}, and the row's is of an earlier day"
    do = "leave the cells of the consent empty; a new one has a later first day, or is written down at the person"
    return Problem(entry.line, entry.ref, "consent_from", wrong, do)


def _problem(entry: Entry, error: HaechiError) -> Problem:
    column = "consent_by" if "consent" in str(error) else "guardian1_name" if "uardian" in str(error) else "ref"
    return Problem(entry.line, entry.ref, column, str(error), "change the row, or the registry, and import it again")
