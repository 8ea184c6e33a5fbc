"""The administration API under /api/v1: the registry, and incidents as other systems see them.

app.include_router(make_router(registry, incidents, audit))
add_error_handlers(app)          # problem+json for every error, validation too
app.mount / add docs: docs_routes(app) serves /api/docs and /api/openapi.json without any other server's scripts
"""

from fastapi import APIRouter, FastAPI

from haechi.store.audit import Audit
from haechi.store.incidents import Incidents
from haechi.store.registry import Registry


def make_router(registry: Registry, incidents: Incidents, audit: Audit) -> APIRouter:
    """All resources, to be served behind `control_room.guard.Guard`."""
    raise NotImplementedError


def add_error_handlers(app: FastAPI) -> None:
    """Errors in words, as problem+json."""
    raise NotImplementedError


def add_docs(app: FastAPI) -> None:
    """/api/docs and /api/openapi.json; make the app with `FastAPI(docs_url=None, redoc_url=None, openapi_url=None)`."""
    raise NotImplementedError
