"""`python -m alerts NAME`, the same as `haechi run alerts.NAME`: wires the constructors of each process."""

import asyncio
import hmac
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from zoneinfo import ZoneInfo

import msgspec

from alerts.agents import consume_alerts
from alerts.callbacks import Callbacks
from alerts.channels import CHANNELS, DeliveryError, Tools
from alerts.channels.webhook import open_session
from alerts.consent_ends import ConsentRounds
from alerts.drills import DrillRounds
from alerts.erasure_waits import ErasureRounds
from alerts.inbox import InboxReader
from alerts.intake import AlertIntake
from alerts.links import Links
from alerts.metrics import SenderMetrics
from alerts.minimap import MapSheet
from alerts.place_offers import PlaceRounds
from alerts.rounds import rounds
from alerts.scenes import Scenes
from alerts.secret_book import SecretBook
from alerts.sender import Sender
from alerts.ssrf import Guard
from haechi import topics
from haechi.base_map import read_base_map
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.alerting import Alert
from haechi.domain.deliveries import Delivery
from haechi.domain.own_alerts import unreachable
from haechi.errors import Conflict, NotFound, TransientError
from haechi.process import Component, Main, component, open_files, run_beside, until_stopped
from haechi.sealing import data_key_of
from haechi.serving import AtMost, Server, listen
from haechi.store.audit import Audit
from haechi.store.consents import Consents
from haechi.store.drills import Drills
from haechi.store.erasures import Erasures
from haechi.store.incidents import Incidents
from haechi.store.last_fixes import LastFixes
from haechi.store.outbox import Inbox, Outbox
from haechi.store.postgres import Pool, open_pool
from haechi.store.registry import AGENCIES, GUARDIANS, Registry
from haechi.store.slices import CameraSitesSlice, RecipientsSlice
from haechi.store.usual_places import UsualPlaces
from haechi.streaming import StreamMetrics, Worker, connect

RESOLVER_THREADS = 32  # names that do not resolve take seconds each, and must not hold up those that do
OPEN_FILES = 16_384
REQUESTS = 500  # answered at once; they share a few connections to PostgreSQL


async def incidents(settings: Settings) -> None:
    """Alerts from Kafka. Two workers, so that a full `alerts` never keeps `alerts.urgent` from being fetched."""
    async with component("alerts.incidents", settings) as it:
        pool = await open_pool(settings.postgres)
        people, sites = await _people(it, pool), await _sites(it, pool)
        intake = AlertIntake(Incidents(pool), people, await _scenes(it, pool, sites))
        connection, metrics = connect(settings.kafka), StreamMetrics(it.registry)
        urgent, others = [
            Worker(name, connection, it.sealer, metrics, slot=it.slot) for name in (f"{it.name}.urgent", it.name)
        ]
        consume_alerts(urgent, topics.ALERTS_URGENT, intake, settings.district)
        consume_alerts(others, topics.ALERTS, intake, settings.district)
        await run_beside(urgent.run(), others.run(), people.follow(), sites.follow())


async def sender(settings: Settings) -> None:
    """The inbox and the outbox; needs no Kafka."""
    open_files(OPEN_FILES)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(RESOLVER_THREADS, "resolver"))
    async with component("alerts.sender", settings) as it:
        pool = await open_pool(settings.postgres)
        people, sites = await _people(it, pool), await _sites(it, pool)
        intake = AlertIntake(Incidents(pool), people, await _scenes(it, pool, sites))
        registry = Registry(pool, it.sealer)
        metrics = SenderMetrics(it.registry)
        links = Links(_link_key(settings), public_url(settings))
        async with open_session(Guard(settings.alerts.allow_networks), settings.alerts.timeout_s) as session:
            zone = ZoneInfo(settings.wall.timezone)
            tools = Tools(session, SecretBook(registry), links, utc_now, zone, people.name_of)

            async def alarm(delivery: Delivery, error: DeliveryError) -> None:
                await intake.apply(unreachable(delivery, str(error), utc_now()))
                if error.gone:
                    await disable(registry, delivery)

            post = Sender(
                Outbox(pool),
                {channel.name: channel.make(tools) for channel in CHANNELS},
                alarm,
                metrics,
                worker=f"{socket.gethostname()}:{os.getpid()}",
                slots=settings.alerts.slots,
            )

            async def apply(alert: Alert) -> None:
                await intake.apply(alert)
                post.wake()

            reader = InboxReader(Inbox(pool), apply, metrics, settings.district, utc_now)
            tests = DrillRounds(
                Drills(pool), Incidents(pool), apply, utc_now, settings.wall.timezone, settings.alerts.test_days
            )
            ends = ConsentRounds(Consents(pool), Incidents(pool), apply)
            offers = PlaceRounds(UsualPlaces(pool), apply)
            erasures = ErasureRounds(Erasures(pool), apply)
            await run_beside(
                until_stopped(),
                rounds("consents", 2.0, ends.once),
                rounds("tests", 2.0, tests.once),
                rounds("places", 60.0, offers.once),
                rounds("erasures", 60.0, erasures.once),
                reader.run(),
                post.run(),
                people.follow(),
                sites.follow(),
            )


