"""`haechi explain`: why an alert came, for whoever must answer for it."""

import asyncio
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from haechi import config
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.explaining import Explanation, explain
from haechi.domain.incidents import for_people
from haechi.sealing import sealer_of
from haechi.store.audit import Audit, Look
from haechi.store.incidents import Incidents
from haechi.store.postgres import open_pool
from haechi.store.registry import Registry, zone_of
from haechi.supervisor.site import reached

WHO, ROLE = "command line", "administrator of the machine"
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder that holds everything (default .haechi).")]
app = typer.Typer(no_args_is_help=True, help="Why an alert came, who was told, and when.")


@app.callback()
def explaining() -> None:
    """Why an alert came, who was told, and when."""


@app.command()
def alert(
    name: Annotated[str, typer.Argument(help="The incident's number, its id, or the alert's id.")],
    data: DataFolder = None,
) -> None:
    """Say in words what decided it, how long each step took, who was told and why, and who was not.

    It shows where a person was, so it is written to the audit.
    """
    explanation = asyncio.run(explained(reached(config.load(data=data)), name))
    Console().print(explanation.text(), highlight=False, markup=False, soft_wrap=True)


async def explained(settings: Settings, name: str) -> Explanation:
    """The explanation of an incident, and its trace."""
    pool = await open_pool(settings.postgres, size=1)
    try:
        incidents = Incidents(pool)
        incident = for_people(await incidents.find(name))
        await Audit(pool).look(
            Look(incident.subject, incident.district, WHO, ROLE, f"incident {incident.number}", "haechi explain")
        )
        return explain(
            incident,
            await incidents.trail(incident.id),
            await incidents.deliveries(incident.id),
            await zone_of(Registry(pool, sealer_of(settings)), incident),
            utc_now(),
            ZoneInfo(settings.wall.timezone),
        )
    finally:
        await pool.close()
