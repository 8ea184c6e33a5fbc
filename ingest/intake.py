"""What happens to a report or an observation, whichever road it came by: refused in words, or accepted."""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import msgspec

from haechi import ids, topics
from haechi.clock import Clock
from haechi.domain.geo import Point
from haechi.domain.people import Device, DeviceKind, UrgentCall, UrgentKind
from haechi.domain.sensing import Reading, Sensor
from haechi.domain.time import micros_of
from haechi.errors import TransientError
from haechi.failpoints import failpoint
from haechi.patience import one_of, within
from haechi.store.registry import DeviceEntry
from haechi.visitors import source_of
from ingest.batching import Batcher
from ingest.callers import UnknownCallers
from ingest.columns import PositionRow
from ingest.devices.report import Goodbye, NoFix, Report
from ingest.limits import RateLimit
from ingest.metrics import IngestMetrics
from ingest.refusal import Refused, missing, overloaded
from ingest.sensors.observation import Observation, reading_of
from ingest.urgent import UrgentRoads

_LOOK_UP_S = 2.0
_URGENT_LOOK_UP_S = 0.3  # a call for help does not wait longer to learn whose it is
_LOOK_UPS = 4  # at once, so that unknown ids do not take the connections that a call for help needs


class Devices(Protocol):
    """The part of `haechi.store.slices.DevicesSlice` that is used here."""

    def get(self, row_id: str) -> DeviceEntry | None: ...
    def of_serial(self, serial: str) -> DeviceEntry | None: ...
    async def read_through(self, row_id: str) -> DeviceEntry | None: ...


class Sensors(Protocol):
    """The part of `haechi.store.slices.SensorsSlice` that is used here."""

    def get(self, row_id: str) -> Sensor | None: ...
    async def read_through(self, row_id: str) -> Sensor | None: ...


class OnBehalf(msgspec.Struct, frozen=True):
    """Who reports for devices of its district, under their serials too: a server, or a reader (of tags only)."""

    district: str
    kinds: frozenset[DeviceKind] | None = None

    def covers(self, device: Device) -> bool:
        """Whether it may speak for the device."""
        return device.district == self.district and (self.kinds is None or device.kind in self.kinds)