async def callbacks(settings: Settings) -> None:
    """The public HTTP for guardians and agencies."""
    async with component("alerts.callbacks", settings) as it:
        host, port = settings.alerts.callbacks_host, settings.alerts.callbacks_port
        listener = listen(host, port, "alerts.callbacks_host", "alerts.callbacks_port")
        pool = await open_pool(settings.postgres)
        people, sites = await _people(it, pool), await _sites(it, pool)
        incidents = Incidents(pool)
        handlers = Callbacks(
            incidents,
            people,
            Audit(pool),
            Drills(pool),
            UsualPlaces(pool),
            AlertIntake(incidents, people, await _scenes(it, pool, sites)).apply,
            SecretBook(Registry(pool, it.sealer)),
            Links(_link_key(settings), public_url(settings)),
            MapSheet(read_base_map(settings.wall.map)),
            ZoneInfo(settings.wall.timezone),
            utc_now,
            it.registry,
        )
        server = Server(AtMost(handlers.app(), REQUESTS), settings.trusted_proxies, timeout_graceful_shutdown=1)
        await run_beside(server.until_stopped(listener), people.follow(), sites.follow())


def public_url(settings: Settings) -> str:
    """Where guardians and agencies reach the callbacks."""
    return settings.alerts.callbacks_url or (
        f"http://{settings.alerts.callbacks_host}:{settings.alerts.callbacks_port}"
    )


async def disable(registry: Registry, delivery: Delivery) -> None:
    """The endpoint said 410: it is told nothing more until an administrator gives a new address."""
    recipient, district = delivery.recipient, delivery.incident.district
    by = f"{delivery.recipient.channel}: it answered that it is gone"
    with suppress(NotFound, Conflict):  # removed or changed by a person meanwhile
        if recipient.kind == "guardian":
            guardian = await registry.get(GUARDIANS, district, recipient.id)
            if guardian.value.webhook_url == recipient.address:
                mute = msgspec.structs.replace(guardian.value, webhook_url=None)
                await registry.change(GUARDIANS, district, recipient.id, mute, guardian.version, by=by)
        else:
            agency = await registry.get(AGENCIES, district, recipient.id)
            if agency.value.webhook_url == recipient.address:
                silent = msgspec.structs.replace(agency.value, webhook_url="")
                await registry.change(AGENCIES, district, recipient.id, silent, agency.version, by=by)


async def _people(it: Component, pool: Pool) -> RecipientsSlice:
    people = RecipientsSlice(pool, it.sealer, copy=it.copies / "recipients")
    await people.start()
    return people


async def _sites(it: Component, pool: Pool) -> CameraSitesSlice:
    """Which cameras see a spot is told where it is known: an incident never waits for it, and so neither does a start."""
    sites = CameraSitesSlice(pool, it.sealer, copy=it.copies / "camera-sites")
    with suppress(TransientError):  # `follow` loads them when PostgreSQL is there
        await sites.start()
    return sites


async def _scenes(it: Component, pool: Pool, sites: CameraSitesSlice) -> Scenes:
    gazetteer = read_base_map(it.settings.wall.map).gazetteer()
    scenes = Scenes(it.live, LastFixes(pool), sites, gazetteer, it.registry)
    await scenes.warm()
    return scenes


def _link_key(settings: Settings) -> str:
    """A key of its own, derived from the data key: the same in every process that makes or opens links."""
    return hmac.digest(data_key_of(settings).encode(), b"haechi links", "sha256").hex()


PROCESSES: dict[str, Main] = {
    "alerts.incidents": incidents,
    "alerts.sender": sender,
    "alerts.callbacks": callbacks,
}

if __name__ == "__main__":
    from haechi.cli import run_room

    run_room("alerts", PROCESSES)
