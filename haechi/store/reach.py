"""Whether somebody who must be told about a person can be: what reached a guardian, and what a guardian answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from haechi.domain.people import REACHED_WITHIN, reachable
from haechi.store.postgres import Pool, translate_errors

# A message that arrived at the address that a linked guardian still has, about whomever it was; or a guardian's own
# word ("I am on it", the answer to a test) about this person. `p` is the row of people.
_REACHED: Final = """
(SELECT greatest(
    (SELECT max(d.finished_at) FROM guardians g JOIN deliveries d
        ON d.recipient->>'id' = g.id::text AND d.recipient->>'kind' = 'guardian' AND d.state = 'delivered'
     WHERE g.id = ANY(p.guardian_ids) AND g.deleted_at IS NULL AND d.recipient->>'address' = g.webhook_url),
    (SELECT max(e.at) FROM guardians g JOIN incidents i ON i.subject = p.id::text JOIN incident_events e
        ON e.incident_id = i.id AND e.by = 'guardian:' || g.id
     WHERE g.id = ANY(p.guardian_ids) AND g.deleted_at IS NULL)))
"""
UNREACHABLE: Final = f"""
NOT coalesce((SELECT {_REACHED} > clock_timestamp() - interval '{REACHED_WITHIN.days} days' FROM people p
              WHERE p.id = people.id), false)
"""  # noqa: S608 - made of literals


class Reach(msgspec.Struct, frozen=True):
    """When a guardian of the person was last known to be reached, and whether that is recent enough to count on."""

    reached_at: datetime | None
    reachable: bool


class Reaching:
    """Reads; what it reads is written by the dispatch."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, people: Sequence[str]) -> dict[str, Reach]:
        """By person."""
        with translate_errors():
            rows: Any = await self._pool.fetch(
                f"SELECT p.id, {_REACHED} AS at, clock_timestamp() AS now FROM people p WHERE p.id = ANY($1)",  # noqa: S608 - made of literals
                list(people),
            )
        return {row["id"]: Reach(row["at"], reachable(row["at"], row["now"])) for row in rows}
