"""When no tick comes at all, nothing tells the time: the only rule that looks at a wall clock.

Silence is not decided then (no time passes for it); the duty desk is told that we do not see. It is told by the road that
needs no Kafka, since it is most likely Kafka that is away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from haechi.clock import Clock
from haechi.domain import wire
from haechi.domain.alerting import KINDS, Alert, Because, cleared, raised
from haechi.errors import TransientError
from haechi.store.outbox import Inbox

EVERY_S = 1.0
_KIND = KINDS["blind"]

log = structlog.get_logger(__name__)


class Sight(msgspec.Struct, frozen=True):
    """When the last tick was read; since when we have said to be blind; whether a life before us may have said so."""

    last: datetime
    blind_since: datetime | None = None
    unsure: bool = True


class BlindRule(msgspec.Struct, frozen=True):
    """No tick on `topic` for `after_s` seconds is blindness."""

    topic: str
    district: str
    after_s: float


def step(sight: Sight, rule: BlindRule, now: datetime, ticked: bool) -> tuple[Sight, Alert | None]:
    """`ticked`: a tick was read since the last step, however old it is itself. The first tick of a life clears what
    the one before may have raised."""
    if ticked:
        told = sight.blind_since is not None or sight.unsure
        since = sight.blind_since or now
        return Sight(now, None, unsure=False), _sees_again(rule, since, now) if told else None
    if sight.blind_since is None and now - sight.last >= timedelta(seconds=rule.after_s):
        return msgspec.structs.replace(sight, blind_since=sight.last), _blind(rule, sight.last, now)
    return sight, None


class Eyes:
    """The edge of `step`: told of every tick, it looks at the clock each second.

    `watching`: whether ours is the voice of the topic: of many workers one speaks, the owner of its first partition.
    `send` raises TransientError while it cannot, and is asked again.
    """

    def __init__(
        self, rule: BlindRule, watching: Callable[[], bool], send: Callable[[Alert], Awaitable[None]], clock: Clock
    ) -> None:
        self._rule = rule
        self._watching = watching
        self._send = send
        self._clock = clock
        # The doors may start with us: they are given as long again.
        self._sight = Sight(clock() + timedelta(seconds=rule.after_s))
        self._ticked = False

    def ticked(self) -> None:
        """A tick was read."""
        self._ticked = True

    async def watch_forever(self) -> None:
        """Each second."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.look()

    async def look(self) -> None:
        """At the clock, once."""
        if not self._watching():
            # Whoever spoke before us may have told it; whoever speaks after us does not know what we told.
            self._sight, self._ticked = Sight(max(self._sight.last, self._clock())), False
            return
        ticked, self._ticked = self._ticked, False
        sight, alert = step(self._sight, self._rule, self._clock(), ticked)
        try:
            if alert is not None:
                log.warning("blindness", topic=self._rule.topic, action=alert.action)
                await self._send(alert)
        except TransientError as error:
            log.warning("blindness.not_told", reason=str(error))
            self._ticked |= ticked
            return
        self._sight = sight


def by_inbox(inbox: Inbox) -> Callable[[Alert], Awaitable[None]]:
    """Past Kafka: into the inbox in PostgreSQL, which is read by a process that needs nothing else."""

    async def send(alert: Alert) -> None:
        await inbox.put(f"{alert.id}:{alert.action}", wire.ALERT.encode(alert))

    return send


def _blind(rule: BlindRule, since: datetime, now: datetime) -> Alert:
    words = (
        f"No tick on '{rule.topic}' for {(now - since).total_seconds():.0f} s: no door runs or none reaches Kafka. "
        "Nobody's silence is decided until it is back."
    )
    return _alert(rule, since, now, words)


def _sees_again(rule: BlindRule, since: datetime, now: datetime) -> Alert:
    return cleared(_alert(rule, since, now, f"Ticks come again on '{rule.topic}'"), now)


def _alert(rule: BlindRule, since: datetime, now: datetime, words: str) -> Alert:
    because = Because("blind", words, values=(("after_s", rule.after_s),))
    return raised(_KIND, rule.topic, "-", rule.district, since, because, now=now, title=f"{_KIND.title}: {rule.topic}")
