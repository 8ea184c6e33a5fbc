"""A log that can be read at three in the morning: what is said over and over is said once, then once a minute with how
often, and that it has ended.

While Kafka is away its client says so in half a dozen ways, a hundred times a second; what it says then is one complaint, in
our words. Warnings and errors only; two lines are the same when all their words are, whatever time they name.
"""

import asyncio
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import structlog

AGAIN_S = 60.0
ENDED_S = 15.0  # longer than anything waits between two tries
_WORTH = 10  # what was held back less often ends without a word
_KEPT = 1000
_VARIES = frozenset({"timestamp", "wait_s", "seconds"})
# How aiokafka says that a broker is away, or is back and not ready yet.
_KAFKA_AWAY = re.compile(
    r"Unable (to )?(connect|request metadata|update metadata)|NodeNotReadyError|KafkaConnectionError|RequestTimedOutError"
    r"|Got error produce response|Failed fetch messages|Group Coordinator Request failed|Error sending \w+ to node"
    r"|Marking the coordinator dead|Heartbeat (session expired|send request failed|failed for group .* not valid)"
)
_KAFKA_WORDS = (
    "Kafka is away or does not answer; its client tries again by itself, and what must be kept waits. "
    "If it stays so, `haechi doctor` says what to do."
)

log = structlog.get_logger(__name__)


@dataclass
class _Said:
    """Something that was said: when first, when last, when it was last let through; how often since then, and in all."""

    first: float
    last: float
    told: float
    words: str
    held: int = 0
    times: int = 1


class Repeats(logging.Filter):
    """On a handler, so that it sees every line, ours and the libraries'; any thread may log."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._said: OrderedDict[Hashable, _Said] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said; a reminder is given how often it was held back."""
        if record.levelno < logging.WARNING:
            return True
        if record.name.startswith("aiokafka") and _KAFKA_AWAY.search(why := record.getMessage()):
            record.msg, record.args = f"{_KAFKA_WORDS} ({why})", None
            key: Hashable = _KAFKA_WORDS
            words = _KAFKA_WORDS
        else:
            key, words = _key(record), _words(record)
        now = self._monotonic()
        with self._lock:
            known = self._said.get(key)
            if known is None or now - known.last > ENDED_S:
                self._said[key] = _Said(now, now, now, words)
                if len(self._said) > _KEPT:
                    self._said.popitem(last=False)
                return True
            known.last = now
            known.times += 1
            if now - known.told < AGAIN_S:
                known.held += 1
                return False
            _add(record, known.held + 1, now - known.told)
            known.told, known.held = now, 0
            return True

    def tell_ends(self) -> None:
        """Of what was said very often and is said no more."""
        now = self._monotonic()
        with self._lock:
            ended = [key for key, said in self._said.items() if now - said.last > ENDED_S]
            gone = [self._said.pop(key) for key in ended]
        for said in gone:
            if said.times > _WORTH:
                log.info("said no more", what=said.words, times=said.times, for_s=round(said.last - said.first))

    async def tell_ends_for_ever(self) -> None:
        """Every few seconds."""
        while True:
            await asyncio.sleep(ENDED_S / 3)
            self.tell_ends()


def _fields(record: logging.LogRecord) -> dict[str, object] | None:
    """Of a line of ours what it says; None of a library's."""
    return record.msg if isinstance(record.msg, dict) else None


def _key(record: logging.LogRecord) -> Hashable:
    fields = _fields(record)
    if fields is None:
        error = record.exc_info[1] if record.exc_info else None
        return record.name, record.getMessage(), repr(error)
    return record.name, *sorted((name, repr(value)) for name, value in fields.items() if name not in _VARIES)


def _words(record: logging.LogRecord) -> str:
    fields = _fields(record)
    return record.getMessage() if fields is None else str(fields.get("event"))


def _add(record: logging.LogRecord, times: int, seconds: float) -> None:
    fields = _fields(record)
    if fields is None:
        record.msg, record.args = f"{record.getMessage()} [{times} times in {seconds:.0f} s]", None
    else:
        record.msg = {**fields, "times": times, "for_s": round(seconds)}
