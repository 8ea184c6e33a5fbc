"""What the duty desk is told when something that concerns life safety became a dead letter."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from haechi import topics
from haechi.codec import decode_any
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.domain.own_alerts import unprocessed
from haechi.domain.people import PositionBatch
from haechi.domain.sensing import ReadingBatch
from haechi.domain.time import Tick
from haechi.errors import PermanentError
from haechi.ids import alert_id
from haechi.streaming import DeadLetter, Record
from haechi.streaming.runtime import OnDeadLetter

_MINUTE_S = 60


def tell_desk(district: str, route: Callable[[Alert], Iterable[Record]]) -> OnDeadLetter:
    """The hook of a consumer: an alert of its own for the desk of `district`."""

    async def tell(letter: DeadLetter) -> Iterable[Record]:
        return route(alert_of(letter, district))

    return tell


def alert_of(letter: DeadLetter, district: str) -> Alert:
    """A call for help is an incident each. Batches and ticks that a defect puts aside come many a second: one incident
    while it is open, told again at most each minute by each partition."""
    words = f"{_concerned(letter.value)}: {letter.reason} See `haechi dead-letters list`."
    if letter.topic == topics.URGENT.name:
        place = f"{letter.partition}:{letter.offset}"
        return unprocessed(letter.topic, place, words, district, letter.sent_at)
    minute = datetime.fromtimestamp(letter.sent_at.timestamp() // _MINUTE_S * _MINUTE_S, UTC)
    alert = unprocessed(letter.topic, "-", words, district, letter.sent_at)
    return msgspec.structs.replace(alert, id=alert_id(alert.kind, letter.topic, str(letter.partition), minute))


def _concerned(value: bytes) -> str:
    try:
        message = decode_any(value, (wire.POSITIONS, wire.TICK, wire.READINGS, wire.URGENT))
    except PermanentError:
        return "It cannot be told whom it concerned"
    if isinstance(message, PositionBatch):
        return f"Positions of {_count(len(message.devices), 'device')}"
    if isinstance(message, ReadingBatch):
        return f"Readings of {_count(len({reading.sensor for reading in message.readings}), 'sensor')}"
    if isinstance(message, Tick):
        return "No position, but a moment at which silence and arrival are decided"
    return f"A call of device {message.device}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
