"""A lane's way to Kafka: straight while Kafka answers, behind the spool while it does not."""

import asyncio

import structlog

from haechi.errors import HaechiError, PermanentError, TransientError
from haechi.failpoints import failpoint
from haechi.streaming import Record
from haechi.streaming.runtime import Sends
from haechi.streaming.trouble import Backoff
from ingest.lane import Lane
from ingest.spool import Spool

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0
_LONGEST_WAIT_S = 2.0


class Outlet:
    """One lane. Called by one task at a time, and replayed by one, it keeps the lane's order."""

    def __init__(self, lane: Lane, producer: Sends, spool: Spool, *, patience_s: float = PATIENCE_S) -> None:
        self.lane = lane
        self._producer = producer
        self._spool = spool
        self._patience_s = patience_s

    async def deliver(self, value: bytes) -> None:
        """Returns when all in-sync replicas have it, or it is fsynced in the spool. Refused when neither takes it."""
        if not self._spool.waiting(self.lane):
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._producer.send(self._record(value))
            except (TransientError, TimeoutError) as error:
                why = str(error) or "no acknowledgement in time"
                log.warning("lane.spooling", topic=self.lane.topic, partition=self.lane.partition, error=why)
            else:
                failpoint("gateway.after_output")
                return
        await self._spool.append(self.lane, value)
        failpoint("gateway.after_output")

    async def replay(self) -> None:
        """For ever: send what the spool holds, in order, as soon as Kafka takes it."""
        backoff = Backoff(0.1, _LONGEST_WAIT_S)
        while True:
            value = await self._spool.first(self.lane)
            try:
                await self._producer.send(self._record(value))
            except PermanentError as error:
                log.critical("lane.blocked", topic=self.lane.topic, partition=self.lane.partition, error=str(error))
                await asyncio.sleep(_LONGEST_WAIT_S)
            except HaechiError:
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                self._spool.done(self.lane)
                if not self._spool.waiting(self.lane):
                    log.warning("lane.straight", topic=self.lane.topic, partition=self.lane.partition)

    def _record(self, value: bytes) -> Record:
        return Record(self.lane.topic, value, partition=self.lane.partition)
