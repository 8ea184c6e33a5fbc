"""Where a person is and was: with a right, a reason and a trace, or not at all."""

import base64
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException

from control_room.api.access import District, NeededReason, in_any, the_districts
from control_room.api.models import Instant
from control_room.api.operations import add_operation
from control_room.guard import principal_of
from haechi.clock import Clock
from haechi.domain.access import Principal
from haechi.domain.people import DeviceKind, Person
from haechi.store.audit import Look
from haechi.store.registry import PEOPLE, Registry
from haechi.store.whereabouts import Cursor, Span, Whereabout, Whereabouts

LONGEST = timedelta(days=31)
MOST = 5000
_A_FIX = {
    "at": "2026-11-22T08:30:00Z",
    "received_at": "2026-11-22T08:30:01Z",
    "point": [126.9227, 37.6186],
    "accuracy_m": 8.0,
    "speed": 1.2,
    "course": 90.0,
    "battery": 71.0,
    "device": "k3jf9a…",
    "device_kind": "watch",
    "late": False,
}


class Fix(msgspec.Struct, frozen=True):
    """A whereabout as it travels: `point` is [lon, lat] (RFC 7946)."""

    at: datetime
    received_at: datetime
    point: tuple[float, float]
    accuracy_m: float | None
    speed: float | None
    course: float | None
    battery: float | None
    device: str | None
    device_kind: DeviceKind | None
    late: bool


class Last(msgspec.Struct, frozen=True):
    """`age_s` is that of the fix, at the moment `now`; not `live`: from the trail, older than a day or Redis is away."""

    person: str
    now: datetime
    position: Fix | None
    age_s: float | None
    live: bool


class TrailPage(msgspec.Struct, frozen=True):
    """In order of time; `next` is the `after` of the page that follows. Of the time before `kept_from` nothing has to be
    there any more: it says nothing about where the person was."""

    person: str
    items: list[Fix]
    next: str | None
    kept_from: datetime


class TrailLines(msgspec.Struct, frozen=True):
    """The same as GeoJSON (RFC 7946), a point each; `next` and `kept_from` are foreign members."""

    media_type: ClassVar[str] = "application/geo+json"

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]]
    next: str | None
    kept_from: datetime


def add_whereabouts(router: APIRouter, registry: Registry, places: Whereabouts, clock: Clock) -> None:
    """The two requests. Rights: `haechi.domain.access`; without a consent only while an incident is open."""

    async def get_position(request: Request, row_id: str, reason: NeededReason, district: District = None) -> Last:
        principal = principal_of(request.scope)
        person = await whose(principal, row_id, district)
        now = clock()
        position, live = await places.last(_look(principal, person, "the last position", reason), now)
        age = None if position is None else round((now - position.at).total_seconds(), 1)
        return Last(person.id, now, None if position is None else _fix(position), age, live)

    async def get_trail(
        request: Request,
        row_id: str,
        reason: NeededReason,
        start: Annotated[Instant, Query(alias="from", description="Event time, included.")],
        end: Annotated[
            Instant | None, Query(alias="to", description="Event time, excluded; nothing means now.")
        ] = None,
        district: District = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
        after: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
        shape: Annotated[Literal["json", "geojson"], Query(alias="format")] = "json",
    ) -> TrailPage | TrailLines:
        principal = principal_of(request.scope)
        span = Span(start, end or clock(), limit, _cursor(after))
        if not timedelta(0) < span.end - start <= LONGEST:
            raise HTTPException(422, f"`to` must be later than `from`, by {LONGEST.days} days at most.")
        person = await whose(principal, row_id, district)
        shown = f"the trail from {start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M %Z}"
        fixes, more = await places.trail(span, _look(principal, person, shown, reason))
        following = None if more is None else _written(more)
        kept_from = places.kept_from(person, clock())
        if shape == "json":
            return TrailPage(person.id, [_fix(one) for one in fixes], following, kept_from)
        return TrailLines("FeatureCollection", [_feature(one) for one in fixes], following, kept_from)

    async def whose(principal: Principal, row_id: str, district: str | None) -> Person:
        """The person, if the caller may see where they are: 404 in another's district, 403 in words otherwise."""
        where = the_districts(principal, "see positions of open incidents", district)
        person = (await in_any(where, lambda place: registry.get(PEOPLE, place, row_id))).value
        standing = await places.standing(person.id, person.district, clock())
        if standing.in_trouble:
            return person
        if not principal.may("see positions", person.district):
            raise HTTPException(
                403, f"As {principal.role_in(person.district)} you see where a person is while an incident is open."
            )
        if not standing.consented:
            raise HTTPException(403, "No valid consent covers this person's positions, and no incident is open.")
        return person

    one = "/people/{row_id}"
    rights = (
        "Dispatchers, supervisors and administrators; operators while an incident of the person is open. "
        "Every look is an audit entry that the guardian can read."
    )
    add_operation(
        router,
        "GET",
        f"{one}/position",
        get_position,
        "Where a person is",
        tag="people",
        description=rights,
        example={"person": "…", "now": _A_FIX["received_at"], "position": _A_FIX, "age_s": 1.0, "live": True},
    )
    add_operation(
        router,
        "GET",
        f"{one}/trail",
        get_trail,
        "Where a person was",
        tag="people",
        description=f"{rights} At most {LONGEST.days} days and {MOST} fixes at once.",
        example={"person": "…", "items": [_A_FIX], "next": "MTc2Mzc5…", "kept_from": "2026-10-23T08:30:00Z"},
    )


def _look(principal: Principal, person: Person, shown: str, reason: str) -> Look:
    return Look(person.id, person.district, principal.name, principal.role_in(person.district), shown, reason)


def _fix(one: Whereabout) -> Fix:
    return Fix(
        one.at,
        one.received_at,
        (one.point.lon, one.point.lat),
        one.accuracy_m,
        one.speed,
        one.course,
        one.battery,
        one.device,
        one.device_kind,
        one.late,
    )


def _feature(one: Whereabout) -> dict[str, Any]:
    properties = msgspec.structs.asdict(_fix(one))
    point = properties.pop("point")
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": point}, "properties": properties}


def _written(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise HTTPException(422, "`after` is not the `next` of a page.") from error
