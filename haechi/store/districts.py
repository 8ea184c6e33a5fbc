"""Districts: what every row, alert, incident and grant belongs to."""

import asyncpg
import msgspec


class District(msgspec.Struct, frozen=True):
    """A part of a city; a `sample` one was made by the demo."""

    id: str
    name: str
    sample: bool


async def ensure_district(pool: asyncpg.Pool, district: str, name: str, *, sample: bool = False) -> District:
    """The district as it is now, made if it was not there. Conflict if a sample is asked for where a real one is."""
    raise NotImplementedError


async def districts(pool: asyncpg.Pool) -> list[District]:
    """All districts by id."""
    raise NotImplementedError
