"""In which districts a caller may do something; what lies elsewhere does not exist."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException

from haechi.domain.access import Principal, Right
from haechi.errors import NotFound

R = TypeVar("R")
District = Annotated[str | None, Query(description="Needed only by callers of several districts.")]
Reason = Annotated[str, Query(max_length=200, description="Why a person's data is looked at; goes into the audit.")]
NeededReason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=200),
    Query(
        description="Why it is looked at; goes into the audit, and the guardian can read it.",
        examples=["the mother called: not at school"],
    ),
]


def the_district(principal: Principal, right: Right, asked: str | None) -> str:
    """The one district that a list or a new row belongs to: the one asked for, or the caller's only one."""
    places = the_districts(principal, right, asked)
    if len(places) > 1:
        raise HTTPException(400, f"Say which district: ?district={' or '.join(places)}.")
    return places[0]


def the_districts(principal: Principal, right: Right, asked: str | None = None) -> tuple[str, ...]:
    """Where the caller has the right. 404 for a district that is not the caller's, 403 where the right is missing."""
    own = {district for _, district in principal.grants}
    if asked is not None and asked not in own:
        raise HTTPException(404, f"There is no district '{asked}'.")
    places = tuple(place for place in principal.districts(right) if asked in (None, place))
    if not places:
        raise HTTPException(403, f"{principal.name} has not the right to {right}.")
    return places


async def in_any(places: tuple[str, ...], find: Callable[[str], Awaitable[R]]) -> R:
    """What `find` finds in the first of the districts that has it."""
    for place in places[:-1]:
        try:
            return await find(place)
        except NotFound:
            continue
    return await find(places[-1])
