"""The administration API under /api/v1: the registry, and incidents as other systems see them.

server = FastAPI(title="Haechi", docs_url=None, redoc_url=None, openapi_url=None)
server.include_router(make_router(registry, consents, bars, reaching, drills, incidents, audit, whereabouts, export, erasures, usual))
add_error_handlers(server)       # problem+json for every error, validation too
add_docs(server)                 # /api/docs and /api/openapi.json
"""

from datetime import UTC, tzinfo

from fastapi import APIRouter

from control_room.api.consent_routes import add_consents
from control_room.api.docs import add_docs
from control_room.api.drill_routes import add_drills
from control_room.api.errors import add_error_handlers
from control_room.api.incident_routes import add_incidents
from control_room.api.people_routes import add_people, reach_beside
from control_room.api.registry_routes import add_resource, nothing_beside
from control_room.api.resources import RESOURCES
from control_room.api.rights_routes import add_rights
from control_room.api.usual_place_routes import add_usual_places
from control_room.api.whereabouts_routes import add_whereabouts
from haechi.clock import Clock, utc_now
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.consents import Consents
from haechi.store.drills import Drills
from haechi.store.erasures import Erasures
from haechi.store.export import Export
from haechi.store.incidents import Incidents
from haechi.store.reach import Reaching
from haechi.store.registry import Registry
from haechi.store.usual_places import UsualPlaces
from haechi.store.whereabouts import Whereabouts

__all__ = ["add_docs", "add_error_handlers", "make_router"]


def make_router(
    registry: Registry,
    consents: Consents,
    bars: Bars,
    reaching: Reaching,
    drills: Drills,
    incidents: Incidents,
    audit: Audit,
    whereabouts: Whereabouts,
    export: Export,
    erasures: Erasures,
    usual: UsualPlaces,
    *,
    clock: Clock = utc_now,
    tz: tzinfo = UTC,
) -> APIRouter:
    """All resources, to be served behind `control_room.guard.Guard`."""
    router = APIRouter(prefix="/api/v1", generate_unique_id_function=lambda route: route.name)
    beside = {"people": reach_beside(reaching)}
    for resource in RESOURCES:
        add_resource(router, resource, registry, audit, beside.get(resource.path, nothing_beside))
    add_people(router, registry, bars, audit)
    add_drills(router, registry, drills, audit)
    add_consents(router, registry, consents, audit, clock)
    add_whereabouts(router, registry, whereabouts, clock)
    add_usual_places(router, registry, usual, clock)
    add_rights(router, registry, export, erasures, audit)
    add_incidents(router, registry, incidents, audit, clock, tz)
    return router
