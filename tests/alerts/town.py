"""A small district in the real PostgreSQL: one child, two guardians, police, fire and the desk."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import msgspec
from prometheus_client import CollectorRegistry

from alerts.callbacks import Callbacks
from alerts.intake import AlertIntake
from alerts.links import Links
from alerts.minimap import MapSheet
from alerts.scenes import Scenes
from alerts.secret_book import SecretBook
from haechi.base_map import read_base_map
from haechi.clock import utc_now
from haechi.domain.alerting import KINDS, Alert, Because, raised
from haechi.domain.deliveries import Agency, AgencyRole
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident
from haechi.domain.people import Guardian, Person, Position, UrgentCall
from haechi.sealing import Sealer
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Given
from haechi.store.districts import ensure_district
from haechi.store.drills import Drills
from haechi.store.incidents import Incidents
from haechi.store.last_fixes import LastFixes
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.registry import AGENCIES, GUARDIANS, PEOPLE, Registry
from haechi.store.slices import CameraSitesSlice, RecipientsSlice
from haechi.store.usual_places import UsualPlaces
from tests.alerts.receivers import Receivers

DISTRICT = "haneul"
ROLES: tuple[AgencyRole, ...] = ("police", "fire", "desk")
EVERYONE = ("mother", "father", *ROLES)


class NoPositions:
    """A live store that has not heard of anybody; tests of scenes bring the real one."""

    async def positions(self, _: Iterable[str]) -> dict[str, Position]:
        return {}


@dataclass
class Town:
    pool: Pool
    registry: Registry
    incidents: Incidents
    people: RecipientsSlice
    intake: AlertIntake
    child: str
    ids: dict[str, str]
    secrets: dict[str, str]

    def alert(self, kind: str = "sos", *, minutes: float = 0, subject: str | None = None) -> Alert:
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        alert = raised(KINDS[kind], subject or self.child, "-", DISTRICT, at, Because("test", "a test"))
        return msgspec.structs.replace(alert, point=Point(126.978, 37.5665), accuracy_m=8.0)

    def call(self, number: int = 1, **changes: object) -> UrgentCall:
        at = datetime.now(UTC)
        fields: dict[str, object] = {
            "id": f"call-{number}",
            "kind": "sos",
            "device": "abcdefgh",
            "person": self.child,
            "district": DISTRICT,
            "at": at,
            "received_at": at,
            "point": Point(126.978, 37.5665),
        }
        return UrgentCall(**(fields | changes))  # type: ignore[arg-type]  # a builder of tests

    async def open_incidents(self) -> list[Incident]:
        return await self.incidents.recent(DISTRICT, open_only=True)

    async def states(self) -> dict[str, str]:
        """The state of each recipient's newest delivery, by name."""
        rows = await self.pool.fetch(
            "SELECT recipient::json->>'name' AS name, state FROM deliveries ORDER BY created_at"
        )
        return {row["name"]: row["state"] for row in rows}


LINKS = Links("key", "http://haechi")


@asynccontextmanager
async def public_http(town: Town, incidents: Incidents | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """The public HTTP of the town: guardians' pages and agencies' answers. `incidents` may be another store than the town's."""
    handlers = Callbacks(
        incidents or town.incidents,
        town.people,
        Audit(town.pool),
        Drills(town.pool),
        UsualPlaces(town.pool),
        town.intake.apply,
        SecretBook(town.registry),
        LINKS,
        MapSheet(read_base_map(None)),
        ZoneInfo("Asia/Seoul"),
        utc_now,
        CollectorRegistry(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(handlers.app()), base_url="http://haechi") as client:
        yield client


@asynccontextmanager
async def settled(database: str, receivers: Receivers, sealer: Sealer) -> AsyncIterator[Town]:
    """The town in a database that is emptied first; each recipient listens at the path of its name."""
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    await migrate(database)
    pool = await open_pool(database, size=6)
    await ensure_district(pool, DISTRICT, "Haneul-dong")
    registry = Registry(pool, sealer)
    ids, secrets = {}, {}
    for name, language in (("mother", "ko"), ("father", "en")):
        row = await registry.add(
            GUARDIANS, DISTRICT, Guardian("", "", name, webhook_url=receivers.url(name), language=language)
        )
        ids[name], secrets[name] = row.value.id, row.secret or ""
    for role in ROLES:
        desk = await registry.add(AGENCIES, DISTRICT, Agency("", "", role, role, receivers.url(role)))
        ids[role], secrets[role] = desk.value.id, desk.secret or ""
    child = await registry.add(
        PEOPLE, DISTRICT, Person("", "", "Jihoon", date(2018, 3, 1), "child", (ids["mother"], ids["father"]), None)
    )
    await Consents(pool).give(DISTRICT, child.value.id, Given(("position",), "mother"), by="clerk")
    people, sites = RecipientsSlice(pool, sealer), CameraSitesSlice(pool, sealer)
    await people.start()
    await sites.start()
    scenes = Scenes(NoPositions(), LastFixes(pool), sites, read_base_map(None).gazetteer(), CollectorRegistry())
    incidents = Incidents(pool)
    intake = AlertIntake(incidents, people, scenes)
    try:
        yield Town(pool, registry, incidents, people, intake, child.value.id, ids, secrets)
    finally:
        pool.terminate()
