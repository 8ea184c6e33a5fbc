"""`python -m control_room`, the same as `haechi run wall`: wires the wall's constructors."""

from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from starlette.types import Scope

from control_room.api import make_router
from control_room.app import make_app
from control_room.details import Looks
from control_room.guard import PUBLIC, Guard, key_of, principal_of
from control_room.live.feed import Feed
from control_room.live.hub import Hub
from control_room.live.socket import LiveSocket
from control_room.live.sources import Registry
from control_room.live.world import World
from control_room.pages.wall import PANELS
from control_room.routes import WallRoutes
from control_room.sign_in import make_routes
from control_room.wall_map import load_wall_map
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.access import Principal
from haechi.domain.retention import retention_of
from haechi.errors import TransientError
from haechi.process import Component, Main, component, run_beside
from haechi.sealing import data_key_of
from haechi.serving import Server, listen
from haechi.store import registry as rows
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.consents import Consents
from haechi.store.districts import districts
from haechi.store.drills import Drills
from haechi.store.erasures import Erasures
from haechi.store.evidence import open_evidence
from haechi.store.export import Export
from haechi.store.feeds import ChangeFeed
from haechi.store.incidents import Incidents
from haechi.store.postgres import Pool, open_pool
from haechi.store.reach import Reaching
from haechi.store.slices import CamerasSlice, RecipientsSlice, SafeZonesSlice, SensorsSlice
from haechi.store.users import Users
from haechi.store.usual_places import UsualPlaces
from haechi.store.whereabouts import Whereabouts

# What the sign-in page needs before anyone has signed in.
_PUBLIC = (*PUBLIC, "/assets/wall.css", "/assets/sign-in.css", "/assets/mark.svg")
_STOP_S = 2  # sockets of walls never end by themselves


async def run(settings: Settings) -> None:
    """The wall, until it is told to stop."""
    async with component("wall", settings) as it:
        pool = await open_pool(settings.postgres)
        try:
            await _serve(it, pool)
        finally:
            await pool.close()


async def _serve(it: Component, pool: Pool) -> None:
    settings = it.settings
    listener = listen(settings.wall.host, settings.wall.port, "wall.host", "wall.port")
    people = RecipientsSlice(pool, it.sealer, copy=it.copies / "people")
    cameras = CamerasSlice(pool, it.sealer, copy=it.copies / "cameras")
    sensors = SensorsSlice(pool, it.sealer, copy=it.copies / "sensors")
    zones = SafeZonesSlice(pool, it.sealer, copy=it.copies / "safe-zones")
    slices = (people, cameras, sensors, zones)
    for part in slices:
        await part.start()
    registry = Registry(people, cameras, sensors, zones)
    wall_map = load_wall_map(settings.wall.map)
    users, incidents, audit = Users(pool), Incidents(pool), Audit(pool)
    whereabouts = Whereabouts(pool, it.live, retention_of(settings.trail.days, settings.trail.shorter))
    world = World(registry, wall_map.where)

    async def all_districts() -> list[str]:
        return [district.id for district in await districts(pool)]

    changes, deliveries = ChangeFeed(pool), ChangeFeed(pool, "deliveries")
    feed = Feed(world, registry, incidents, changes, deliveries, it.live, all_districts, utc_now)
    hub = Hub(world, PANELS, it.live, feed.away, utc_now, it.registry)
    evidence = open_evidence(settings)
    looks = Looks(audit, utc_now)
    routes = WallRoutes(principal_of, world, registry, incidents, evidence, looks, wall_map, utc_now)
    app = make_app(
        routers=[
            routes.router(),
            make_router(
                rows.Registry(pool, it.sealer),
                Consents(pool),
                Bars(pool),
                Reaching(pool),
                Drills(pool),
                incidents,
                audit,
                whereabouts,
                Export(pool),
                Erasures(pool),
                UsualPlaces(pool),
                tz=ZoneInfo(settings.wall.timezone),
            ),
        ],
        routes=make_routes(users, audit),
        live=LiveSocket(hub, principal_of, _asked_again(users), looks.follow, settings.wall.timezone, utc_now),
        guard=lambda inner: Guard(
            inner, users, data_key_of(settings), public_paths=_PUBLIC, secure=settings.wall.https
        ),
        clock=utc_now,
    )
    server = Server(
        app,
        settings.trusted_proxies,
        ws_per_message_deflate=False,  # pictures do not shrink, and the rest is small
        timeout_graceful_shutdown=_STOP_S,
    )
    await run_beside(server.until_stopped(listener), *(part.follow() for part in slices), feed.run(), hub.run())


def _asked_again(users: Users) -> Callable[[Scope], Awaitable[Principal | None]]:
    """Whom a socket's session belongs to now. A PostgreSQL that is away signs nobody out."""

    async def who_now(scope: Scope) -> Principal | None:
        key = key_of(scope.get("session") or {})
        if key is None:  # by a token
            return principal_of(scope)
        try:
            return await users.principal_of_session(*key)
        except TransientError:
            return principal_of(scope)

    return who_now


PROCESSES: dict[str, Main] = {"wall": run}

if __name__ == "__main__":
    from haechi.cli import run_room

    run_room("control_room", PROCESSES)
