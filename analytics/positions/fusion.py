"""Where a person is when several devices say something: one pure step.

A device says of each zone: inside, outside, or that it does not know. The person is with the devices that moved last: those
that moved within five minutes of the newest move are *carried*, the others were put down. Of what is carried:

| the devices | the person |
|---|---|
| one only | is where it says |
| all say the same | is there |
| phone at rest at home, watch moved since | is where the watch is |
| watch on its charger, phone moved since | is where the phone is |
| none was ever seen to move | all count |
| carried, one out of all safe zones, one inside one | has left: rather told too often |
| carried, one out, one does not know | has left |
| carried, one inside, one does not know | is safe |
| the one that moved last falls silent | is where it was last, until another moves; silence is told by itself |
| one was removed, got a new id or is another person's now | is where those say that are theirs; without any, where it was last |
| a tag is read at a gate | is at the gate: after a long silence one reading is a move |
| carried, one inside a forbidden zone | is in it |
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

TOGETHER_US = 300 * 1_000_000

UNKNOWN, INSIDE, OUTSIDE = 0, 1, 2

Bools = NDArray[np.bool_]


class Standing(msgspec.Struct, frozen=True):
    """(p,) of people among some zones: confirmed out of all of them (of none anybody is), or known to be inside one. Neither
    is unknown."""

    out: Bools
    safe: Bools


def carried(present: Bools, moved_at: NDArray[np.int64]) -> Bools:
    """(p, d) the devices that speak for their person; (p, d) who is there, and when each last moved (µs, 0: never)."""
    last = np.where(present, moved_at, 0).max(axis=1, initial=0, keepdims=True)
    spoken: Bools = present & (moved_at >= last - TOGETHER_US)
    return spoken


def whereabouts(where: NDArray[np.int8], speaks: Bools) -> NDArray[np.int8]:
    """(p, k) of each person and zone, from (p, d, k) of each device: inside wins, because one is enough to be there."""
    inside = ((where == INSIDE) & speaks[:, :, np.newaxis]).any(axis=1)
    outside = ((where == OUTSIDE) & speaks[:, :, np.newaxis]).any(axis=1)
    fused: NDArray[np.int8] = np.where(inside, INSIDE, np.where(outside, OUTSIDE, UNKNOWN)).astype(np.int8)
    return fused


def standing(where: NDArray[np.int8], speaks: Bools, among: Bools) -> Standing:
    """How people stand `among` (p, k) the zones any of which makes them safe; outside wins over inside."""
    zones = among[:, np.newaxis, :]
    out = (((where == OUTSIDE) | ~zones).all(axis=2) & speaks).any(axis=1)
    safe = (((where == INSIDE) & zones).any(axis=2) & speaks).any(axis=1) & ~out
    return Standing(out, safe)
