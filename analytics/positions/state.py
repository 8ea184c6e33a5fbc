"""The state of one partition of `positions`: what was applied, what time it is, who is heard, and the watches."""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from analytics.positions.awaited import Awaited
from analytics.positions.columns import Slots
from analytics.positions.devices import Devices
from analytics.positions.doors import Doors, DoorSeen
from analytics.positions.metrics import PositionMetrics
from analytics.positions.quality import FIX, Verdict, put_clocks_right
from analytics.positions.together import Numbered, joined, steps
from analytics.positions.turns import turns
from analytics.positions.watch import Heard, Moment, Watch
from analytics.silence.elsewhere import Elsewhere
from haechi.domain.alerting import Alert
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick, micros_of
from haechi.ids import SHARDS
from haechi.streaming import PartlyApplied

_SECOND_US = 1_000_000
MAX_DEVICES = 100_000
FORGET_AFTER_US = 30 * 24 * 3600 * _SECOND_US
LOOK_EVERY_US = 5 * _SECOND_US
_TIDY_EVERY_US = 3600 * _SECOND_US
_KEEP_EVERY_US = 10 * _SECOND_US  # where nobody is heard, what our doors said is kept so often

log = structlog.get_logger(__name__)


class _Block(msgspec.Struct, array_like=True):
    """A shard as it is kept. `parts` by watch: one that is new finds none, one that is gone is passed over."""

    format: str
    offset: int
    devices: list[str]
    persons: list[str]
    columns: bytes
    parts: dict[str, bytes]
    doors: tuple[DoorSeen, ...] = ()  # the partition's; of those in all blocks the newest counts
    tracks: bytes = b""


_FORMAT = "positions-1"
_decoder = msgspec.msgpack.Decoder(_Block)


