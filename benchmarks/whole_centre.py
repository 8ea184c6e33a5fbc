"""A whole centre at work for a benchmark, on servers of its own: every process but those of cameras and pictures."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from haechi.config import changed, load
from haechi.errors import HaechiError
from haechi.process import NAMES
from haechi.supervisor import Supervisor

READY_S = 180
LEFT_OUT = ("ingest.cameras", "vision", "analytics.sightings")


@asynccontextmanager
async def centre_at_work(networks: Sequence[str]) -> AsyncIterator[Supervisor]:
    """Live, and ended afterwards with all that it kept. `networks` are those to which messages may be sent."""
    with tempfile.TemporaryDirectory(prefix="haechi-bench-", ignore_cleanup_errors=True) as folder:
        settings = changed(load({}, data=Path(folder)), {"alerts.allow_networks": tuple(networks)})
        supervisor = Supervisor(settings, tuple(name for name in NAMES if name not in LEFT_OUT), say=lambda _: None)
        await supervisor.start()
        looking = asyncio.create_task(supervisor.run())
        try:
            await _until_ready(supervisor)
            yield supervisor
        finally:
            supervisor.stop()
            await looking
            await supervisor.end()


async def _until_ready(supervisor: Supervisor) -> None:
    for _ in range(READY_S * 2):
        if supervisor.ready:
            return
        await asyncio.sleep(0.5)
    waiting = [state.name for state in supervisor.states if state.state != "live"]
    raise HaechiError(f"Not live within {READY_S} s: {', '.join(waiting)}.")
