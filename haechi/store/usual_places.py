"""Usual places: learned by night, proposed, and made safe zones by a guardian's yes; never without that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.consent import check_linked
from haechi.domain.geo import Circle, Point
from haechi.domain.habits import Place, PlaceState, UsualPlace, proposals
from haechi.domain.people import Consent, SafeZone
from haechi.domain.signatures import signature
from haechi.errors import Conflict, NotFound
from haechi.ids import new_id
from haechi.store.audit import Look, look, write_entry
from haechi.store.bars import check_links
from haechi.store.postgres import Pool, translate_errors

_COLUMNS = "id, district, person_id, n, point, radius_m, days, hours, state, seen_at, decided_at, decided_by, zone_id"
_DUE = """
SELECT p.id, p.consent FROM people p LEFT JOIN usual_places_learned l ON l.person_id = p.id
WHERE p.deleted_at IS NULL AND p.consent IS NOT NULL AND (l.at IS NULL OR l.at < $1) ORDER BY p.id LIMIT $2"""
_TRAIL = """
SELECT at, lon, lat, accuracy_m FROM trail WHERE person = $1 AND at >= $2 ORDER BY at LIMIT $3"""
_MOST_FIXES = 500_000
_UNOFFERED = """
SELECT u.person_id, u.district, p.consent, array_agg(u.id::text ORDER BY u.n) AS places,
       clock_timestamp() AS now
FROM usual_places u JOIN people p ON p.id = u.person_id
WHERE u.state = 'proposed' AND u.offered_at IS NULL AND u.deleted_at IS NULL AND p.deleted_at IS NULL
      AND p.consent IS NOT NULL
GROUP BY u.person_id, u.district, p.consent ORDER BY max(u.seen_at) DESC LIMIT $1"""


class Track(msgspec.Struct, frozen=True):
    """A trail as columns of n rows, in order of time: microseconds since 1970, degrees, metres with NaN for unknown."""

    at: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    accuracy: NDArray[np.float64]


class Offer(msgspec.Struct, frozen=True):
    """Places of a person that nobody was asked about yet, by number; `now` is the database's clock."""

    person: str
    district: str
    place_ids: tuple[str, ...]
    now: datetime


