"""What the devices say on a simulated day, minute by minute, in batches per partition as the gateway makes them.

What is wrong with the fixes: an error that wanders, single jumps of hundreds of metres, fixes as coarse as a mast's, and
what a `Life` says of the device. Whoever is on their way out or home has no jumps: one fix inside ends an alarm.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi import topics
from haechi.domain.people import PositionBatch
from haechi.ids import shard_of
from tests.days.lives import AT, DAY, PLANE, Someone

_SECOND = 1_000_000
MINUTE = 60 * _SECOND
WALK_M = 80.0  # metres a minute
_JUMPS_APART = 15  # minutes
_FAR = 30  # minutes from a leave, within which nothing jumps


class Column(msgspec.Struct, frozen=True):
    """A day's fixes, (n,) each, sorted by the minute and the partition in which they are delivered; `who` is a row of
    the people."""

    delivered: NDArray[np.int64]
    partition: NDArray[np.int64]
    who: NDArray[np.int32]
    at: NDArray[np.int64]
    received: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    accuracy: NDArray[np.float32]
    speed: NDArray[np.float32]
    battery: NDArray[np.float32]


class Day:
    """The fixes of these people; `number` counts the days since AT."""

    def __init__(self, people: Sequence[Someone], minutes: int = DAY, *, number: int = 0, seed: int = 3) -> None:
        self.minutes = minutes
        self.begins = AT + number * DAY * MINUTE
        self._people = people
        self._shards = np.array([shard_of(one.person) for one in people], np.uint8)
        self._rows = self._sorted(np.random.default_rng([seed, number]))
        ends = np.arange(minutes * topics.PARTITIONS + 1)
        self._cuts = np.searchsorted(self._rows.delivered * topics.PARTITIONS + self._rows.partition, ends)

    def __len__(self) -> int:
        return len(self._rows.at)

    def batch(self, minute: int, partition: int) -> PositionBatch | None:
        """What the gateway has of a minute for a partition; None where there is nothing."""
        place = minute * topics.PARTITIONS + partition
        rows, cut = self._rows, slice(int(self._cuts[place]), int(self._cuts[place + 1]))
        if cut.start == cut.stop:
            return None
        who, index = np.unique(rows.who[cut], return_inverse=True)
        index = index.astype(np.int32)
        return PositionBatch(
            devices=tuple(self._people[n].device for n in who.tolist()),
            persons=tuple(self._people[n].person for n in who.tolist()),
            device=index,
            person=index,
            shard=self._shards[rows.who[cut]],
            at=rows.at[cut],
            received=rows.received[cut],
            lon=rows.lon[cut],
            lat=rows.lat[cut],
            accuracy=rows.accuracy[cut],
            speed=rows.speed[cut],
            course=np.full(len(index), np.nan, np.float32),
            battery=rows.battery[cut],
        )

    def _sorted(self, random: np.random.Generator) -> Column:
        people, shape = self._people, (self.minutes, len(self._people))
        phase = random.integers(0, 59, len(people)) * _SECOND
        made = self.begins + np.arange(self.minutes)[:, np.newaxis] * MINUTE + phase
        x, y, speed = self._walked(random, shape)
        accuracy = random.uniform(5, 20, shape)
        self._spoil(random, x, y, accuracy)
        battery = np.linspace(95, 40, self.minutes)[:, np.newaxis] + np.zeros(shape)
        delivered = np.arange(self.minutes)[:, np.newaxis] + np.zeros(shape, np.int64)
        backwards = np.array([one.life.newest_first for one in people])
        for n, one in enumerate(people):
            for span in one.life.low:
                battery[span.start : span.end, n], battery[span.end :, n] = 10, 80
            for span in one.life.offline:
                delivered[span.start : span.end, n] = span.end
            for span in one.life.off:
                delivered[span.start : span.end, n] = -1
        received = self.begins + delivered * MINUTE + phase + _SECOND // 2
        at = made + np.array([one.life.ahead_s for one in people]) * _SECOND
        minute, who = np.nonzero(delivered >= 0)
        again = np.array([one.life.doubled for one in people])[who] & (minute + 1 < self.minutes)
        repeat = np.zeros(len(who) + int(again.sum()), np.int64)
        repeat[len(who) :] = 1
        minute, who = np.append(minute, minute[again]), np.append(who, who[again])
        sent = delivered[minute, who] + repeat
        order = np.where(backwards[who], -at[minute, who], at[minute, who])
        partition = self._shards[who].astype(np.int64) % topics.PARTITIONS
        by = np.lexsort((order, partition, sent))
        minute, who = minute[by], who[by]
        lon, lat = PLANE.to_degrees(x[minute, who], y[minute, who])
        return Column(
            delivered=sent[by],
            partition=partition[by],
            who=who.astype(np.int32),
            at=at[minute, who],
            received=received[minute, who] + repeat[by] * MINUTE,
            lon=lon,
            lat=lat,
            accuracy=accuracy[minute, who].astype(np.float32),
            speed=speed[minute, who].astype(np.float32),
            battery=battery[minute, who].round().astype(np.float32),
        )

    def _walked(
        self, random: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(m, p) metres east and north with a wandering error, and m/s as every other device reports them."""
        away = np.zeros(shape)
        minutes = np.arange(self.minutes)
        for n, one in enumerate(self._people):
            for span in one.life.leaves:
                way = WALK_M * np.minimum(minutes - span.start, span.end - minutes)
                away[:, n] += np.clip(way, 0, random.uniform(500, 900))
        angle = random.uniform(0, 2 * np.pi, shape[1])
        homes = np.array([one.home for one in self._people])
        x = homes[:, 0] + away * np.cos(angle) + _wander(random, shape, 12, 35) + _wander(random, shape, 5, 12)
        y = homes[:, 1] + away * np.sin(angle) + _wander(random, shape, 12, 35) + _wander(random, shape, 5, 12)
        moved = np.abs(np.diff(away, axis=0, prepend=away[:1])) > 0
        speed = np.where(moved, WALK_M / 60, random.uniform(0, 0.3, shape))
        speed[:, ::2] = np.nan
        return x, y, speed

    def _spoil(
        self,
        random: np.random.Generator,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        accuracy: NDArray[np.float64],
    ) -> None:
        """Jumps and coarse fixes, in place."""
        jumps, coarse = random.random(x.shape) < 0.02, random.random(x.shape) < 0.02
        last = np.full(x.shape[1], -_JUMPS_APART)
        for minute in range(self.minutes):
            jumps[minute] &= minute - last >= _JUMPS_APART
            last[jumps[minute]] = minute
        for n, one in enumerate(self._people):
            for span in one.life.leaves:
                jumps[max(0, span.start - _FAR) : span.end + _FAR, n] = False
                coarse[max(0, span.start - _FAR) : span.end + _FAR, n] = False
        far, angle = random.uniform(250, 600, x.shape), random.uniform(0, 2 * np.pi, x.shape)
        accuracy[coarse] = random.uniform(200, 900, x.shape)[coarse]
        far = np.where(coarse, accuracy / 2, far)
        wrong = jumps | coarse
        x[wrong] += (far * np.cos(angle))[wrong]
        y[wrong] += (far * np.sin(angle))[wrong]


def _wander(random: np.random.Generator, shape: tuple[int, int], spread: float, most: float) -> NDArray[np.float64]:
    """(m, p) metres that drift within ±`most`, about `spread` from nothing, forgetting within half an hour."""
    path = np.empty(shape)
    now = random.normal(0, spread, shape[1])
    for minute in range(shape[0]):
        path[minute] = now
        now = 0.9 * now + random.normal(0, spread * 0.436, shape[1])
    return path.clip(-most, most)
