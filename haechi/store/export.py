"""Everything that is kept about one person, as one JSON document that is sent while it is read."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from haechi.domain.incidents import Incident
from haechi.ids import device_mark, front_of
from haechi.store.audit import LOOKS
from haechi.store.postgres import Pool, translate_errors

_PREFETCH = 1000
Row = dict[str, Any]  # a row of a query, on its way into JSON


class Section(msgspec.Struct, frozen=True):
    """A list of the document: the rows of `sql` ($1: the person). `json` columns hold JSON already."""

    name: str
    sql: str
    json: frozenset[str] = frozenset()


SECTIONS = (
    Section(
        "person",
        "SELECT id, district, name, born, kind, night_walks, consent, deleted_at AS removed_at FROM people WHERE id = $1",
        frozenset({"consent"}),
    ),
    Section(
        "guardians",
        "SELECT g.name, g.language FROM people p JOIN guardians g ON g.id = ANY(p.guardian_ids) "
        "WHERE p.id = $1 AND g.deleted_at IS NULL ORDER BY array_position(p.guardian_ids, g.id)",
    ),
    Section("references", "SELECT ref FROM people_refs WHERE person_id = $1"),
    Section(
        "devices",
        "SELECT id AS device, kind, deleted_at AS removed_at FROM devices WHERE person_id = $1 ORDER BY id",
    ),
    Section(
        "zones",
        "SELECT id, name, kind, area, schedule, deleted_at AS removed_at FROM safe_zones "
        "WHERE person_id = $1 OR $1 = ANY(person_ids) ORDER BY id",
        frozenset({"area", "schedule"}),
    ),
    Section(
        "usual places",
        "SELECT n, point, radius_m, days, hours, state, seen_at, decided_at, decided_by FROM usual_places "
        "WHERE person_id = $1 AND deleted_at IS NULL ORDER BY n",
        frozenset({"point"}),
    ),
    Section(
        "consents",
        "SELECT kind, at, decided_by, recorded_by, scopes, starts_at, ends_at, words FROM consents "
        "WHERE person_id = $1 ORDER BY id",
    ),
    Section(
        "incidents",
        "SELECT body AS incident FROM incidents WHERE subject = $1::uuid::text ORDER BY number",
        frozenset({"incident"}),
    ),
    Section(
        "lines of incidents",
        "SELECT i.number AS incident, e.at, e.kind, e.by, e.words FROM incidents i "
        "JOIN incident_events e ON e.incident_id = i.id WHERE i.subject = $1::uuid::text ORDER BY e.id",
    ),
    Section(
        "messages",
        "SELECT i.number AS incident, d.recipient::json->>'kind' AS kind, d.recipient::json->>'name' AS name, d.reason, "
        "d.state, d.created_at, d.finished_at FROM incidents i JOIN deliveries d ON d.incident_id = i.id "
        "WHERE i.subject = $1::uuid::text ORDER BY d.created_at, d.id",
    ),
    Section(
        "tests of the button", "SELECT opened_at, ends_at, asked_by FROM button_tests WHERE person_id = $1 ORDER BY id"
    ),
    Section("next test of the telephones", "SELECT due_at, asked_by FROM phone_tests WHERE person_id = $1"),
    Section(
        "looks",
        "SELECT at, who, what, role, shown, reason FROM audit WHERE subject = 'people:' || $1::uuid::text "  # noqa: S608 - literals
        f"AND {LOOKS} ORDER BY id",
    ),
    Section(
        "trail",
        "SELECT at, received_at, device, lon, lat, accuracy_m, speed, course, battery FROM trail "
        "WHERE person = $1 ORDER BY at, device",
    ),
)


class Export:
    """Reads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def stream(self, person: str) -> AsyncIterator[bytes]:
        """The pieces of the document, all of one moment. Broken off it is no JSON: nobody takes a part for it all."""
        with translate_errors():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                ids = [
                    row["id"] for row in await connection.fetch("SELECT id FROM devices WHERE person_id = $1", person)
                ]
                tidy = _tidy({device_mark(device): front_of(device) for device in ids})
                for number, section in enumerate(SECTIONS):
                    yield (b"{" if number == 0 else b",\n") + msgspec.json.encode(section.name) + b": [\n"
                    first = True
                    async for row in connection.cursor(section.sql, person, prefetch=_PREFETCH):
                        yield (b"" if first else b",\n") + msgspec.json.encode(tidy(section, dict(row)))
                        first = False
                    yield b"\n]"
                yield b"}\n"


def _tidy(fronts: Mapping[int, str]) -> Callable[[Section, Row], Row]:
    """A device's id is its credential: only its front leaves the house, wherever it stands."""

    def tidy(section: Section, row: Row) -> Row:
        if section.name == "incidents":
            incident = msgspec.json.decode(row["incident"], type=Incident)
            fixes = tuple(msgspec.structs.replace(fix, device=front_of(fix.device)) for fix in incident.because.fixes)
            because = msgspec.structs.replace(incident.because, fixes=fixes)
            return {"incident": msgspec.structs.replace(incident, because=because)}
        for name in section.json:
            if row[name] is not None:
                row[name] = msgspec.Raw(row[name].encode())
        if "device" in row:
            mark = row["device"]
            row["device"] = front_of(mark) if isinstance(mark, str) else fronts.get(mark)
        return row

    return tidy
