"""The administration API of its own tests, for the requests that the pages show."""

from tests.control_room.api.conftest import admin, api, audit, caller, live, pool, shared_pool

__all__ = ["admin", "api", "audit", "caller", "live", "pool", "shared_pool"]
