"""By night, person by person: where each usually is. Beside the trail, which it only reads."""

import asyncio
from datetime import timedelta, tzinfo

import structlog

from haechi.clock import Clock
from haechi.domain.habits import HabitRule, Place, places, stays
from haechi.domain.retention import next_night
from haechi.errors import TransientError
from haechi.store.usual_places import Track, UsualPlaces

LOOK_BACK = timedelta(days=28)
EVERY_S = 600.0
_PAUSE_S = 0.05  # between two people: positions are written meanwhile

log = structlog.get_logger(__name__)


class Learning:
    """`run` for ever. Two processes may do it at once, and again; a night that was cut short goes on where it was."""

    def __init__(self, usual: UsualPlaces, rule: HabitRule, zone: tzinfo, clock: Clock) -> None:
        self._usual = usual
        self._rule = rule
        self._zone = zone
        self._clock = clock

    async def run(self) -> None:
        """Every ten minutes, whoever is due since last night."""
        while True:
            try:
                if learned := await self.once():
                    log.info("usual_places.learned", people=learned)
            except TransientError as error:
                log.warning("usual_places.waits", reason=str(error))
            await asyncio.sleep(EVERY_S)

    async def once(self) -> int:
        """How many people were learned about."""
        now, count = self._clock(), 0
        night = next_night(now, self._zone) - timedelta(days=1)
        while people := await self._usual.due(night, now):
            for person in people:
                track = await self._usual.track(person, now - LOOK_BACK)
                found = await asyncio.to_thread(learn, track, self._rule, self._zone)
                await self._usual.learned(person, found, now)
                count += 1
                await asyncio.sleep(_PAUSE_S)
        return count


def learn(track: Track, rule: HabitRule, zone: tzinfo) -> list[Place]:
    """The usual places of one trail."""
    return places(stays(track.at, track.lon, track.lat, track.accuracy, rule), zone, rule)
