"""The edge to the stream: which topic feeds which decision, and where its alerts go."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf

import msgspec

from analytics.archive import Archive
from analytics.cameras import CameraZoneState
from analytics.clocks import put_right
from analytics.positions import Devices, Doors, PositionMetrics, PositionState, Watch
from analytics.positions.awaited import Arrivals, Awaited, Wearers
from analytics.positions.consent import Consents, NobodyRefuses, covered
from analytics.positions.night_walks import NightWalks
from analytics.positions.safe_zones import Rule as ZoneRule
from analytics.positions.safe_zones import SafeZones
from analytics.positions.together import Numbered
from analytics.sensors import SensorState
from analytics.silence.absences import Absences
from analytics.silence.batteries import Batteries
from analytics.silence.battery import BatteryRule
from analytics.silence.elsewhere import Elsewhere
from analytics.silence.registered import Registered
from analytics.silence.silences import SilenceRule, Silences
from analytics.unprocessed import tell_desk
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.clock import Clock
from haechi.codec import decode_any
from haechi.domain import wire
from haechi.domain.alerting import KINDS, Alert, urgent_alerts
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch, UrgentCall
from haechi.domain.sensing import ReadingBatch
from haechi.domain.time import Tick, instant_of, micros_of
from haechi.domain.video import CameraState, Sightings
from haechi.ids import SHARDS
from haechi.store.registry import DeviceEntry
from haechi.streaming import Event, Record, Worker

# A transaction costs PostgreSQL as much as a few hundred rows, so it waits a little for more of them.
ARCHIVE_LINGER_S = 0.5
ARCHIVE_MESSAGES = 100


def to_alerts(clock: Clock) -> Callable[[Alert], Iterable[Record]]:
    """Stamps when it was decided, and sends: urgent kinds on their own topic, all keyed by subject so that one
    subject's alerts keep their order."""

    def route(alert: Alert) -> Iterable[Record]:
        decided = msgspec.structs.replace(alert, decided_at=max(clock(), alert.received_at))
        topic = topics.ALERTS_URGENT if KINDS[alert.kind].urgent else topics.ALERTS
        yield Record(topic.name, wire.ALERT.encode(decided), key=alert.subject.encode())

    return route


def on_positions(data: bytes) -> PositionBatch | Tick | Missed:
    """What travels on `positions`."""
    return decode_any(data, (wire.POSITIONS, wire.TICK, wire.MISSED))


def to_alerts_and_beside(clock: Clock) -> Callable[[Alert | Missed], Iterable[Record]]:
    """As `to_alerts`; and who is missed in a partition goes to the others."""
    to_alert = to_alerts(clock)

    def route(output: Alert | Missed) -> Iterable[Record]:
        if isinstance(output, Alert):
            return to_alert(output)
        others = (number for number in range(topics.POSITIONS.partitions) if number != output.partition)
        value = wire.MISSED.encode(output)
        return [Record(topics.POSITIONS.name, value, partition=number) for number in others]

    return route


def readings_or_tick(data: bytes) -> ReadingBatch | Tick:
    """What travels on `readings`."""
    return decode_any(data, (wire.READINGS, wire.TICK))


def sightings_or_tick(data: bytes) -> Sightings | CameraState | Tick:
    """What travels on `sightings`."""
    return decode_any(data, (wire.SIGHTINGS, wire.CAMERA_STATE, wire.TICK))


def consume_urgent(worker: Worker, clock: Clock, district: str) -> None:
    """SOS and its kin: one message at once, never a batch. What cannot be processed is told to the desk of `district`."""

    route = to_alerts(clock)

    async def handle(events: Sequence[Event[UrgentCall]]) -> list[Record]:
        alerts = [alert for event in events for alert in urgent_alerts(event.message, clock())]
        return [record for alert in alerts for record in route(alert)]

    worker.consume(
        topics.URGENT,
        handle,
        wire.URGENT.decode,
        batch=1,
        event_time=lambda call: call.at,
        on_dead_letter=tell_desk(district, route),
    )


PutRight = Callable[[PositionBatch | Tick | Missed, datetime], PositionBatch | Tick | Missed]


def _nobody(_: str) -> DeviceEntry | None:
    return None


def _nobodys(_: int) -> Mapping[str, Collection[str]]:
    return {}


class Outlook(msgspec.Struct, frozen=True):
    """What the watches are given beside the positions: the newest registry, and the thresholds. `zones_read` counts how
    often the zones were read from PostgreSQL; it is infinite where they are nowhere else."""

    book: Callable[[], ZoneBook]
    zones_read: Callable[[], float] = lambda: inf
    zones: ZoneRule = ZoneRule()
    entry_of: Callable[[str], DeviceEntry | None] = _nobody
    registry_version: Callable[[], int] = int
    wearers: Wearers = _nobodys
    battery: BatteryRule = BatteryRule()
    silence: SilenceRule = SilenceRule()
    missing_after_s: float = 30
    district: str = ""
    consents: Consents = NobodyRefuses()
    put_right: PutRight = put_right


