"""The API behind its guard, over a database of the module's own, and callers of every role."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from control_room.api import add_docs, add_error_handlers, make_router
from control_room.guard import Guard
from haechi.domain.access import Role
from haechi.domain.retention import retention_of
from haechi.sealing import Sealer, create_key
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.consents import Consents
from haechi.store.districts import ensure_district
from haechi.store.drills import Drills
from haechi.store.erasures import Erasures
from haechi.store.export import Export
from haechi.store.incidents import Incidents
from haechi.store.live import Live
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.reach import Reaching
from haechi.store.registry import Registry
from haechi.store.users import Users
from haechi.store.usual_places import UsualPlaces
from haechi.store.whereabouts import Whereabouts
from tests.haechi.store.conftest import AT, DISTRICT, EMPTY

# One application for a module: it is slow to make.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_pool(postgres_database: str) -> AsyncIterator[Pool]:
    await migrate(postgres_database)
    opened = await open_pool(postgres_database, size=6)
    yield opened
    opened.terminate()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(own_redis_url: str) -> AsyncIterator[Live]:
    opened = Live(own_redis_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def pool(shared_pool: Pool) -> Pool:
    await shared_pool.execute(EMPTY)
    await ensure_district(shared_pool, DISTRICT, "Haneul-dong")
    await ensure_district(shared_pool, "other", "Another district")
    return shared_pool


@pytest.fixture
def audit(pool: Pool) -> Audit:
    return Audit(pool)


@pytest.fixture
def incidents(pool: Pool) -> Incidents:
    return Incidents(pool)


@pytest.fixture(scope="module")
def api(shared_pool: Pool, live: Live) -> Guard:
    server = FastAPI(title="Haechi", docs_url=None, redoc_url=None, openapi_url=None)
    registry = Registry(shared_pool, Sealer(create_key()))
    server.include_router(
        make_router(
            registry,
            Consents(shared_pool),
            Bars(shared_pool),
            Reaching(shared_pool),
            Drills(shared_pool),
            Incidents(shared_pool),
            Audit(shared_pool),
            Whereabouts(shared_pool, live, retention_of(30, ["elder=7"])),
            Export(shared_pool),
            Erasures(shared_pool),
            UsualPlaces(shared_pool),
            clock=lambda: AT,
        )
    )
    add_error_handlers(server)
    add_docs(server)
    return Guard(server, Users(shared_pool), create_key())


@pytest_asyncio.fixture(loop_scope="module")
async def caller(api: Guard, pool: Pool) -> AsyncIterator[Callable]:
    """`await caller(role, district)`: a client with such a token."""
    opened: list[httpx.AsyncClient] = []
    users = Users(pool)

    async def make(role: Role | None = "administrator", district: str = DISTRICT) -> httpx.AsyncClient:
        headers = {}
        if role is not None:
            headers["Authorization"] = f"Bearer {await users.add_token(f'{role} of {district}', role, district)}"
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://wall.test/api/v1", headers=headers))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def admin(caller: Callable) -> httpx.AsyncClient:
    return await caller("administrator")
