"""The district lives: phones walk and report, sensors breathe, cameras run, and now and then something happens."""

import asyncio
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import structlog

from haechi.clock import Clock, utc_now
from haechi.config import Settings
from haechi.errors import HaechiError
from haechi.supervisor import read_site
from sample_feeds import report, scenario
from sample_feeds.cameras import CAMERAS, Cameras
from sample_feeds.centre import ApiRefused, Centre
from sample_feeds.district import map as district_map
from sample_feeds.living import Breath, Street
from sample_feeds.people import RESIDENTS, Town
from sample_feeds.phones import Phone
from sample_feeds.receivers import Receivers
from sample_feeds.scenario import Leave, Outcome, Press, Reads, Step, Trespass, judge, window_around
from sample_feeds.seeding import Book, camera_zones, seed
from sample_feeds.sensors import HttpRoad, MqttRoad
from sample_feeds.walks import Walk

AGAIN_AFTER_S = 3600.0
SETTLE_S = 12.0  # until everybody has reported from where they are, and every process knows the new rows
QUIET_S = 8.0  # after the last step: whoever is told now should not be
READY_S = 240.0
LED_SPEED = 1.5
TOKEN = "SAMPLE_TOKEN"  # noqa: S105 - the name of the variable that holds it

log = structlog.get_logger(__name__)


