"""Districts: what every row, alert, incident and grant belongs to."""

import msgspec

from haechi.errors import Conflict
from haechi.store.postgres import Pool, translate_errors


class District(msgspec.Struct, frozen=True):
    """A part of a city; a `sample` one was made by the demo."""

    id: str
    name: str
    sample: bool


async def ensure_district(pool: Pool, district: str, name: str, *, sample: bool = False) -> District:
    """The district as it is now, made if it was not there. Conflict if a sample is asked for where a real one is."""
    with translate_errors():
        await pool.execute(
            "INSERT INTO districts (id, name, sample) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
            district,
            name,
            sample,
        )
        row = await pool.fetchrow("SELECT id, name, sample FROM districts WHERE id = $1", district)
    found = District(row["id"], row["name"], row["sample"])
    if sample and not found.sample:
        raise Conflict(f"The district '{district}' is a real one; the sample district needs a name of its own.")
    return found


async def districts(pool: Pool) -> list[District]:
    """All districts by id."""
    with translate_errors():
        rows = await pool.fetch("SELECT id, name, sample FROM districts ORDER BY id")
    return [District(row["id"], row["name"], row["sample"]) for row in rows]
