"""What the duty desk is told of the spool: what was accepted there and can be read no more may have been a call for help."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from haechi.clock import Clock
from haechi.domain import wire
from haechi.domain.own_alerts import unprocessed
from haechi.errors import HaechiError
from ingest.metrics import IngestMetrics
from ingest.spool import Spool

log = structlog.get_logger(__name__)

_AGAIN_S = 2.0


async def tell_of_damage(
    spool: Spool,
    deliver: Callable[[bytes], Awaitable[None]],
    door: str,
    district: str,
    metrics: IngestMetrics,
    clock: Clock,
) -> None:
    """For ever. One incident for each file while it is open; `door` names the process and its machine. `deliver` puts an
    alert into its topic, or the spool, before it returns."""
    while True:
        damage = await spool.damage()
        words = (
            f"{damage.words}. Reports that were accepted lay there, maybe a call for help, and can be read no more; "
            "what lies around them is sent. Look whether the disk of this machine is sound."
        )
        try:
            await deliver(wire.ALERT.encode(unprocessed(door, damage.file, words, district, clock())))
        except HaechiError as error:
            log.warning("damage.untold", file=damage.file, error=str(error))
            await asyncio.sleep(_AGAIN_S)
            continue
        metrics.dropped.labels("spool-record").inc()
        spool.told()