class Player:
    """Plays the steps of the scenario and judges what came."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        town: Town,
        street: Street,
        breath: Breath,
        cameras: Cameras | None,
        centre: Centre,
        receivers: Receivers,
        book: Book,
        clock: Clock,
        blind: str = "",
    ) -> None:
        """`blind` says why nothing can be seen, where that is so: steps of cameras are left out, and said to be."""
        self._steps = tuple(s for s in steps if not blind or not isinstance(s.deed, Trespass))
        self._left_out = tuple(f"{s.name} ({blind})" for s in steps if s not in self._steps)
        self._town = town
        self._street = street
        self._breath = breath
        self._cameras = cameras
        self._centre = centre
        self._receivers = receivers
        self._kept = book.seeded
        self._clock = clock

    async def play(self, seed: int) -> report.Report:
        """All steps at their times; ends when all are told and a quiet while has passed."""
        for step in self._steps:
            await self._prepare(step)
        await asyncio.sleep(3)  # rules follow the registry within two seconds
        started = self._clock()
        done = await asyncio.gather(*(self._step(step) for step in self._steps))
        await asyncio.sleep(QUIET_S)
        receipts = self._receivers.since(started)
        steps = [
            await self._reported(step, did, judge(step, did, receipts))
            for step, did in zip(self._steps, done, strict=True)
        ]
        ours = {step.outcome.incident for step in steps}
        unexpected = tuple(r for r in receipts if r.incident not in ours)
        return report.Report(
            seed,
            started,
            self._clock(),
            tuple(steps),
            self._left_out,
            unexpected,
            self._street.refused,
            passed=all(step.passed for step in steps) and not unexpected,
        )

    async def tidy(self) -> None:
        """Close what an earlier play has left open, so that this one tells everybody anew."""
        mine = {self._kept.people.get(s.deed.press) for s in self._steps if isinstance(s.deed, Press)}
        mine |= {self._kept.people.get(s.deed.leave) for s in self._steps if isinstance(s.deed, Leave)}
        mine |= {self._kept.sensors.get(s.deed.sensor) for s in self._steps if isinstance(s.deed, Reads)}
        mine |= {self._kept.cameras.get(s.deed.trespass) for s in self._steps if isinstance(s.deed, Trespass)}
        for incident in (await self._centre.get("incidents?open=true&limit=500"))["items"]:
            if incident["subject"] in mine:
                await self._centre.act(incident["id"], "acknowledge")
                await self._centre.act(incident["id"], "close", {"outcome": "The sample district plays again."})

    async def _prepare(self, step: Step) -> None:
        """Schedules around now."""
        deed = step.deed
        if isinstance(deed, Leave):
            schedule = {"schedule": window_around(self._clock())}
            await self._centre.change("safe-zones", self._kept.zones[deed.zone], schedule)

    async def _step(self, step: Step) -> datetime:
        await asyncio.sleep(step.at_s)
        did_at = await self._do(step)
        log.info("sample.step", name=step.name)
        deadline = did_at + timedelta(seconds=step.expect.within_s + 5)
        while self._clock() < deadline:
            if judge(step, did_at, self._receivers.since(did_at)).passed:
                break
            await asyncio.sleep(0.25)
        await self._after(step)
        return did_at

    async def _do(self, step: Step) -> datetime:
        deed = step.deed
        match deed:
            case Press():
                return await self._street.press(deed.press)
            case Reads():
                return await self._breath.read(deed.sensor, deed.reads)
            case Leave():
                return self._lead(deed)
            case Trespass():
                return await self._trespass(deed)

    def _lead(self, deed: Leave) -> datetime:
        """Out by the footways; `_after` leads back."""
        now = self._clock()
        resident = next(r for r in RESIDENTS if r.slug == deed.leave)
        here = self._street.moment(resident, now)
        ways = self._town.ways
        points = ways.way(ways.node(here.x, here.y), ways.node(*deed.towards))
        self._street.led[deed.leave] = Walk(now.timestamp(), points, LED_SPEED)
        return now

    async def _trespass(self, deed: Trespass) -> datetime:
        """The clip, and a schedule around now; the changed camera is connected to anew, and shows the clip at once."""
        assert self._cameras is not None  # such a step is left out without cameras
        camera = next(c for c in CAMERAS if c.slug == deed.trespass)
        assert camera.trespass is not None
        self._cameras.show(camera, camera.trespass)
        now = self._clock()
        zones = camera_zones(camera, window_around(now))
        await self._centre.change("cameras", self._kept.cameras[camera.slug], {"zones": zones})
        return now

    async def _after(self, step: Step) -> None:
        """Back to ordinary life."""
        deed = step.deed
        if isinstance(deed, Trespass) and self._cameras is not None:
            camera = next(c for c in CAMERAS if c.slug == deed.trespass)
            self._cameras.show(camera, camera.clip)
        if isinstance(deed, Leave):
            self._street.led[deed.leave] = self._street.led[deed.leave].back(self._clock().timestamp())

    async def _reported(self, step: Step, did_at: datetime, outcome: Outcome) -> report.StepReport:
        number, latency = None, {}
        if outcome.incident is not None:
            try:
                found = await self._centre.get(f"incidents/{outcome.incident}")
                number, latency = found["incident"]["number"], found["latency_ms"]
            except ApiRefused as error:
                log.warning("sample.incident_not_found", why=str(error))
        return report.step_report(step, did_at, outcome, number, latency)


class Options(msgspec.Struct, frozen=True):
    """How to play. `report` is where the report of each play goes; `once` plays one and then only lives on."""

    port: int
    rtsp_port: int
    seed: int
    once: bool
    cameras: bool
    model: bool
    report: Path


class NotReady(HaechiError):  # noqa: N818 - read as "raise NotReady(...)", like NotFound
    """The centre did not come up; the message says what was missing."""


async def run(settings: Settings, options: Options, clock: Clock = utc_now) -> None:
    """For ever, or until SIGTERM."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    folder = settings.data / "sample"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    gateway = f"http://{settings.gateway.host}:{settings.gateway.port}"
    district = district_map.read()
    book = Book(folder / "seeded.json")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        receivers = Receivers(book, folder / "ledger.jsonl", clock, session)
        cameras = Cameras(folder / "streams", options.rtsp_port) if options.cameras else None
        centre = Centre(f"http://{settings.wall.host}:{settings.wall.port}", os.environ[TOKEN], session)
        mqtt = MqttRoad(settings.mqtt.url.get_secret_value()) if settings.mqtt.url else None
        http = HttpRoad(gateway, session)
        try:
            await receivers.start(options.port)
            if cameras is not None:
                await cameras.start()
            streams = {camera.slug: cameras.url(camera) for camera in CAMERAS} if cameras is not None else None
            await seed(centre, book, district, f"http://127.0.0.1:{options.port}", streams)
            log.info("sample.seeded")
            town = Town(district, options.seed)
            phones = {
                resident.slug: Phone(
                    book.seeded.devices[resident.slug], ("osmand", "owntracks")[k % 2], gateway, session
                )
                for k, resident in enumerate(RESIDENTS)
            }
            street = Street(town, district, phones, options.seed, clock)
            breath = Breath(book.seeded.sensors, {"http": http, "mqtt": mqtt or http}, options.seed, clock)
            steps = scenario.read()
            blind = "no cameras" if cameras is None else "" if options.model else "no model is shipped"
            player = Player(steps, town, street, breath, cameras, centre, receivers, book, clock, blind)
            async with asyncio.TaskGroup() as group:
                group.create_task(street.report_forever())
                group.create_task(breath.breathe_forever())
                group.create_task(_happen(player, settings, options))
        except asyncio.CancelledError:
            log.info("sample.stopped")
        finally:
            if mqtt is not None:
                mqtt.close()
            if cameras is not None:
                await cameras.close()
            await receivers.close()


async def _happen(player: Player, settings: Settings, options: Options) -> None:
    """The scenario, when everything is live; then again every hour, unless once is enough."""
    await _until_live(settings)
    if options.once:
        await player.tidy()
    await asyncio.sleep(SETTLE_S)
    while True:
        report.write(await player.play(options.seed), options.report)
        if options.once:
            return
        await asyncio.sleep(AGAIN_AFTER_S)


async def _until_live(settings: Settings) -> None:
    for _ in range(int(READY_S)):
        site = read_site(settings.data)
        waiting = [process.name for process in site.processes if process.state != "live"]
        if site.processes and not waiting:
            return
        await asyncio.sleep(1)
    raise NotReady(f"Not live within {READY_S:.0f} s: {', '.join(waiting) or 'everything'}; see the logs folder.")
