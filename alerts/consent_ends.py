"""The end of a consent: guardians and the desk are told 30, 7 and 1 days before; what is over stands no longer."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from haechi.domain.alerting import KINDS, Alert, Because, raised
from haechi.domain.consent import WARN_DAYS, EndsSoon, ends_soon
from haechi.store.consents import Ending

log = structlog.get_logger(__name__)

WARN_EVERY = 150  # rounds: five minutes
_KIND = KINDS["consent-ends"]


class Consents(Protocol):
    """What is asked of `haechi.store.consents.Consents`."""

    async def ending(self, within: timedelta) -> Sequence[Ending]: ...
    async def end_over(self) -> Sequence[str]: ...


class Incidents(Protocol):
    """What is asked of `haechi.store.incidents.Incidents`."""

    async def applied(self, alert_ids: Sequence[str]) -> frozenset[str]: ...


class ConsentRounds:
    """A warning's alert has one id, so it is told once, whoever dies or doubles."""

    def __init__(self, consents: Consents, incidents: Incidents, apply: Callable[[Alert], Awaitable[object]]) -> None:
        self._consents = consents
        self._incidents = incidents
        self._apply = apply
        self._round = 0

    async def once(self) -> None:
        """End what is over, each time; warn, now and then."""
        if gone := await self._consents.end_over():
            log.info("consents.over", people=len(gone))
        if self._round % WARN_EVERY == 0:
            await self.warn()
        self._round += 1

    async def warn(self) -> None:
        """Whom it is time to tell, and who was not told yet."""
        due = [
            warning(ending, soon)
            for ending in await self._consents.ending(timedelta(days=max(WARN_DAYS)))
            if (soon := ends_soon(ending.consent, ending.now)) is not None
        ]
        told = await self._incidents.applied([alert.id for alert in due])
        for alert in due:
            if alert.id not in told:
                await self._apply(alert)


def warning(ending: Ending, soon: EndsSoon) -> Alert:
    """That a consent ends in so many days: the same alert whoever computes it, another one for another end."""
    ends = ending.consent.expires_at
    assert ends is not None
    place = f"{soon.days} days before {ends.isoformat(timespec='seconds')}"
    in_days = "tomorrow" if soon.days == 1 else f"in {soon.days} days"
    because = Because(
        rule="consent",
        words=f"The consent of {ending.consent.given_by} for {', '.join(ending.consent.scopes)} ends {in_days}, on "
        f"{ends.date().isoformat()}; then nothing is processed any more. Ask for a new one in time",
        values=(("days_left", float(soon.days)), ("ends_at", ends.timestamp())),
    )
    title = f"Consent ends {in_days}"
    return raised(_KIND, ending.person, place, ending.district, soon.since, because, now=ending.now, title=title)
