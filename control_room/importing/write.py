"""Rows of an import into the registry: each wholly or not at all, some in one transaction, and found again by their ref.

A transaction is kept short, also on a slow machine: while one that writes is open, no process sees what others changed in the
registry, and no wall a changed incident.
"""

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec

from control_room.importing.rows import Entry, Problem
from haechi.clock import Clock
from haechi.domain.consent import check_giver
from haechi.domain.people import Consent, Device, Guardian, Person
from haechi.errors import Conflict, HaechiError, NotFound, PermanentError
from haechi.store.postgres import Pool, translate_errors
from haechi.store.registry import DEVICES, GUARDIANS, PEOPLE, Registry

TOGETHER = 50
TOGETHER_S = 0.2  # a transaction takes no further row after so long
_NO_DIGIT = re.compile(r"\D")


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


class Importer:
    """Into one district; `by` is who does it, for the audit."""

    def __init__(self, pool: Pool, registry: Registry, district: str, by: str, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
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

    def check(self, entries: Sequence[Entry]) -> list[Problem]:
        """What would be refused, as far as it can be known without writing."""
        return [problem for entry in entries if (problem := self._refused(entry)) is not None]

    async def write(self, entries: Sequence[Entry]) -> AsyncIterator[Outcome]:
        """An outcome for at most `TOGETHER` rows, when they are committed. TransientError: what was told is written."""
        done = 0
        while done < len(entries):
            rows, outcome = await self._together(entries[done : done + TOGETHER])
            done += rows
            yield outcome

    async def _together(self, entries: Sequence[Entry]) -> tuple[int, Outcome]:
        """How many rows it took, and what became of them."""
        rows, until = 0, time.monotonic() + TOGETHER_S
        count: Counter[str] = Counter()
        made: list[Made] = []
        problems: list[Problem] = []
        people: dict[str, str] = {}
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                for entry in entries:
                    if rows and time.monotonic() >= until:
                        break
                    rows += 1
                    if (refused := self._refused(entry)) is not None:
                        problems.append(refused)
                        continue
                    row = _Writing(self, connection, entry)
                    try:
                        async with connection.transaction():
                            count[await row.write()] += 1
                    except (NotFound, Conflict, PermanentError) as error:
                        problems.append(_problem(entry, error))
                        row.take_back()
                    else:
                        made += row.made
                        people[entry.ref] = row.person
        self.people |= people
        return rows, Outcome(count["added"], count["changed"], count["same"], tuple(made), tuple(problems))

    def _refused(self, entry: Entry) -> Problem | None:
        for n, guardian in enumerate(entry.guardians, 1):
            known = self.known(guardian)
            if known is not None and known.name != guardian.name:
                return Problem(
                    entry.line,
                    entry.ref,
                    f"guardian{n}_phone",
                    f"this telephone is {known.name}'s, and the row says {guardian.name}",
                    "write the name as it is registered, or another telephone",
                )
        if entry.consent is not None:
            named = [msgspec.structs.replace(one, id=str(n)) for n, one in enumerate(entry.guardians)]
            try:
                check_giver(entry.person, named, entry.consent.given_by, None, self._clock())
            except PermanentError as error:
                do = "write the name of a guardian of this row"
                return Problem(entry.line, entry.ref, "consent_by", str(error), do)
        return None

    def known(self, guardian: Guardian) -> Guardian | None:
        """Who has this telephone already."""
        digits = _digits(guardian.phone)
        found = self._phones.get(digits) if digits else None
        return self._guardians[found] if found else None

    def know(self, guardian: Guardian) -> None:
        self._guardians[guardian.id] = guardian
        if digits := _digits(guardian.phone):
            self._phones.setdefault(digits, guardian.id)

    def forget(self, guardian: Guardian) -> None:
        del self._guardians[guardian.id]
        if self._phones.get(digits := _digits(guardian.phone)) == guardian.id:
            del self._phones[digits]


class _Writing:
    """One row within the transaction of its batch. What it makes is known to the importer at once, and taken back with it."""

    def __init__(self, importer: Importer, connection: Any, entry: Entry) -> None:
        self._importer = importer
        self._connection = connection
        self._entry = entry
        self.person = ""
        self.made: list[Made] = []
        self._guardians: list[Guardian] = []

    async def write(self) -> Literal["added", "changed", "same"]:
        """What it was."""
        importer, entry, by = self._importer, self._entry, self._importer.by
        guardians = tuple([(await self._guardian(one)).id for one in entry.guardians])
        wanted = msgspec.structs.replace(entry.person, guardian_ids=guardians, consent=entry.consent)
        known = importer.people.get(entry.ref)
        if known is None:
            row = await importer.registry.add(PEOPLE, importer.district, wanted, by=by, within=self._connection)
            self.person = row.value.id
            await self._connection.execute(
                "INSERT INTO people_refs (district, ref, person_id) VALUES ($1, $2, $3)",
                importer.district,
                entry.ref,
                self.person,
            )
            await self._devices()
            return "added"
        self.person = known
        changed = await self._change(wanted)
        return "changed" if await self._devices() or changed else "same"

    def take_back(self) -> None:
        """It was refused after all: whom it made is nobody."""
        for guardian in self._guardians:
            self._importer.forget(guardian)

    async def _guardian(self, wanted: Guardian) -> Guardian:
        if (known := self._importer.known(wanted)) is not None:
            return known
        if wanted.phone is None and (same := await self._linked(wanted.name)) is not None:
            return same
        importer = self._importer
        row = await importer.registry.add(GUARDIANS, importer.district, wanted, by=importer.by, within=self._connection)
        self._guardians.append(row.value)
        importer.know(row.value)
        self.made.append(Made(self._entry.ref, f"guardian {row.value.name}", row.value.id, row.secret or ""))
        return row.value

    async def _linked(self, name: str) -> Guardian | None:
        """Somebody without a telephone is known again only as a guardian of this very person."""
        person = self._importer.people.get(self._entry.ref)
        row = person and await self._connection.fetchrow(
            "SELECT g.id, g.district, g.name, g.phone, g.webhook_url, g.language FROM guardians g, people p "
            "WHERE p.id = $1 AND g.id = ANY(p.guardian_ids) AND g.name = $2 AND g.deleted_at IS NULL LIMIT 1",
            person,
            name,
        )
        return Guardian(*row) if row else None

    async def _change(self, wanted: Person) -> bool:
        importer = self._importer
        present = (await importer.registry.get(PEOPLE, importer.district, self.person)).value
        consent = wanted.consent
        if consent is None or await self._was_given(consent):
            consent = present.consent  # the same file does not bring back what was withdrawn since
        guardians = wanted.guardian_ids or present.guardian_ids
        value = msgspec.structs.replace(
            present, name=wanted.name, born=wanted.born, kind=wanted.kind, guardian_ids=guardians, consent=consent
        )
        if value == present:
            return False
        await importer.registry.change(
            PEOPLE, importer.district, self.person, value, by=importer.by, within=self._connection
        )
        return True

    async def _was_given(self, consent: Consent) -> bool:
        found: bool = await self._connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM consents WHERE person_id = $1 AND kind = 'given' AND decided_by = $2 "
            "AND starts_at = $3 AND ends_at IS NOT DISTINCT FROM $4 AND scopes = $5)",
            self.person,
            consent.given_by,
            consent.given_at,
            consent.expires_at,
            list(consent.scopes),
        )
        return found

    async def _devices(self) -> bool:
        """As many of each kind as the row names; none is taken away."""
        importer, wanted = self._importer, Counter(self._entry.devices)
        rows = await self._connection.fetch(
            "SELECT kind, count(*) AS n FROM devices WHERE person_id = $1 AND deleted_at IS NULL GROUP BY kind",
            self.person,
        )
        missing = wanted - Counter({row["kind"]: row["n"] for row in rows})
        for kind in missing.elements():
            device = Device("", "", self.person, kind)
            row = await importer.registry.add(
                DEVICES, importer.district, device, by=importer.by, within=self._connection
            )
            self.made.append(Made(self._entry.ref, kind, row.value.id))
        return bool(missing)


def _digits(phone: str | None) -> str:
    """The same for "+82 10 1234 5678" and "010-1234-5678"."""
    digits = _NO_DIGIT.sub("", phone or "")
    return "0" + digits.removeprefix("82") if (phone or "").lstrip().startswith("+82") else digits


def _problem(entry: Entry, error: HaechiError) -> Problem:
    column = "consent_by" if "consent" in str(error) else "guardian1_name" if "uardian" in str(error) else "ref"
    return Problem(entry.line, entry.ref, column, str(error), "change the row, or the registry, and import it again")
