"""What a watch is: something that looks at every position and every tick of one partition, and has a memory."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch


class Heard(msgspec.Struct, frozen=True):
    """The rows of a batch that their shards have not applied yet, and what each is worth.

    `rows` (n,) are indices into the batch's columns in the order they arrived; `slots` (n,) the slot of each one's
    device. A device may be there more than once, and not in the order of its time. `fixes` (n,) of `quality.FIX`, whose
    `at` is the event time with wrong clocks put right; `verdict` (n,) of `quality.Verdict`; `walked` (n,)
    whether a walk explains how the device came there; `accuracy` (n,) metres, what each is taken for. `turns` are indices (into
    the n) of the fixes that decide, so that no person is twice in one turn and a person's fixes come in order of time.
    """

    batch: PositionBatch
    rows: NDArray[np.int64]
    slots: NDArray[np.int64]
    fixes: NDArray[np.void]
    verdict: NDArray[np.uint8]
    walked: NDArray[np.bool_]
    accuracy: NDArray[np.float64]
    turns: tuple[NDArray[np.int64], ...]


class Moment(msgspec.Struct, frozen=True):
    """Some seconds have passed, as data. `now` is event time, microseconds since 1970, and never goes back.

    `slots` (n,) are all devices of the shards that have not applied this tick yet. `spools_empty`: every live gateway
    says that it holds nothing back, and has said so since this state began to listen long enough for each to have
    spoken; what decides by absence (silence, expected arrival) waits for it, or asks the partition's `Doors` for more.
    """

    now: int
    slots: NDArray[np.int64]
    spools_empty: bool


class Watch(Protocol):
    """One thing to look for. Time comes as data; what it keeps is one record per slot, most easily in `Columns`.

    Alerts have deterministic ids (`haechi.ids.alert_id`), because a replay tells them again. An exception stops
    neither the other watches nor the stream: the message is put aside as a dead letter that names the watch.
    """

    name: str  # its part of a block is kept under this; never renamed

    def resize(self, room: int) -> None:
        """There are slots 0 … room − 1 from now on; new ones are empty."""

    def positions(self, heard: Heard) -> list[Alert]:
        """Look at positions; at least one. Their shards are kept without `touch`."""

    def tick(self, moment: Moment) -> list[Alert]:
        """Look at the time, every five seconds; changed slots are given to `Devices.touch`."""

    def holds(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether something is open there, so that the device must not be forgotten."""

    def let_go(self, slots: NDArray[np.int64], now: int) -> list[Alert]:
        """Of these people nothing may be watched any more, and they are forgotten next: take back what only says that
        nothing is known of them. What a person must still act on stays open."""

    def clear(self, slots: NDArray[np.int64]) -> None:
        """The devices are forgotten; their slots will be others'."""

    def dump(self, shards: Sequence[NDArray[np.int64]]) -> list[bytes]:
        """What is known of the slots of each of the shards; at least one."""

    def load(self, slots: NDArray[np.int64], part: bytes) -> None:
        """Take back what `dump` gave for a shard, in slots that may have other numbers now. A watch without a part stays empty."""
