"""Ordinary life: everybody's phone reports where its owner walks, and every sensor breathes."""

import asyncio
import math
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import aiohttp
import structlog

from haechi.clock import Clock
from sample_feeds.district.map import District
from sample_feeds.people import RESIDENTS, Resident, Town
from sample_feeds.phones import Phone, Receiver
from sample_feeds.scenario import TZ
from sample_feeds.sensors import SENSORS, HttpRoad, MqttRoad
from sample_feeds.walks import Moment, Walk

FIX_EVERY_S = 10
LED_EVERY_S = 3  # a phone that is on the move in a step of the scenario reports more often
READING_EVERY_S = 30

log = structlog.get_logger(__name__)


class Street:
    """The phones of everybody, each with its own error, reporting every ten seconds."""

    def __init__(self, town: Town, district: District, phones: dict[str, Phone], seed: int, clock: Clock) -> None:
        self._town = town
        self._phones = phones
        self._clock = clock
        self._receivers = {r.slug: Receiver(Random(f"{seed} {r.slug}"), district.plane) for r in RESIDENTS}
        self.led: dict[str, Walk] = {}
        self.refused = 0

    def moment(self, resident: Resident, now: datetime) -> Moment:
        """Where somebody truly is."""
        own = self._own(resident, now)
        walk = self.led.get(resident.slug)
        if walk is None:
            return own
        led = walk.at(now.timestamp())
        if now.timestamp() > walk.ends and math.dist((led.x, led.y), (own.x, own.y)) < 1:
            del self.led[resident.slug]  # back where their own day has them
        return led

    def _own(self, resident: Resident, now: datetime) -> Moment:
        local = now.astimezone(ZoneInfo(TZ))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return self._town.at(resident, local.date(), (local - midnight).total_seconds())

    async def press(self, slug: str) -> datetime:
        """The button; the moment of the press."""
        resident = next(r for r in RESIDENTS if r.slug == slug)
        now = self._clock()
        fix = self._receivers[slug].fix(self.moment(resident, now), now)
        status = await self._phones[slug].press(fix)
        if status >= 300:
            log.error("sample.press_refused", person=slug, status=status)
        return now

    async def report_forever(self) -> None:
        """Everybody in turn, so that the door is knocked at evenly."""
        second = 0
        async with asyncio.TaskGroup() as group:
            while True:
                for k, resident in enumerate(RESIDENTS):
                    every = LED_EVERY_S if resident.slug in self.led else FIX_EVERY_S
                    if (second + k) % every == 0:
                        group.create_task(self._report(resident))
                second += 1
                await asyncio.sleep(1)

    async def _report(self, resident: Resident) -> None:
        now = self._clock()
        fix = self._receivers[resident.slug].fix(self.moment(resident, now), now)
        try:
            status = await self._phones[resident.slug].report(fix)
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0  # the door is away; a phone tries again with its next fix
        if status >= 300:
            self.refused += 1
            log.warning("sample.fix_refused", person=resident.slug, status=status)


class Breath:
    """The sensors, each reporting every half minute."""

    def __init__(self, ids: dict[str, str], roads: dict[str, HttpRoad | MqttRoad], seed: int, clock: Clock) -> None:
        self._ids = ids
        self._roads = roads
        self._rnd = Random(f"{seed} sensors")
        self._clock = clock

    async def read(self, slug: str, value: float) -> datetime:
        """One reading of a sensor now; the moment it was taken."""
        sensor = next(s for s in SENSORS if s.slug == slug)
        now = self._clock()
        await self._roads[sensor.road].send(self._ids[slug], value, now)
        return now

    async def breathe_forever(self) -> None:
        """All of them in turn."""
        while True:
            for sensor in SENSORS:
                local = self._clock().astimezone(ZoneInfo(TZ))
                try:
                    await self.read(sensor.slug, sensor.value(local.hour + local.minute / 60, self._rnd))
                except (aiohttp.ClientError, TimeoutError, OSError):
                    log.info("sample.reading_not_sent", sensor=sensor.slug)
                await asyncio.sleep(READING_EVERY_S / len(SENSORS))