class Intake:
    """The one way in. `positions` and `readings` hold a batcher per partition."""

    def __init__(
        self,
        devices: Devices,
        sensors: Sensors,
        positions: Sequence[Batcher[PositionRow]],
        readings: Sequence[Batcher[Reading]],
        urgent: UrgentRoads,
        limit: RateLimit | None,
        metrics: IngestMetrics,
        *,
        clock: Clock,
        district: str,
    ) -> None:
        """`district` is told about calls of devices that nobody registered. `limit` is None where the sender was
        already told that we have it (a broker's acknowledgement)."""
        self.clock = clock
        self._devices = devices
        self._sensors = sensors
        self._positions = positions
        self._readings = readings
        self._urgent = urgent
        self._strangers = UnknownCallers(urgent.accept)
        self._repeated = metrics.dropped.labels("repeated-unknown-call")
        self._looking = asyncio.Semaphore(_LOOK_UPS)
        self._looking_quickly = asyncio.Semaphore(_LOOK_UPS)
        self._limit = limit
        self._district = district
        self._in_pause = metrics.dropped.labels("measured-in-a-pause")
        self._goodbyes = metrics.goodbyes
        self._accepted = {kind: metrics.accepted.labels(kind) for kind in ("position", "urgent", "reading")}
        self._latency = {kind: metrics.latency.labels(kind) for kind in ("position", "urgent", "reading")}

    def key_of(self, device: str) -> str | None:
        """The phrase with which a device of this id encrypts; None where there is none."""
        entry = self._devices.get(device)
        return entry.device.encryption_key if entry else None

    def knows(self, device: str) -> bool:
        """Whether a device is registered under this id, as far as is known here."""
        return self._devices.get(device) is not None

    def may_keep(self, device: str, at: datetime) -> bool:
        """Whether what came from the device may be kept: a consent covers its positions, as far as is known here."""
        entry = self._devices.get(device)
        return entry is not None and entry.consent is not None and entry.consent.allows("position", at)

    async def report(
        self, report: Report, received_at: datetime, source: str, on_behalf: OnBehalf | None = None
    ) -> None:
        """Returns when the report is accepted; `source` is the sender's address, `on_behalf` whose right to speak for
        the device it claims. Raises Refused.

        A fix of a pause that is over is kept nowhere, and not refused: the telephone would send it again for ever, and
        nothing after it.
        """
        failpoint("gateway.after_receive")
        began = time.monotonic()
        if report.urgent is not None:
            await self._call(report, report.urgent, received_at, source, on_behalf)
            self._count("urgent", began)
            return
        entry = await self._admitted(report.device, received_at, on_behalf)
        if report.point is None:
            raise missing("lat")
        if entry.consent is not None and entry.consent.in_pause(report.at):
            self._in_pause.inc()
            return
        await self._put(report, report.point, entry, received_at)
        self._count("position", began)

    async def no_fix(self, said: NoFix, received_at: datetime) -> None:
        """Nothing is kept; whoever sets up a device hears whether its positions would be taken. Raises Refused."""
        await self._admitted(said.device, received_at, None)

    async def goodbye(self, goodbye: Goodbye, received_at: datetime) -> None:
        """Counted, of a registered device with consent only: the silence that follows is told by its own rule."""
        entry = self._devices.get(goodbye.device)
        if entry and self.may_keep(goodbye.device, received_at):
            self._goodbyes.inc()

    async def observation(self, observation: Observation, received_at: datetime) -> Reading:
        """Returns when the reading is accepted. Raises Refused: an unknown sensor, a value that cannot be."""
        failpoint("gateway.after_receive")
        began = time.monotonic()
        sensor = self._sensors.get(observation.sensor) or await self._look_up_sensor(observation.sensor)
        if sensor is None:
            raise Refused(404, "unknown-sensor", "No sensor is registered under this id.", field="Datastream.@iot.id")
        reading = reading_of(observation, sensor, received_at)
        if self._limit and not self._limit.allows(observation.sensor, began):
            raise Refused(429, "rate-limit", "This sensor reports too often; send it again later.", retry_after_s=5)
        partition = topics.partition_of(ids.shard_of(reading.sensor), len(self._readings))
        await self._readings[partition].add(reading)
        self._count("reading", began)
        return reading

    async def _call(
        self, report: Report, kind: UrgentKind, received_at: datetime, source: str, on_behalf: OnBehalf | None
    ) -> None:
        """Both roads, whoever it is: without consent, and from a device that nobody registered.

        Whose it is, is asked once more when its incident is made: there the registry always answers.
        """
        entry = self._known(report.device, on_behalf) or _covered(await self._quick_look_up(report.device), on_behalf)
        device = entry.device.id if entry else report.device
        call = UrgentCall(
            id=ids.input_id(device, report.at, kind),
            kind=kind,
            device=device,
            person=entry.device.person_id if entry else None,
            district=entry.device.district if entry else on_behalf.district if on_behalf else self._district,
            at=report.at,
            received_at=received_at,
            point=report.point,
            accuracy_m=report.accuracy_m,
            battery=report.battery,
            source=None if entry else _stranger(report, source, on_behalf),
            on_behalf=entry is None and on_behalf is not None,
            fixed_at=report.fixed_at,
            retained=report.retained,
        )
        consent = entry.consent if entry else None
        allowed = consent is not None and consent.allows("position", received_at) and not consent.in_pause(report.at)
        if entry and report.point and allowed:
            with suppress(Refused):  # its own fix among the positions, as well as it goes
                self._put(report, report.point, entry, received_at)
        if entry:
            await self._urgent.accept(call)
        elif not await self._strangers.accept(call, time.monotonic()):
            self._repeated.inc()

    async def _admitted(self, device: str, received_at: datetime, on_behalf: OnBehalf | None) -> DeviceEntry:
        """Of a device whose positions we take now. Raises Refused."""
        entry = self._known(device, on_behalf) or _covered(await self._look_up(device), on_behalf)
        if entry is None:
            raise Refused(403, "unknown-device", "No device is registered under this id.", field="id")
        if entry.consent is None or not entry.consent.allows("position", received_at):
            words = "No valid consent covers this person's positions; nothing was kept."
            raise Refused(403, "no-consent", words, forget=True)
        if self._limit and not self._limit.allows(entry.device.id, time.monotonic()):
            raise Refused(429, "rate-limit", "This device reports too often; send it again later.", retry_after_s=5)
        return entry

    def _known(self, device: str, on_behalf: OnBehalf | None) -> DeviceEntry | None:
        if on_behalf is None:
            return self._devices.get(device)
        return _covered(self._devices.of_serial(device) or self._devices.get(device), on_behalf)

    def _put(self, report: Report, point: Point, entry: DeviceEntry, received_at: datetime) -> "asyncio.Future[None]":
        person = entry.device.person_id
        shard = ids.shard_of(person)
        row = PositionRow(
            entry.device.id,
            person,
            shard,
            micros_of(report.fixed_at or report.at),
            micros_of(received_at),
            point.lon,
            point.lat,
            _or_nan(report.accuracy_m),
            _or_nan(report.speed),
            _or_nan(report.course),
            _or_nan(report.battery),
        )
        return self._positions[topics.partition_of(shard, len(self._positions))].add(row)

    async def _look_up(self, device: str) -> DeviceEntry | None:
        try:
            return await within(_LOOK_UP_S, one_of(self._looking, lambda: self._devices.read_through(device)))
        except (TransientError, TimeoutError) as error:
            raise overloaded("The registry is away, and this device is not in our copy of it.") from error

    async def _quick_look_up(self, device: str) -> DeviceEntry | None:
        try:
            return await within(
                _URGENT_LOOK_UP_S, one_of(self._looking_quickly, lambda: self._devices.read_through(device))
            )
        except (TransientError, TimeoutError):
            return None

    async def _look_up_sensor(self, sensor: str) -> Sensor | None:
        try:
            return await within(_LOOK_UP_S, one_of(self._looking, lambda: self._sensors.read_through(sensor)))
        except (TransientError, TimeoutError) as error:
            raise overloaded("The registry is away, and this sensor is not in our copy of it.") from error

    def _count(self, kind: str, began: float) -> None:
        self._accepted[kind].inc()
        self._latency[kind].observe(time.monotonic() - began)


def _covered(entry: DeviceEntry | None, on_behalf: OnBehalf | None) -> DeviceEntry | None:
    return entry if entry is None or on_behalf is None or on_behalf.covers(entry.device) else None


def _stranger(report: Report, source: str, on_behalf: OnBehalf | None) -> str:
    """Where a call of nobody's device came from; of a tracker that a known server speaks for, the tracker itself."""
    return source_of(source) if on_behalf is None else f"{source_of(source)} {report.device}"


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
