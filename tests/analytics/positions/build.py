"""Positions as tests write them: minutes and metres from a home."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, Positions
from analytics.positions import PositionMetrics, PositionState
from analytics.positions.safe_zones import Rule
from analytics.zone_book import ZoneBook
from haechi.domain.alerting import Alert
from haechi.domain.geo import Circle, LocalPlane, Point
from haechi.domain.people import Consent, Device, PositionBatch, SafeZone
from haechi.domain.schedule import Window
from haechi.domain.time import Tick
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry

HOME = Point(126.9227, 37.6186)
PLANE = LocalPlane(HOME)
AT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # Monday, 9:00 in Seoul
CONSENT = Consent("a guardian", AT - timedelta(days=30), ("position",))
# Who wears what by the registry: tags, whose silence tells nobody anything.
WEARERS = {"p1": ("d1",), "p2": ("d2",)}
ENTRIES = {d: DeviceEntry(Device(d, "haneul", person, "tag"), CONSENT) for person, (d,) in WEARERS.items()}
RULE = Rule(buffer_m=20, confirmations=2, votes=3, dwell_s=0)


class Fix(msgspec.Struct, frozen=True):
    """One row of a batch: metres east and north of HOME; NaN where the accuracy is not known."""

    at: datetime
    east: float
    north: float
    accuracy: float
    device: str
    person: str
    received: datetime
    speed: float = float("nan")


def fix(
    minute: float,
    east: float,
    accuracy: float = 5,
    device: str = "d1",
    person: str = "p1",
    north: float = 0,
    received: float | None = None,
    speed: float = float("nan"),
) -> Fix:
    """A fix `minute` minutes after AT, heard at once or in minute `received`."""
    at = AT + timedelta(minutes=minute)
    heard = AT + timedelta(minutes=received) if received is not None else at + timedelta(milliseconds=100)
    return Fix(at, east, north, accuracy, device, person, heard, speed)


def batch(fixes: Sequence[Fix]) -> PositionBatch:
    """As the edge makes them."""
    devices = tuple(dict.fromkeys(f.device for f in fixes))
    persons = tuple(dict.fromkeys(f.person for f in fixes))
    lon, lat = PLANE.to_degrees(np.array([f.east for f in fixes]), np.array([f.north for f in fixes]))
    nan = np.full(len(fixes), np.nan, np.float32)
    return PositionBatch(
        devices=devices,
        persons=persons,
        device=np.array([devices.index(f.device) for f in fixes], np.int32),
        person=np.array([persons.index(f.person) for f in fixes], np.int32),
        shard=np.array([shard_of(f.person) for f in fixes], np.uint8),
        at=np.array([int(f.at.timestamp() * 1e6) for f in fixes], np.int64),
        received=np.array([int(f.received.timestamp() * 1e6) for f in fixes], np.int64),
        lon=lon,
        lat=lat,
        accuracy=np.array([f.accuracy for f in fixes], np.float32),
        speed=np.array([f.speed for f in fixes], np.float32),
        course=nan,
        battery=nan,
    )


def tick(minute: float, *, producer: str = "g", spool_empty: bool = True) -> Tick:
    """Time, `minute` minutes after AT."""
    return Tick(producer, AT + timedelta(minutes=minute), spool_empty)


def circle(radius: float = 100, schedule: tuple[Window, ...] = (), zone: str = "home", version: int = 1) -> SafeZone:
    """A zone of p1 around HOME."""
    return SafeZone(zone, "haneul", "p1", zone, Circle(HOME, radius), schedule, version)


class Registry:
    """The newest book of zones, which a test may change; how often it was `reads`, without which it is always true."""

    def __init__(self, *zones: SafeZone, reads: float = inf) -> None:
        self.newest = ZoneBook(zones)
        self.reads = reads

    def __call__(self) -> ZoneBook:
        return self.newest

    def change(self, *zones: SafeZone) -> None:
        self.newest = ZoneBook(zones)


def state_of(*zones: SafeZone, rule: Rule = RULE, registry: Registry | None = None) -> PositionState:
    """A partition as the process builds it."""
    registry = registry or Registry(*zones)
    return partition(
        Outlook(
            book=registry,
            zones=rule,
            zones_read=lambda: registry.reads,
            entry_of=ENTRIES.get,
            wearers=lambda shard: {person: worn for person, worn in WEARERS.items() if shard_of(person) == shard},
        )
    )


def partition(
    outlook: Outlook, metrics: PositionMetrics | None = None, *, place: tuple[int, int] = (0, 1)
) -> PositionState:
    """A partition with all watches; `place` is its number, and of how many."""
    return Positions(outlook, metrics or PositionMetrics(CollectorRegistry()), *place)


def run(state: PositionState, *messages: Sequence[Fix] | PositionBatch | Tick, start: int = 0) -> list[Alert]:
    """All alerts of the messages, each at its offset."""
    alerts: list[Alert] = []
    for offset, message in enumerate(messages, start):
        found = state.apply(offset, message if isinstance(message, Tick | PositionBatch) else batch(message))
        alerts.extend(one for one in found if isinstance(one, Alert))
    return alerts


def told(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    """(action, place) of each."""
    return [(a.action, a.place) for a in alerts]