class UsualPlaces:
    """The table. `by` is the user, token or guardian that writes a decision down."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, seen: Look) -> list[UsualPlace]:
        """By number; the look is written down."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await look(connection, seen)
                return await _of(connection, seen.person)

    async def proposed(self, person: str) -> list[UsualPlace]:
        """Those that wait for a yes or a no, by number; the caller writes the look down."""
        with translate_errors():
            return [one for one in await _of(self._pool, person) if one.state == "proposed"]

    async def unoffered(self, limit: int = 100) -> list[Offer]:
        """Of whom guardians are to be asked, as far as a consent covers where they are."""
        with translate_errors():
            rows = await self._pool.fetch(_UNOFFERED, limit)
        return [
            Offer(row["person_id"], row["district"], tuple(row["places"]), row["now"])
            for row in rows
            if msgspec.json.decode(row["consent"], type=Consent).allows("position", row["now"])
        ]

    async def offered(self, place_ids: Sequence[str]) -> None:
        """Guardians were asked about these."""
        with translate_errors():
            await self._pool.execute(
                "UPDATE usual_places SET offered_at = clock_timestamp() WHERE id = ANY($1::uuid[])", place_ids
            )

    async def due(self, since: datetime, now: datetime, limit: int = 100) -> list[str]:
        """People who were not learned about since then, and whose consent covers that."""
        with translate_errors():
            rows = await self._pool.fetch(_DUE, since, limit)
            consents = {row["id"]: msgspec.json.decode(row["consent"], type=Consent) for row in rows}
            without = [person for person, consent in consents.items() if not consent.allows("position", now)]
            await self._pool.executemany(_LEARNED, [(person, now) for person in without])
        return [person for person in consents if person not in without]

    async def track(self, person: str, start: datetime) -> Track:
        """Their trail from an instant on."""
        with translate_errors():
            rows = await self._pool.fetch(_TRAIL, person, start, _MOST_FIXES)
        at = np.array([row["at"].timestamp() for row in rows])
        columns = [
            np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)
            for name in ("lon", "lat", "accuracy_m")
        ]
        return Track(np.round(at * 1_000_000).astype(np.int64), *columns)

    async def learned(self, person: str, found: Sequence[Place], now: datetime) -> None:
        """Propose what was found, unless a person has decided about it; in one transaction."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                district = await connection.fetchval(
                    "SELECT district FROM people WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", person
                )
                if district is None:
                    return
                kept = await _of(connection, person)
                what = proposals(kept, found)
                last = await connection.fetchval(
                    "SELECT COALESCE(max(n), 0) FROM usual_places WHERE person_id = $1", person
                )
                for n, place in enumerate(what.new, last + 1):
                    await connection.execute(
                        "INSERT INTO usual_places (district, person_id, n, point, radius_m, days, hours, seen_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        district,
                        person,
                        n,
                        msgspec.json.encode(place.point).decode(),
                        place.radius_m,
                        place.days,
                        list(place.hours),
                        place.seen_at,
                    )
                for one, place in what.again:
                    await connection.execute(
                        "UPDATE usual_places SET point = $2, radius_m = $3, days = $4, hours = $5, seen_at = $6 "
                        "WHERE id = $1",
                        one.id,
                        msgspec.json.encode(place.point).decode(),
                        place.radius_m,
                        place.days,
                        list(place.hours),
                        place.seen_at,
                    )
                await connection.execute(
                    "UPDATE usual_places SET deleted_at = clock_timestamp() WHERE id = ANY($1::uuid[])",
                    [one.id for one in what.gone],
                )
                await connection.execute(_LEARNED, person, now)

    async def accept(self, district: str, person: str, n: int, name: str, *, guardian: str, by: str) -> UsualPlace:
        """It becomes a safe zone of that name, always in force, by the word of one of the person's guardians.

        Raises:
            NotFound: there is no such place.
            NoGuardian: that is none of the person's guardians.
            Conflict: it was decided already, or the guardian is barred under another entry.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _check_guardian(connection, district, person, guardian)
                place = await _undecided(connection, district, person, n)
                word = _word_of(guardian, by)
                zone = SafeZone(new_id(), district, person, name, Circle(place.point, place.radius_m), ())
                await connection.execute(
                    "INSERT INTO safe_zones (id, district, person_id, name, area, schedule) "
                    "VALUES ($1, $2, $3, $4, $5, '[]')",
                    zone.id,
                    district,
                    person,
                    name,
                    msgspec.json.encode(zone.area).decode(),
                )
                origin = f"usual place {n} of people:{person}{word}"
                await write_entry(connection, by, "added", f"safe-zones:{zone.id}", district, origin)
                decided = await _decide(connection, place, "accepted", signature(guardian), zone.id)
                await _write_down(connection, decided, by, word)
                return decided

    async def decline(self, district: str, person: str, n: int, *, by: str) -> UsualPlace:
        """It is not proposed again. NotFound; Conflict when it was decided already."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                place = await _undecided(connection, district, person, n)
                decided = await _decide(connection, place, "declined", by, None)
                await _write_down(connection, decided, by)
                return decided


_LEARNED = """
INSERT INTO usual_places_learned (person_id, at) VALUES ($1, $2) ON CONFLICT (person_id) DO UPDATE SET at = EXCLUDED.at"""


async def _of(connection: Any, person: str) -> list[UsualPlace]:
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM usual_places WHERE person_id = $1 AND deleted_at IS NULL ORDER BY n",  # noqa: S608 - literal columns
        person,
    )
    return [_place(row) for row in rows]


async def _undecided(connection: Any, district: str, person: str, n: int) -> UsualPlace:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM usual_places "  # noqa: S608 - literal columns
        "WHERE person_id = $1 AND district = $2 AND n = $3 AND deleted_at IS NULL FOR UPDATE",
        person,
        district,
        n,
    )
    if row is None:
        raise NotFound(f"people/{person} has no usual place {n}.")
    place = _place(row)
    if place.state != "proposed":
        raise Conflict(f"Usual place {n} was {place.state} by {place.decided_by}; it can be decided once.")
    return place


async def _decide(connection: Any, place: UsualPlace, state: PlaceState, by: str, zone: str | None) -> UsualPlace:
    row = await connection.fetchrow(
        "UPDATE usual_places SET state = $2, decided_at = clock_timestamp(), decided_by = $3, zone_id = $4 "  # noqa: S608 - literal columns
        f"WHERE id = $1 RETURNING {_COLUMNS}",
        place.id,
        state,
        by,
        zone,
    )
    return _place(row)


async def _write_down(connection: Any, place: UsualPlace, by: str, word: str = "") -> None:
    what = f"{place.state} usual place {place.n}{word}"
    await write_entry(connection, by, what, f"people:{place.person_id}", place.district)


def _word_of(guardian: str, by: str) -> str:
    """Whose word it was, where somebody else writes it down."""
    return "" if by == signature(guardian) else f", by the word of {signature(guardian)}"


async def _check_guardian(connection: Any, district: str, person: str, guardian: str) -> None:
    """The row stays locked, so that a guardian who is barred meanwhile waits, or is barred already."""
    row = await connection.fetchrow(
        "SELECT name, guardian_ids FROM people WHERE id = $1 AND district = $2 AND deleted_at IS NULL FOR SHARE",
        person,
        district,
    )
    if row is None:
        raise NotFound(f"There is no people/{person}.")
    check_linked(row["name"], row["guardian_ids"], guardian)
    await check_links(connection, person, [guardian])


def _place(row: Any) -> UsualPlace:
    fields = dict(row) | {"point": msgspec.json.decode(row["point"], type=Point)}
    return msgspec.convert(fields, UsualPlace)
