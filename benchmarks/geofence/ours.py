"""Ours: the safe zones as the process runs them, fed a minute of all devices at a time. All that touches the engine."""

from datetime import UTC, datetime

import numpy as np
from prometheus_client import CollectorRegistry

from analytics.positions import Devices, PositionMetrics, PositionState
from analytics.positions.safe_zones import Rule as Thresholds
from analytics.positions.safe_zones import SafeZones
from analytics.zone_book import ZoneBook
from benchmarks.geofence.days import Circle, Zone
from benchmarks.geofence.fixes import Fixes, Flags
from benchmarks.geofence.rules import Alerts
from benchmarks.geofence.score import Needs
from haechi.domain import geo
from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch, SafeZone
from haechi.domain.time import micros_of
from haechi.ids import shard_of
from sample_feeds.district.plane import ExactPlane

MIDNIGHT = datetime(2026, 3, 1, 15, tzinfo=UTC)  # in Seoul
_SECOND = 1_000_000


class Ours:
    """The engine with the thresholds it is shipped with, or others."""

    name = "Haechi"

    def __init__(self, plane: ExactPlane, thresholds: Thresholds | None = None) -> None:
        self._plane = plane
        self._thresholds = thresholds or Thresholds()

    @property
    def needs(self) -> Needs:
        """What the rule must have seen to be obliged to tell."""
        return Needs(self._thresholds.buffer_m, self._thresholds.confirmations, self._thresholds.votes)

    def leaves(self, zones: tuple[Zone, ...], fixes: Fixes) -> Alerts:
        """When `zone-exit` was raised."""
        persons = tuple(f"person-{row}" for row in range(len(zones)))
        book = ZoneBook(self._safe_zone(zone, person) for zone, person in zip(zones, persons, strict=True))
        devices = Devices()
        watches = [SafeZones(devices, lambda: book, self._thresholds, lambda *_: False)]
        state = PositionState(devices, watches, PositionMetrics(CollectorRegistry()))
        made = _Batches(self._plane, persons, fixes)
        device, at_s = [], []
        for minute in range(fixes.x.shape[1]):
            if not fixes.arrived[:, minute].any():
                continue
            for alert in state.apply(minute, made.of(minute)):
                if isinstance(alert, Alert) and alert.kind == "zone-exit" and alert.action == "raise":
                    row = int(alert.subject.removeprefix("person-"))
                    device.append(row)
                    at_s.append(fixes.at[row, minute])
        return Alerts(np.array(device, np.int64), np.array(at_s, np.float64))

    def _safe_zone(self, zone: Zone, person: str) -> SafeZone:
        return SafeZone(f"zone-of-{person}", "haneul", person, "safe", _area(self._plane, zone), ())


class _Batches:
    """The fixes as the gateway would send them."""

    def __init__(self, plane: ExactPlane, persons: tuple[str, ...], fixes: Fixes) -> None:
        self._persons = persons
        self._devices = tuple(person.replace("person", "device") for person in persons)
        self._shard = np.array([shard_of(person) for person in persons], np.uint8)
        self._fixes = fixes
        self._lonlat = plane.to_lonlat(np.stack((fixes.x, fixes.y), axis=-1))

    def of(self, minute: int) -> PositionBatch:
        """What arrives in that minute."""
        rows: Flags = self._fixes.arrived[:, minute]
        who = np.flatnonzero(rows).tolist()
        at = micros_of(MIDNIGHT) + self._fixes.at[rows, minute].astype(np.int64) * _SECOND
        unknown = np.full(len(who), np.nan, np.float32)
        index = np.arange(len(who), dtype=np.int32)
        return PositionBatch(
            devices=tuple(self._devices[row] for row in who),
            persons=tuple(self._persons[row] for row in who),
            device=index,
            person=index,
            shard=self._shard[rows],
            at=at,
            received=at + _SECOND,
            lon=self._lonlat[rows, minute, 0],
            lat=self._lonlat[rows, minute, 1],
            accuracy=self._fixes.accuracy[rows, minute].astype(np.float32),
            speed=self._fixes.speed[rows, minute].astype(np.float32),
            course=unknown,
            battery=unknown,
        )


def _area(plane: ExactPlane, zone: Zone) -> geo.Area:
    if isinstance(zone, Circle):
        lon, lat = plane.to_lonlat((zone.x, zone.y))
        return geo.Circle(geo.Point(float(lon), float(lat)), zone.radius)
    ring = plane.to_lonlat(np.array(zone.shape.exterior.coords))
    return geo.Polygon((tuple(geo.Point(float(lon), float(lat)) for lon, lat in ring),))
