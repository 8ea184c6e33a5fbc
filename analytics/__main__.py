"""`python -m analytics NAME`, the same as `haechi run analytics.NAME`: wires the constructors of each process."""

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import analytics.rules
from analytics.agents import (
    Outlook,
    consume_archive,
    consume_positions,
    consume_readings,
    consume_sightings,
    consume_urgent,
)
from analytics.archive import Archive
from analytics.blindness import BlindRule, Eyes, by_inbox
from analytics.cameras import CameraZoneState
from analytics.learning import Learning
from analytics.live_positions import LivePositions
from analytics.positions import PositionMetrics
from analytics.positions.safe_zones import Rule
from analytics.rules.cameras import camera_rules
from analytics.rules.threshold import load_rules
from analytics.sensors import SensorState
from analytics.silence.battery import BatteryRule
from analytics.silence.cadence import Allowance
from analytics.silence.cells import Together
from analytics.silence.silences import SilenceRule
from analytics.upkeep import Upkeep, erase_for_ever
from analytics.zone_books import Books
from haechi import topics
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.habits import HabitRule
from haechi.domain.retention import retention_of
from haechi.process import Component, Main, component, run_beside
from haechi.store.erasures import Erasures
from haechi.store.evidence import open_evidence
from haechi.store.outbox import Inbox
from haechi.store.postgres import open_pool
from haechi.store.slices import CamerasSlice, CustodySlice, DevicesSlice, SafeZonesSlice, SensorsSlice
from haechi.store.trail import Trail
from haechi.store.usual_places import UsualPlaces
from haechi.streaming import StreamMetrics, Worker, connect

OWN_RULES = Path(analytics.rules.__file__).with_name("sensors.yaml")


def make_worker(it: Component) -> Worker:
    """The worker of a process, which is its consumer group."""
    return Worker(it.name, connect(it.settings.kafka), it.sealer, StreamMetrics(it.registry), slot=it.slot)


async def urgent(settings: Settings) -> None:
    """SOS and its kin; needs nothing but Kafka."""
    async with component("analytics.urgent", settings) as it:
        worker = make_worker(it)
        consume_urgent(worker, utc_now, settings.district)
        await worker.run()


async def positions(settings: Settings) -> None:
    """Safe zones, silence and batteries."""
    async with component("analytics.positions", settings) as it:
        pool = await open_pool(settings.postgres)
        copy = it.copies / "safe-zones"
        books = Books(lambda note: SafeZonesSlice(pool, it.sealer, copy=copy, on_change=note))
        devices = DevicesSlice(pool, it.sealer, copy=it.copies / "devices")
        custody = CustodySlice(pool, it.sealer, copy=it.copies / "custody")
        await asyncio.gather(books.zones.start(), devices.start(), custody.start())
        worker = make_worker(it)
        blind = BlindRule(topics.POSITIONS.name, settings.district, settings.analytics.blind_after_s)
        eyes = Eyes(blind, lambda: worker.owns(topics.POSITIONS, 0), by_inbox(Inbox(pool)), utc_now)
        outlook = outlook_of(settings, books, devices, custody)
        consume_positions(worker, outlook, PositionMetrics(it.registry), utc_now, eyes.ticked)
        work = (books.zones.follow(), devices.follow(), custody.follow(), eyes.watch_forever())
        await run_beside(worker.run(), *work)


async def archive(settings: Settings) -> None:
    """The trail, the live position of everyone, what is learned of them, and what ends them: retention and erasure."""
    async with component("analytics.archive", settings) as it:
        retention = retention_of(settings.trail.days, settings.trail.shorter)
        pool = await open_pool(settings.postgres)
        live = LivePositions(it.live, it.registry, lambda people: custody.refusing(people, utc_now()))
        custody = CustodySlice(
            pool, it.sealer, copy=it.copies / "custody", on_change=lambda change: live.forget(change.id)
        )
        await custody.start()
        worker = make_worker(it)
        consume_archive(worker, Archive(Trail(pool, retention.longest_days), live, it.registry))
        upkeep = Upkeep(pool, retention, ZoneInfo(settings.wall.timezone), open_evidence(settings), utc_now)
        erasing = erase_for_ever(Erasures(pool, it.live), pool.hint("erasures"))
        learning = Learning(UsualPlaces(pool), HabitRule(), ZoneInfo(settings.wall.timezone), utc_now)
        work = (live.write_forever(), upkeep.run(), custody.follow(), erasing, learning.run())
        await run_beside(worker.run(), *work)


async def readings(settings: Settings) -> None:
    """Sensors."""
    async with component("analytics.readings", settings) as it:
        rules = load_rules(Path(settings.analytics.rules) if settings.analytics.rules else OWN_RULES)
        sensors = SensorsSlice(await open_pool(settings.postgres), it.sealer, copy=it.copies / "sensors")
        await sensors.start()
        worker = make_worker(it)
        consume_readings(worker, lambda: SensorState(rules, sensors.get), utc_now, settings.district)
        await run_beside(worker.run(), sensors.follow())


async def sightings(settings: Settings) -> None:
    """Cameras' zones."""
    async with component("analytics.sightings", settings) as it:
        cameras = CamerasSlice(await open_pool(settings.postgres), it.sealer, copy=it.copies / "cameras")
        await cameras.start()
        rules = camera_rules(settings.analytics)
        worker = make_worker(it)
        consume_sightings(worker, lambda: CameraZoneState(rules, cameras.get), utc_now)
        await run_beside(worker.run(), cameras.follow())


def outlook_of(settings: Settings, books: Books, devices: DevicesSlice, custody: CustodySlice) -> Outlook:
    """The thresholds of the settings, and the registry as it is followed."""
    own = settings.analytics
    allowance = Allowance(own.silent_least_s, own.silent_most_s, own.silent_unlearned_s)
    together = Together(own.cell_silent_least, own.cell_silent_share)
    return Outlook(
        book=books.newest,
        zones_read=lambda: books.zones.reads,
        zones=Rule(own.exit_buffer_m, own.exit_confirmations, own.exit_votes, own.exit_dwell_s, own.exit_coarse_m),
        entry_of=devices.get,
        registry_version=lambda: devices.version,
        wearers=devices.wearers,
        consents=custody,
        battery=BatteryRule(own.battery_low, own.battery_fine),
        silence=SilenceRule(allowance, together, ZoneInfo(settings.wall.timezone)),
        missing_after_s=own.blind_after_s,
        district=settings.district,
    )


PROCESSES: dict[str, Main] = {
    "analytics.urgent": urgent,
    "analytics.positions": positions,
    "analytics.readings": readings,
    "analytics.sightings": sightings,
    "analytics.archive": archive,
}

if __name__ == "__main__":
    from haechi.cli import run_room

    run_room("analytics", PROCESSES)
