"""A partition whose devices report, fall silent and come back, second by second, without a clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from analytics.agents import Outlook
from analytics.positions import PositionState
from analytics.zone_book import ZoneBook
from haechi.domain.alerting import Alert
from haechi.domain.geo import LocalPlane, Point
from haechi.domain.missed import Missed
from haechi.domain.people import Consent, Device, DeviceKind, PositionBatch, SafeZone
from haechi.domain.time import Tick, micros_of
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from tests.analytics.positions.build import partition

HOME = Point(126.9227, 37.6186)
PLANE = LocalPlane(HOME)
AT = datetime(2026, 11, 23, tzinfo=UTC)
CONSENT = Consent("Kim Minji", AT - timedelta(days=300), ("position",))


class Report(msgspec.Struct, frozen=True):
    """What a device says; `at` is its own time, seconds after AT, when that is not when the door had it."""

    device: str
    east: float = 0
    battery: float = float("nan")
    at: float | None = None
    north: float = 0
    speed: float = float("nan")
    accuracy: float = 8


class Town:
    """The registry and one partition. Device `d1` is worn by person `p1`, `d1b` too."""

    def __init__(
        self,
        *devices: str,
        cadence_s: int | None = 60,
        kind: DeviceKind = "phone",
        zones: Sequence[SafeZone] = (),
        place: tuple[int, int] = (0, 1),
    ) -> None:
        self._place = place
        self.entries = {
            device: DeviceEntry(Device(device, "haneul", person_of(device), kind, cadence_s), CONSENT)
            for device in devices
        }
        self.version = 0
        self.book = ZoneBook(zones)
        self.blocks: dict[int, bytes] = {}
        self.state = self._life()
        self.offset = 0
        self.second = 0.0
        self.alerts: list[Alert] = []
        self.said: list[Missed] = []  # to the other partitions, and not delivered yet

    def change(self, device: str, entry: DeviceEntry | None) -> None:
        """The registry says something else of a device; None: it was removed."""
        if entry is None:
            del self.entries[device]
        else:
            self.entries[device] = entry
        self.version += 1

    def consent(self, device: str, consent: Consent | None) -> None:
        """Its wearer's consent is another."""
        self.change(device, DeviceEntry(self.entries[device].device, consent))

    def report(self, *reports: Report | str, received: float | None = None) -> list[Alert]:
        """Reports of now, in one batch; `received` is when the door had them, seconds after AT."""
        return self._apply(
            batch(
                [Report(r) if isinstance(r, str) else r for r in reports], self.second if received is None else received
            )
        )

    def tick(self, door: str = "http", *, empty: bool = True) -> list[Alert]:
        """A tick of now."""
        return self._apply(Tick(door, AT + timedelta(seconds=self.second), empty))

    def hear(self, message: Tick | Missed) -> list[Alert]:
        """Any tick, or what another partition says."""
        return self._apply(message)

    def live(
        self, until: float, *reporting: str, every: float = 60, doors: Sequence[str] = ("http",), empty: bool = True
    ) -> list[Alert]:
        """Time passes to `until` with a tick every five seconds (of a long time, every twenty); `reporting` devices
        report every `every`."""
        before = len(self.alerts)
        step = 5 if until - self.second <= 1000 else 20
        while self.second < until:
            self.second += step
            if reporting and self.second % every == 0:
                self.report(*reporting)
            for door in doors:
                self.tick(door, empty=empty)
        return self.alerts[before:]

    def restart(self) -> None:
        """The worker ends after a checkpoint, and another one takes over."""
        self.blocks |= dict(self.state.changed())
        self.state = self._life()
        for shard, block in self.blocks.items():
            self.state.load(shard, block)

    def _entry(self, device: str) -> DeviceEntry | None:
        return self.entries.get(device)

    def _life(self) -> PositionState:
        return partition(
            Outlook(
                book=lambda: self.book,
                entry_of=self._entry,
                registry_version=lambda: self.version,
                district="haneul",
            ),
            place=self._place,
        )

    def _apply(self, message: PositionBatch | Tick | Missed) -> list[Alert]:
        outputs = self.state.apply(self.offset, message)
        self.said += [one for one in outputs if isinstance(one, Missed)]
        told = [one for one in outputs if isinstance(one, Alert)]
        self.offset += 1
        self.alerts += told
        return told


def person_of(device: str) -> str:
    """`d1b` is worn by `p1`, too."""
    return device.replace("d", "p").rstrip("b")


def batch(reports: Sequence[Report], received: float) -> PositionBatch:
    """As the door makes it."""
    devices = tuple(dict.fromkeys(r.device for r in reports))
    persons = tuple(dict.fromkeys(person_of(d) for d in devices))
    lon, lat = PLANE.to_degrees(np.array([float(r.east) for r in reports]), np.array([float(r.north) for r in reports]))
    now = micros_of(AT + timedelta(seconds=received))
    return PositionBatch(
        devices=devices,
        persons=persons,
        device=np.array([devices.index(r.device) for r in reports], np.int32),
        person=np.array([persons.index(person_of(r.device)) for r in reports], np.int32),
        shard=np.array([shard_of(person_of(r.device)) for r in reports], np.uint8),
        at=np.array([now if r.at is None else micros_of(AT + timedelta(seconds=r.at)) for r in reports], np.int64),
        received=np.full(len(reports), now, np.int64),
        lon=lon,
        lat=lat,
        accuracy=np.array([r.accuracy for r in reports], np.float32),
        speed=np.array([r.speed for r in reports], np.float32),
        course=np.full(len(reports), np.nan, np.float32),
        battery=np.array([r.battery for r in reports], np.float32),
    )


def told(alerts: Sequence[Alert]) -> list[tuple[str, str, str]]:
    """(kind, action, subject) of each."""
    return [(a.kind, a.action, a.subject) for a in alerts]
