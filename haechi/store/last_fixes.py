"""A person's last fixes, for the scene of an alert: read from the trail, where retention, erasure and consent rule already.

PostgreSQL away costs nothing here: without it no incident opens, and the trail has a fix before the live store has it.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from haechi.domain.geo import Point
from haechi.domain.people import Consent, Position
from haechi.domain.scene import FIXES
from haechi.ids import device_mark, front_of, is_uuid
from haechi.store.postgres import Pool, translate_errors

_DAY = timedelta(hours=24)  # of the trail's parts, one for each day, mostly two are looked at
_EVER = datetime(2000, 1, 1, tzinfo=UTC)  # no door takes an older fix
# The person's row decides: without a consent nobody's incident is told where they were.
_LAST = """
SELECT consent, clock_timestamp() AS now, devices, fix.* FROM people
CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg(id), '{}') AS devices FROM devices WHERE person_id = people.id
) AS worn
CROSS JOIN LATERAL (
    SELECT at, received_at, device, lon, lat, accuracy_m, speed, course, battery FROM trail
    WHERE person = people.id AND at > $2 AND at <= $3 ORDER BY at DESC LIMIT $4
) AS fix
WHERE people.id = $1 AND people.deleted_at IS NULL"""

_consent = msgspec.json.Decoder(Consent | None)


class LastFixes:
    """Reads. Raises TransientError while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def before(self, person: str, until: datetime) -> tuple[Position, ...]:
        """The last `FIXES` within a day before `until`, newest first, else the last one that the trail has.

        None of whom no consent allows it now.
        """
        if not is_uuid(person):
            return ()
        with translate_errors():
            rows = await self._pool.fetch(_LAST, person, until - _DAY, until, FIXES)
            if not rows:  # with its age, an old place is better than none
                rows = await self._pool.fetch(_LAST, person, _EVER, until, 1)
        consent = _consent.decode(rows[0]["consent"] or "null") if rows else None
        if consent is None or not consent.allows("position", rows[0]["now"]):
            return ()
        devices = {device_mark(device): front_of(device) for device in rows[0]["devices"]}
        return tuple(
            Position(
                devices.get(row["device"], ""),
                person,
                row["at"],
                row["received_at"],
                Point(row["lon"], row["lat"]),
                accuracy_m=row["accuracy_m"],
                speed=row["speed"],
                course=row["course"],
                battery=row["battery"],
            )
            for row in rows
        )