def watches(
    devices: Devices, doors: Doors, elsewhere: Elsewhere, outlook: Outlook, arrivals: Arrivals
) -> Sequence[Watch]:
    """Who looks at positions, in this order: whether an empty battery explains a silence, is what was known of it before the
    report that ends both. To add one: `analytics/positions/watch.py`."""
    registered = Registered(devices, outlook.entry_of, outlook.registry_version)
    zones = SafeZones(
        devices, outlook.book, outlook.zones, arrivals.are_possible, registered.known_at, outlook.zones_read
    )
    batteries = Batteries(devices, registered, outlook.battery, outlook.silence.zone)
    silences = Silences(devices, doors, registered, batteries, zones.inside, outlook.silence, elsewhere)
    walks = NightWalks(devices, registered, outlook.silence.zone)
    return (zones, Absences(doors, outlook.district), silences, batteries, walks)


class Positions(PositionState):
    """The devices of a partition and those who watch them, as far as consents cover them."""

    def __init__(self, outlook: Outlook, metrics: PositionMetrics, partition: int = 0, partitions: int = 1) -> None:
        devices, doors, elsewhere = Devices(), Doors(outlook.missing_after_s), Elsewhere(partition, partitions)
        arrivals = Arrivals(outlook.entry_of, outlook.wearers)
        looking = watches(devices, doors, elsewhere, outlook, arrivals)
        shards = range(partition, SHARDS, partitions)
        awaited = Awaited(devices, shards, outlook.book, arrivals, outlook.registry_version)
        super().__init__(devices, looking, metrics, doors=doors, elsewhere=elsewhere, awaited=awaited)
        self._consents = outlook.consents
        self._refusals = -1

    def apply_all(self, messages: Sequence[Numbered]) -> Sequence[Alert | Missed]:
        """As the watches decide; of who refuses since the last messages, nothing is left."""
        taken_back: list[Alert] = []
        if messages and self._consents.refusals != self._refusals:
            self._refusals = self._consents.refusals
            _, first = messages[0]
            at = instant_of(first.received.max(initial=0)) if isinstance(first, PositionBatch) else first.at
            taken_back = self.forget_people(lambda people: self._consents.refusing(people, at), micros_of(at))
        kept = [(offset, self._covered(message)) for offset, message in messages]
        return [*taken_back, *super().apply_all(kept)]

    def _covered(self, message: PositionBatch | Tick | Missed) -> PositionBatch | Tick | Missed:
        return covered(message, self._consents) if isinstance(message, PositionBatch) else message


def consume_positions(
    worker: Worker,
    outlook: Outlook,
    metrics: PositionMetrics,
    clock: Clock,
    on_tick: Callable[[], None] = lambda: None,
) -> None:
    """Positions and ticks to the watches; `on_tick` is called for each tick that is read. What they cannot look at is told
    to the desk."""

    def decode(data: bytes) -> PositionBatch | Tick | Missed:
        message = on_positions(data)
        if isinstance(message, Tick):
            on_tick()
        return message

    worker.consume_with_state(
        topics.POSITIONS,
        lambda partition: Positions(outlook, metrics, partition, topics.POSITIONS.partitions),
        to_alerts_and_beside(clock),
        decode,
        on_dead_letter=tell_desk(outlook.district, to_alerts(clock)),
        put_right=outlook.put_right,
    )


def consume_archive(worker: Worker, archive: Archive) -> None:
    """Every position into the trail, and the newest of each person into the live store; ticks keep nothing."""

    async def handle(events: Sequence[Event[PositionBatch | Tick | Missed]]) -> list[Record]:
        batches = [event.message for event in events if isinstance(event.message, PositionBatch)]
        if batches:
            await archive.keep(batches)
        return []

    worker.consume(topics.POSITIONS, handle, on_positions, batch=ARCHIVE_MESSAGES, linger_s=ARCHIVE_LINGER_S)


def consume_readings(worker: Worker, make_state: Callable[[], SensorState], clock: Clock, district: str) -> None:
    """Readings against the sensor rules. What cannot be processed (it may be gas) is told to the desk of `district`."""
    route = to_alerts(clock)
    worker.consume_with_state(
        topics.READINGS,
        lambda _partition: make_state(),
        route,
        readings_or_tick,
        on_dead_letter=tell_desk(district, route),
    )


def consume_sightings(worker: Worker, make_state: Callable[[], CameraZoneState], clock: Clock) -> None:
    """Sightings against the cameras' zones."""
    worker.consume_with_state(
        topics.SIGHTINGS,
        lambda _partition: make_state(),
        to_alerts(clock),
        sightings_or_tick,
    )
