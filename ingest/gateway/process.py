"""The process `ingest.gateway`: it serves before Kafka, PostgreSQL and Redis are there."""

from haechi.config import Settings
from haechi.process import component, run_beside
from haechi.serving import Server, listen
from haechi.store.postgres import open_pool
from ingest.door import Door
from ingest.gateway.app import Readiness, make_app
from ingest.limits import RateLimit

NAME = "ingest.gateway"
_GRACE_S = 2
_BACKLOG = 4096


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with component(NAME, settings) as it:
        listener = listen(
            settings.gateway.host, settings.gateway.port, "gateway.host", "gateway.port", backlog=_BACKLOG
        )
        pool = await open_pool(settings.postgres)
        door = Door(it, pool, batch_s=settings.gateway.batch_ms / 1000, limit=RateLimit())
        app = make_app(
            door.intake,
            door.reporters,
            door.readers,
            door.metrics,
            lambda: _readiness(door),
            settings.gateway.body_bytes,
        )
        server = Server(
            app,
            settings.trusted_proxies,
            ws="none",
            lifespan="off",
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,
        )
        try:
            await run_beside(server.until_stopped(listener), *door.work())
        finally:
            await door.close()
            pool.terminate()


def _readiness(door: Door) -> Readiness:
    loaded, full = door.loaded.is_set(), door.spool.full
    return Readiness(loaded and not full, loaded, door.spool.size, full)
