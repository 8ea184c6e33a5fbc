"""The rounds of tests: due telephones are asked, tests whose time is over end."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from haechi.clock import Clock
from haechi.domain.alerting import Alert
from haechi.domain.drills import phone_test
from haechi.domain.incidents import Command, EndTest
from haechi.errors import Conflict, NotFound
from haechi.store.drills import PhoneTest

log = structlog.get_logger(__name__)

ENROL_EVERY = 300  # rounds: ten minutes
_OVER = "nobody answered any more; its time is over"


class Drills(Protocol):
    """What is asked of `haechi.store.drills.Drills`."""

    async def enrol(self, every: timedelta) -> None: ...
    async def due(self, timezone: str) -> Sequence[PhoneTest]: ...
    async def asked(self, test: PhoneTest, every: timedelta) -> None: ...
    async def over(self) -> Sequence[tuple[str, str]]: ...


class Incidents(Protocol):
    """What is asked of `haechi.store.incidents.Incidents`."""

    async def apply_command(self, incident_id: str, district: str, command: Command) -> object: ...


class DrillRounds:
    """`days` between the tests of the telephones; 0: only when somebody asks.

    What is due lies in PostgreSQL and is dated there. The alert of a due test has one id, so two processes at once, or
    one that was killed between raising it and saying so, make one incident.
    """

    def __init__(
        self,
        drills: Drills,
        incidents: Incidents,
        apply: Callable[[Alert], Awaitable[object]],
        clock: Clock,
        timezone: str,
        days: int,
    ) -> None:
        self._drills = drills
        self._incidents = incidents
        self._apply = apply
        self._clock = clock
        self._timezone = timezone
        self._every = timedelta(days=days)
        self._round = 0

    async def once(self) -> None:
        """Ask and end, each time; now and then whoever is new is enrolled first."""
        if self._every and self._round % ENROL_EVERY == 0:
            await self._drills.enrol(self._every)
        await self.round()
        self._round += 1

    async def round(self) -> None:
        """Ask whom it is time to ask, and end what is over."""
        for test in await self._drills.due(self._timezone):
            if test.asked_by is None and not self._every:
                continue
            await self._apply(phone_test(test.person, test.district, test.due_at, test.asked_by, self._clock()))
            await self._drills.asked(test, self._every or timedelta(days=36_500))
        for incident, district in await self._drills.over():
            try:
                await self._incidents.apply_command(incident, district, EndTest("system", self._clock(), _OVER))
            except (Conflict, NotFound):
                log.debug("drills.ended_meanwhile", incident=incident)
