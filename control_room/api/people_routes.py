"""What concerns one person beyond their row: who looked at their place."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from control_room.api.access import in_any, the_districts
from control_room.guard import principal_of
from haechi.store.audit import Audit, AuditEntry
from haechi.store.registry import PEOPLE, Registry

District = Annotated[str | None, Query(description="Needed only by callers of several districts.")]


class LooksPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[AuditEntry]


def add_people(router: APIRouter, registry: Registry, audit: Audit) -> None:
    """The requests about one person."""

    async def show_looks(
        request: Request, row_id: str, district: District = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Response:
        places = the_districts(principal_of(request.scope), "read audit", district)
        row = await in_any(places, lambda place: registry.get(PEOPLE, place, row_id))
        return _json(LooksPage(await audit.looks(row.value.id, limit)))

    router.add_api_route(
        "/people/{row_id}/looks",
        show_looks,
        methods=["GET"],
        summary="Who looked at where the person is or was, as what, and why; newest first",
        tags=["people"],
    )


def _json(value: object, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value), status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
