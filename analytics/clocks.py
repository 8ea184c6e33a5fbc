"""Whose clock is believed: the broker's, where that of one of our doors is far from it.

A door's clock would otherwise move time for everybody: the newest tick is the time by which silence is decided.
"""

from datetime import datetime

import msgspec
import numpy as np

from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick, micros_of

# A tick may lie in a producer for ten seconds before the broker has it; more is a clock.
OFF_S = 15.0


def put_right(message: PositionBatch | Tick | Missed, appended: datetime) -> PositionBatch | Tick | Missed:
    """The message with times that can be believed; `appended` is when the broker had it, by its clock.

    A batch that waited in a spool is as old as it says; none was received later than it was appended.
    """
    if isinstance(message, Tick):
        off_s = (message.at - appended).total_seconds()
        return message if abs(off_s) <= OFF_S else msgspec.structs.replace(message, at=appended, off_s=off_s)
    if isinstance(message, Missed):
        return message
    latest = micros_of(appended)
    if message.received.max(initial=0) <= latest + OFF_S * 1_000_000:
        return message
    return msgspec.structs.replace(message, received=np.minimum(message.received, latest))
