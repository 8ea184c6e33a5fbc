"""What a fix is worth: late, doubled, impossibly far, or told by a wrong clock. Pure and for a whole turn at once.

The rules, in order:
- A clock in the future (more than two minutes ahead of the gateway's) is wrong: the fix counts at the time it was
  received. A clock that is off by whole half-hours, fix after fix as they come in live, is wrong too (a time zone, summer
  time): it is put right. Anything else that is old is a backlog, and keeps its time.
- What is not newer than the newest fix decided for the device is late, or the same once more: it is for the trail only.
- What no vehicle could have reached since the last good fix is a jump, and decides nothing. A second fix that agrees with
  the jump makes it true, and so does time: nobody is locked out.
"""

from enum import IntEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from haechi.domain.geo import METRES_PER_DEGREE, UNKNOWN_ACCURACY_M

_SECOND_US = 1_000_000
FUTURE_US = 120 * _SECOND_US
_HALF_HOUR_US = 1800 * _SECOND_US
_OLD_US = 1500 * _SECOND_US  # younger than this no fix is looked at for a wrong time zone
_NEAR_HALF_HOUR_US = 60 * _SECOND_US
_SAME_LAG_US = 5 * _SECOND_US
_LIVE_US = 5 * _SECOND_US  # two fixes received so far apart did not come in one backlog
_STREAK = 2
WALKING = 0.5  # m/s: slower than any walk, faster than what a phone on a table mostly reports
_STANDING = 0.3  # who came less than this part of what the speed says did not walk
_ERRING = 1.5  # by so much a reported speed may be too low
FINE_M = 20.0  # as accurate as satellites; by Wi-Fi or a cell tower, where no speed is measured, it is coarser
_SILENCE_S = 180.0  # who is not heard for longer may have walked unseen
_PACE = 1.5  # m/s: a brisk walk
ALONE_US = 600 * _SECOND_US


class Verdict(IntEnum):
    """What becomes of a fix. The first two decide."""

    GOOD = 0
    CLOCK = 1  # its time was put right
    LATE = 2
    DUPLICATE = 3
    JUMP = 4


class Gate(msgspec.Struct, frozen=True):
    """Faster than this (m/s) moves nobody in a city: 85 is a high-speed train."""

    max_speed: float = 85.0


# One row of a turn: times in microseconds since 1970, degrees, metres (NaN: unknown).
FIX = np.dtype([("at", "<i8"), ("received", "<i8"), ("lon", "<f8"), ("lat", "<f8"), ("accuracy", "<f4")])
# `at` … `accuracy`: the newest good fix. `suspect_*`: the jump that waits for a second. `lag`, `streak`: how far behind
# its clock was when last looked at, and how often in a row. `accuracy` is what it was taken for, `said_at` when one was told.
_TRACK = np.dtype(
    [
        ("at", "<i8"),
        ("received", "<i8"),
        ("lon", "<f8"),
        ("lat", "<f8"),
        ("accuracy", "<f4"),
        ("speed", "<f4"),
        ("suspect_at", "<i8"),
        ("suspect_lon", "<f8"),
        ("suspect_lat", "<f8"),
        ("lag", "<i8"),
        ("streak", "u1"),
        ("said_at", "<i8"),
    ]
)


class Judged(NamedTuple):
    """(n,) verdicts; whether it is explained how far a device came since its newest good fix, by the time that it told: a
    fine fix by the speeds that it reports, any by a walk in silence, and no jump is; and for how accurate it is taken, metres."""

    verdict: NDArray[np.uint8]
    walked: NDArray[np.bool_]
    accuracy: NDArray[np.float64]


