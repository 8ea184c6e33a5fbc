"""A wall's sources made up in memory, for tests of the panels and to look at."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry

from control_room.api import make_router
from control_room.app import make_app
from control_room.details import Looks
from control_room.guard import principal_of
from control_room.live.feed import Feed
from control_room.live.hub import Hub
from control_room.live.socket import LiveSocket
from control_room.live.sources import Registry
from control_room.live.view import Audience
from control_room.live.world import World
from control_room.pages.wall import PANELS
from control_room.routes import WallRoutes
from control_room.wall_map import load_wall_map
from haechi.clock import utc_now
from haechi.domain.access import Principal
from haechi.domain.deliveries import DeliveryView, Recipient
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident, IncidentEvent, apply_command
from haechi.domain.people import Position
from haechi.domain.video import CameraState
from haechi.errors import NotFound
from haechi.store.live import Thumbnail
from tests.control_room.district import CAMERAS, SENSORS, ZONES, D, people, picture, scene_incidents

MAP = Path(__file__).parents[2] / "sample_feeds" / "district" / "map.geojson"


class Rows:
    def __init__(self, rows):
        self._rows = {r.id: r for r in rows}
        self.version, self.age = 1, 0.0

    def get(self, row_id):
        return self._rows.get(row_id)

    def values(self):
        return list(self._rows.values())


def everyone_of(*districts):
    """Who looks on there and may see where people are."""
    return Audience(frozenset(districts), frozenset(districts))


class Store:
    def __init__(self, scene, now):
        self.rows = {i.id: i for i in scene_incidents(scene, now)}
        self.age = 0.0
        self.queue = asyncio.Queue()

    async def recent(self, district, *, open_only=False, limit=100, before=None):
        return list(self.rows.values())

    async def most_urgent(self, district, limit):
        return list(self.rows.values())

    async def start(self):
        pass

    async def changes(self) -> AsyncIterator[list[Incident]]:
        while True:
            yield [await self.queue.get()]

    async def get(self, incident_id, district):
        if incident_id not in self.rows or district != D:
            raise NotFound("none")
        return self.rows[incident_id]

    async def apply_command(self, incident_id, district, command):
        step = apply_command(self.rows[incident_id], command)
        self.rows[incident_id] = step.incident
        self.queue.put_nowait(step.incident)
        return step.incident

    async def trail(self, incident_id):
        i = self.rows[incident_id]
        events = [IncidentEvent("opened", i.opened_at, "rule")]
        if i.acknowledged_at:
            events.append(IncidentEvent("acknowledged", i.acknowledged_at, i.acknowledged_by))
            events.append(
                IncidentEvent(
                    "note",
                    i.acknowledged_at + timedelta(seconds=20),
                    i.acknowledged_by,
                    "called the shop, valve is closed",
                )
            )
        return events

    async def deliveries(self, incident_id):
        i = self.rows[incident_id]
        when = i.opened_at
        return [
            DeliveryView(
                "d1",
                Recipient("guardian", "g1", "Baek Jun-ho", "webhook", "x"),
                "opened",
                "delivered",
                1,
                when,
                when,
                when,
                when + timedelta(milliseconds=95),
            ),
            DeliveryView(
                "d2",
                Recipient("police", "a1", "Dallae Police", "webhook", "x"),
                "opened",
                "delivered",
                1,
                when,
                when,
                when,
                when + timedelta(milliseconds=120),
            ),
            DeliveryView(
                "d3",
                Recipient("guardian", "g2", "Kim Su-ah", "webhook", "x"),
                "opened",
                "failed",
                4,
                when,
                when,
                when,
                when + timedelta(seconds=9),
                "the address refuses connections",
            ),
            DeliveryView(
                "d4", Recipient("desk", "a2", "Duty desk", "webhook", "x"), "opened", "pending", 0, when, when
            ),
        ]


class Quiet:
    age = 0.0

    async def most_urgent(self, district, limit):
        return list(self.rows.values())

    async def start(self):
        pass

    async def changes(self):
        await asyncio.Event().wait()
        yield []


class Live:
    def __init__(self, scene):
        self.scene, self.n, self.started = scene, 0, utc_now()

    async def positions(self, persons: Iterable[str]):
        now = utc_now()
        spots = [(126.9212, 37.6184), (126.9248, 37.6175), (126.9219, 37.6194)]
        return {
            p: Position(
                "d", p, now, now, Point(spots[int(p[1:]) % 3][0] + 0.00002 * int(p[1:]), spots[int(p[1:]) % 3][1]), 10.0
            )
            for p in persons
            if p.startswith("q")
        }

    async def heartbeats(self):
        return {"wall": [{}], "alerts.sender": [{}]}

    async def camera_states(self):
        now = utc_now()
        return {
            c.id: CameraState(
                c.id, now, "unreachable" if c.id == "c4" else "live", "no answer from 10.0.3.4" if c.id == "c4" else ""
            )
            for c in CAMERAS
        }

    async def thumbnail(self, camera):
        now = utc_now()
        if camera == "c4" or (self.scene == "stale" and now - self.started > timedelta(seconds=8) and camera != "c1"):
            return None if camera == "c4" else Thumbnail(b"", self.started)
        self.n += 1
        return Thumbnail(picture(self.n // 8, camera, day=camera == "c2"), now)


class Evidence:
    async def get(self, sha256):
        return picture(4, "evidence")


class Audit:
    def __init__(self):
        self.lines, self.looks, self.followed = [], [], []

    async def write(self, who, what, subject, district, reason=""):
        self.lines.append((who, what, subject, district))

    async def look(self, *looks):
        self.looks += looks

    async def follow(self, *looks):
        self.followed += looks

    async def of_people(self, subjects):
        return frozenset(subjects)

    async def names(self, signatures):
        return {}


class NoRegistry:
    async def get(self, *_):
        raise NotFound("none")


@cache
def wall_map():
    return load_wall_map(str(MAP))


class Made:
    """A whole wall on stand-ins; `me` is who looks on."""

    def __init__(self, scene="district", me=None, clock=utc_now):
        self.me = me or Principal("Kim Bo-ram", frozenset({("operator", D)}))
        self.registry = Registry(
            Rows(people(scene)), Rows(CAMERAS if scene != "empty" else []), Rows(SENSORS), Rows(ZONES)
        )
        base = wall_map()
        self.store, self.live, self.audit = Store(scene, clock()), Live(scene), Audit()
        self.world = World(self.registry, base.where)
        self.feed = Feed(self.world, self.registry, self.store, self.store, Quiet(), self.live, self._districts, clock)
        self.hub = Hub(self.world, PANELS, self.live, self.feed.away, clock, CollectorRegistry())
        looks = Looks(self.audit, clock)
        routes = WallRoutes(principal_of, self.world, self.registry, self.store, Evidence(), looks, base, clock)
        self.app = make_app(
            routers=[
                routes.router(),
                make_router(NoRegistry(), None, None, None, None, self.store, self.audit, None, None, None, None),
            ],
            routes=[],
            live=LiveSocket(self.hub, principal_of, self._who_now, looks.follow, "Asia/Seoul", clock),
            guard=self._guard,
            clock=clock,
        )

    def _guard(self, inner):
        async def let_in(scope, receive, send):
            await inner(scope | {"principal": self.me}, receive, send)

        return let_in

    async def _who_now(self, _):
        return self.me

    async def _districts(self):
        return [D]