class PositionState:
    """`haechi.streaming.state.PartitionState` of `positions`.

    A test, a benchmark or a simulation builds it as the process does, and feeds it without Kafka:

        devices, book = Devices(), ZoneBook(zones)
        watches = [SafeZones(devices, lambda: book, Rule(), lambda *_: True)]
        state = PositionState(devices, watches, PositionMetrics(CollectorRegistry()))
        alerts = state.apply(offset, batch)     # a PositionBatch or a Tick; offsets ascend
    """

    def __init__(
        self,
        devices: Devices,
        watches: Sequence[Watch],
        metrics: PositionMetrics,
        *,
        max_devices: int = MAX_DEVICES,
        doors: Doors | None = None,
        elsewhere: Elsewhere | None = None,
        awaited: Awaited | None = None,
    ) -> None:
        self.devices = devices
        self._watches = tuple(watches)
        self._metrics = metrics
        self._max_devices = max_devices
        self._applied = np.full(SHARDS, -1, dtype=np.int64)
        self._room = 0
        self._now = 0
        self._tidied_at = 0
        self._kept_at = 0
        self._doors = Doors() if doors is None else doors
        self._elsewhere = Elsewhere() if elsewhere is None else elsewhere
        self._awaited = awaited

    def apply(self, offset: int, message: PositionBatch | Tick | Missed) -> Sequence[Alert | Missed]:
        """Alerts of what the shards have not applied yet, and what the other partitions are told; the same offset
        replayed gives the same ids.

        Raises PartlyApplied, with the alerts of the others, when a watch failed.
        """
        return self.apply_all(((offset, message),))

    def apply_all(self, messages: Sequence[Numbered]) -> Sequence[Alert | Missed]:
        """As `apply` of one after the other, in fewer steps. After PartlyApplied of several the state is in doubt."""
        outputs: list[Alert | Missed] = []
        for step in steps(messages, self._passes):
            if not isinstance(step, tuple):
                outputs.extend(self._positions(step))
            elif isinstance(step[1], Missed):
                self._elsewhere.hear(step[1])
            else:
                outputs.extend(self._tick(step[0], step[1]))
                if (said := self._elsewhere.take()) is not None:
                    outputs.append(said)
        return outputs

    def _positions(self, step: Sequence[tuple[int, PositionBatch]]) -> Sequence[Alert]:
        batch = joined([message for _, message in step])
        offset = np.repeat([number for number, _ in step], [len(message) for _, message in step])
        rows = np.flatnonzero(self._applied[batch.shard] < offset)
        if not len(rows):
            return ()
        slots = self.devices.slots_of(batch)[rows]
        theirs = self.devices.shard[slots] == batch.shard[rows]  # not what a device said on its last person's wrist
        rows, slots = rows[theirs], slots[theirs]
        if not len(rows):
            return ()
        heard = self._judged(batch, rows, slots)
        self._applied[batch.shard[rows]] = offset[rows]  # they ascend, and of several the last one stays
        self.devices.touch(slots)
        return self._ask(lambda watch: watch.positions(heard))

    def _judged(self, batch: PositionBatch, rows: NDArray[np.int64], slots: Slots) -> Heard:
        """The rows with their verdicts, in turns."""
        fixes = np.empty(len(rows), dtype=FIX)
        for name in FIX.names or ():
            fixes[name] = getattr(batch, name)[rows]
        told = batch.at[rows]
        fixes["at"] = put_clocks_right(told, fixes["received"])
        self.devices.hear(slots, fixes["at"])
        self._make_room(slots)
        verdict = np.where(fixes["at"] == told, Verdict.GOOD, Verdict.CLOCK).astype(np.uint8)
        # Of fixes in the future, which all count as of now, the one with the latest clock comes first: others are late.
        latest_first = np.where(fixes["at"] == told, told, -told)
        deciding, walked, accuracy = [], np.zeros(len(rows), dtype=bool), np.zeros(len(rows))
        for turn in turns(self.devices.wearer[slots], latest_first, fixes["at"]):
            judged, speed = fixes.take(turn), batch.speed[rows[turn]]
            found, walked[turn], accuracy[turn] = self.devices.tracks.judge(slots[turn], judged, speed)
            fixes.put(turn, judged)
            verdict[turn] = np.maximum(verdict[turn], found)
            deciding.append(turn[found <= Verdict.CLOCK])
        for kind, count in enumerate(np.bincount(verdict).tolist()):
            if count:
                self._metrics.fixes.labels(Verdict(kind).name.lower()).inc(count)
        return Heard(batch, rows, slots, fixes, verdict, walked, accuracy, tuple(deciding))

    def _passes(self, tick: Tick) -> bool:
        """Whether positions are decided before the tick as after it."""
        return not self._is_due(tick) and self._doors.hears_nothing_new(tick)

    def _is_due(self, tick: Tick) -> bool:
        """The time is looked at with the first tick of each five seconds, and so of each minute, where schedules begin."""
        return micros_of(tick.at) // LOOK_EVERY_US > self._now // LOOK_EVERY_US

    def _tick(self, offset: int, tick: Tick) -> Sequence[Alert]:
        self._doors.hear(tick)
        if not self._is_due(tick):
            return ()
        now = self._now = micros_of(tick.at)
        self._await()
        slots = np.flatnonzero(self.devices.used)
        if (self._applied >= offset).any():  # a replay
            slots = slots[self._applied[self.devices.shard[slots]] < offset]
        moment = Moment(now, slots, self._doors.spools_empty)
        kept = self.devices.dirty.copy()
        self.devices.dirty[:] = False
        try:
            alerts = self._ask(lambda watch: watch.tick(moment))
        finally:
            changed = np.flatnonzero(self.devices.dirty)
            self._applied[changed] = np.maximum(self._applied[changed], offset)
            self.devices.dirty |= kept
        self._keep_the_doors()
        self._forget_the_old()
        return alerts

    def _await(self) -> None:
        """Whoever is awaited has a slot before they are heard, as long as there is room."""
        if self._awaited is None:
            return
        come, gone = self._awaited.look(self._now)
        self._forget(gone, "not awaited")
        for device, person in come[: max(0, self._max_devices - len(self.devices))]:
            self.devices.add(device, person)
        self._match_room()

    def _keep_the_doors(self) -> None:
        """A partition of silent devices keeps one of its blocks now and then: the doors' ticks are in it."""
        self._kept_at = self._kept_at or self._now
        if self._now - self._kept_at >= _KEEP_EVERY_US:
            self._kept_at = self._now
            if not self.devices.dirty.any():
                self.devices.touch(np.flatnonzero(self.devices.used)[:1])

    def _ask(self, question: Callable[[Watch], list[Alert]]) -> list[Alert]:
        alerts: list[Alert] = []
        failed: list[str] = []
        for watch in self._watches:
            try:
                alerts.extend(question(watch))
            except Exception as error:  # one watch's mistake must not blind the others; the caller files the message
                log.exception("watch.failed", watch=watch.name)
                self._metrics.failures.labels(watch.name).inc()
                failed.append(f"{watch.name}: {error!r}")
        if failed:
            raise PartlyApplied(alerts, f"These watches could not look at it: {'; '.join(failed)}")
        return alerts

    def _make_room(self, present: Slots) -> None:
        """The table has a bound: beyond it, who has been silent longest is forgotten, a hundredth of all at a time."""
        self._match_room()
        if (excess := len(self.devices) - self._max_devices) > 0:
            oldest = self.devices.oldest(excess + self._max_devices // 100)
            self._forget(np.setdiff1d(oldest, present), "too many")

    def _match_room(self) -> None:
        if self._room != self.devices.room:
            self._room = self.devices.room
            for watch in self._watches:
                watch.resize(self._room)

    def _forget_the_old(self) -> None:
        """Once an hour: who has been silent for 30 days with nothing open, and who has moved to another person."""
        if self._now - self._tidied_at < _TIDY_EVERY_US:
            return
        self._tidied_at = self._now
        used = np.flatnonzero(self.devices.used)
        old = used[self.devices.seen(used) < self._now - FORGET_AFTER_US]
        for watch in self._watches:
            old = old[~watch.holds(old)]
        self._forget(old, "silent for long")
        self._forget(self.devices.orphans(), "another person's now")

    def _forget(self, slots: Slots, why: str) -> None:
        if len(slots):
            for watch in self._watches:
                watch.clear(slots)
            self.devices.forget(slots)
            self._metrics.forgotten.labels(why).inc(len(slots))

    def forget_people(self, who: Callable[[Iterable[str]], Collection[str]], now: int) -> list[Alert]:
        """Whoever of those who are heard here must not be: nothing of them is decided any more, and nothing kept.

        Returns what is taken back at `now` (microseconds).
        """
        used = np.flatnonzero(self.devices.used)
        gone = who({self.devices.person(slot) for slot in used.tolist()})
        if not gone:
            return []
        slots = np.array([slot for slot in used.tolist() if self.devices.person(slot) in gone], dtype=np.int64)
        alerts = self._ask(lambda watch: watch.let_go(slots, now))
        self._forget(slots, "no consent")
        return alerts

    def load(self, shard: int, block: bytes) -> None:
        """Take back a shard's block."""
        kept = _decoder.decode(block)
        self._applied[shard] = kept.offset
        pairs = zip(kept.devices, kept.persons, strict=True)
        slots = np.array([self.devices.add(device, person) for device, person in pairs], dtype=np.int64)
        self._match_room()
        self.devices.columns.load(slots, kept.columns)
        if kept.tracks:
            self.devices.tracks.columns.load(slots, kept.tracks)
        for watch in self._watches:
            if (part := kept.parts.get(watch.name)) is not None:
                watch.load(slots, part)
        self._doors.load(kept.doors)
        self.devices.dirty[shard] = False

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """The blocks of the shards that changed since the last call."""
        shards = np.flatnonzero(self.devices.dirty)
        blocks = self._dump(shards) if len(shards) else ()
        self.devices.dirty[shards] = False
        return zip(shards.tolist(), blocks, strict=True)

    def _dump(self, shards: NDArray[np.int64]) -> Sequence[bytes]:
        devices, doors, blocks = self.devices, self._doors.dump(), []
        slots = devices.by_shard(shards)
        columns, tracks = devices.columns.dump(slots), devices.tracks.columns.dump(slots)
        parts = {watch.name: watch.dump(slots) for watch in self._watches}
        for i, shard in enumerate(shards.tolist()):
            listed = slots[i].tolist()
            block = _Block(
                _FORMAT,
                int(self._applied[shard]),
                [devices.device(slot) for slot in listed],
                [devices.person(slot) for slot in listed],
                columns[i],
                {name: part[i] for name, part in parts.items()},
                doors,
                tracks[i],
            )
            blocks.append(msgspec.msgpack.encode(block))
        return blocks