class Tracks:
    """The newest good fix of each device, and what is doubted."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.columns = Columns(_TRACK, (0, 0, 0.0, 0.0, 0.0, np.nan, 0, 0.0, 0.0, 0, 0, 0))

    def judge(self, slots: Slots, fixes: NDArray[np.void], speed: NDArray[np.float32]) -> Judged:
        """Of at most one fix per slot; `fixes` (n,) of FIX, whose `at` is put right in place; `speed` (n,) m/s, NaN where
        unknown."""
        track = self.columns.rows.take(slots)
        far = metres(fixes["lon"] - track["lon"], fixes["lat"] - track["lat"], fixes["lat"])
        accuracy = _accuracy(track, fixes)
        sure = far - accuracy - known_accuracy(track["accuracy"])
        walked = _walked(track, fixes, speed, accuracy, far, sure)
        verdict = np.zeros(len(slots), dtype=np.uint8)
        lag = fixes["received"] - fixes["at"]
        if np.any(lag > _OLD_US) or track["streak"].any():
            self._time_zones(slots, fixes, track, lag, verdict)
        at = fixes["at"]
        newer = at > track["at"]
        if not newer.all():
            same = (at == track["at"]) & (fixes["lon"] == track["lon"]) & (fixes["lat"] == track["lat"])
            verdict[~newer] = np.where(same, Verdict.DUPLICATE, Verdict.LATE)[~newer]
        seconds = (at - track["at"]) / _SECOND_US
        jump = newer & (track["at"] > 0) & (sure > self._gate.max_speed * seconds)
        if jump.any():
            self._doubt(slots, fixes, track, accuracy, jump, verdict)
        good = np.flatnonzero(verdict <= Verdict.CLOCK)
        self._keep(slots[good], fixes.take(good), speed[good], accuracy[good])
        return Judged(verdict, walked, accuracy)

    def _time_zones(
        self,
        slots: Slots,
        fixes: NDArray[np.void],
        track: NDArray[np.void],
        lag: NDArray[np.int64],
        verdict: NDArray[np.uint8],
    ) -> None:
        old = np.flatnonzero(lag > _OLD_US)
        whole = (lag[old] + _HALF_HOUR_US // 2) // _HALF_HOUR_US * _HALF_HOUR_US
        before, rows = track[old], self.columns.rows
        rows["streak"][slots] = 0  # a fix of this minute shows that the clock is right, and what is old is a backlog
        live = fixes["received"][old] - before["received"] >= _LIVE_US
        same = np.abs(lag[old] - before["lag"]) <= _SAME_LAG_US
        odd = (np.abs(lag[old] - whole) <= _NEAR_HALF_HOUR_US) & live & same
        streak = np.where(odd, np.minimum(before["streak"] + 1, 100), 0).astype(np.uint8)
        rows["streak"][slots[old]], rows["lag"][slots[old]] = streak, lag[old]
        rows["received"][slots[old]] = fixes["received"][old]
        wrong = old[streak >= _STREAK]
        fixes["at"][wrong] += whole[streak >= _STREAK]
        verdict[wrong] = Verdict.CLOCK

    def _doubt(
        self,
        slots: Slots,
        fixes: NDArray[np.void],
        track: NDArray[np.void],
        accuracy: NDArray[np.float64],
        jump: NDArray[np.bool_],
        verdict: NDArray[np.uint8],
    ) -> None:
        which = np.flatnonzero(jump)
        new, old = fixes[which], track[which]
        seconds = (new["at"] - old["suspect_at"]) / _SECOND_US
        far = metres(new["lon"] - old["suspect_lon"], new["lat"] - old["suspect_lat"], new["lat"])
        reachable = far - 2 * accuracy[which] <= self._gate.max_speed * seconds
        agrees = (old["suspect_at"] > 0) & (seconds > 0) & reachable
        doubted = which[~agrees]
        verdict[doubted] = Verdict.JUMP
        rows = self.columns.rows
        for name in ("at", "lon", "lat"):
            rows[f"suspect_{name}"][slots[doubted]] = fixes[name][doubted]

    def _keep(
        self, slots: Slots, fixes: NDArray[np.void], speed: NDArray[np.float32], accuracy: NDArray[np.float64]
    ) -> None:
        rows = self.columns.rows
        for name in ("at", "received", "lon", "lat"):
            rows[name][slots] = fixes[name]
        rows["speed"][slots], rows["accuracy"][slots], rows["suspect_at"][slots] = speed, accuracy, 0
        said = fixes["accuracy"] > 0
        rows["said_at"][slots[said]] = fixes["at"][said]


def _accuracy(track: NDArray[np.void], fixes: NDArray[np.void]) -> NDArray[np.float64]:
    """(n,) metres. A fix that says none is no better than the device's last word of a while ago, if it was a coarse one: a
    cell tower becomes no satellite because one answer lacks its accuracy."""
    accuracy = known_accuracy(fixes["accuracy"])
    silent = ~(fixes["accuracy"] > 0) & (fixes["at"] - track["said_at"] <= ALONE_US)
    return np.where(silent, np.fmax(accuracy, track["accuracy"]), accuracy)


def _walked(
    track: NDArray[np.void],
    fixes: NDArray[np.void],
    speed: NDArray[np.float32],
    accuracy: NDArray[np.float64],
    far: NDArray[np.float64],
    sure: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """(n,) by (n,) metres from the newest good fix, and what is sure of them."""
    fastest = np.fmax(speed, track["speed"])
    seconds = (fixes["at"] - track["at"]) / _SECOND_US
    said = fastest * seconds
    walks = (fastest > WALKING) & (far >= _STANDING * said) & (sure <= _ERRING * said)
    fine = accuracy <= FINE_M
    unseen = (seconds > _SILENCE_S) & (sure > 0) & (sure <= _PACE * seconds)
    explained: NDArray[np.bool_] = (track["at"] > 0) & (fine & walks | unseen)
    return explained


def known_accuracy(accuracy: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) metres; missing and 0 are unknown, and taken as a phone's in a street."""
    return np.where(accuracy > 0, accuracy, UNKNOWN_ACCURACY_M).astype(np.float64)


def put_clocks_right(at: NDArray[np.int64], received: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) event times, of which none is in the future."""
    return np.where(at - received > FUTURE_US, received, at)


def metres(lon: NDArray[np.float64], lat: NDArray[np.float64], at_lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) metres of (n,) differences in degrees."""
    far: NDArray[np.float64] = np.hypot(lon * np.cos(np.radians(at_lat)), lat) * METRES_PER_DEGREE
    return far
