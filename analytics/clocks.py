"""Whose clock is believed: the broker's, where that of one of our doors is ahead of it.

A door's clock would otherwise move time for everybody: the newest tick is the time by which silence is decided. A tick
from the past moves nothing, and may just have waited: while Kafka stood still, or the network did.
"""

from datetime import datetime

import msgspec
import numpy as np

from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick, micros_of

AHEAD_S = 5.0  # servers with NTP agree to well below a second


def put_right(message: PositionBatch | Tick | Missed, appended: datetime) -> PositionBatch | Tick | Missed:
    """The message with times that can be believed; `appended` is when the broker had it, by its clock.

    A batch that waited in a spool is as old as it says; none was received later than it was appended.
    """
    if isinstance(message, Tick):
        ahead_s = (message.at - appended).total_seconds()
        return message if ahead_s <= AHEAD_S else msgspec.structs.replace(message, at=appended, ahead_s=ahead_s)
    if isinstance(message, Missed):
        return message
    latest = micros_of(appended)
    if message.received.max(initial=0) <= latest + AHEAD_S * 1_000_000:
        return message
    return msgspec.structs.replace(message, received=np.minimum(message.received, latest))
