"""What becomes of each MQTT message: accepted, put aside as a dead letter, or tried again; then acknowledged."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from haechi.errors import HaechiError
from haechi.failpoints import failpoint
from haechi.ids import front_of
from haechi.sealing import Sealer
from haechi.streaming import DeadLetter
from haechi.streaming.dead_letters import seal
from haechi.streaming.trouble import Backoff
from ingest.devices import owntracks
from ingest.devices.report import Posted, Report
from ingest.intake import Intake
from ingest.limits import RateLimit
from ingest.metrics import IngestMetrics
from ingest.mqtt.bridge import Arrived
from ingest.mqtt.unread import Unread
from ingest.refusal import Refused, unreadable
from ingest.sensors import sensorthings

log = structlog.get_logger(__name__)

APP = "ingest.mqtt"
OWNTRACKS = ("owntracks/+/+", "owntracks/+/+/event")
TOPICS = (*OWNTRACKS, sensorthings.TOPIC)
# Of these there is nothing to say later: they are as they should be, and nothing of them may be kept.
_NOT_OURS = frozenset({"unknown-device", "no-consent", "no-key", "rate-limit"})
# Of these nobody can tell whether it was a call for help.
_UNREAD = frozenset({"unreadable", "no-key"})


class Broker(Protocol):
    """The part of `Bridge` that is used here."""

    def messages(self) -> AsyncIterator[Arrived]: ...
    def acknowledge(self, arrived: Arrived) -> None: ...
    def forget(self, arrived: Arrived) -> None: ...


class Receiver:
    """Handles many messages at once; those of one device keep their order up to its batch.

    How often one device may report is limited at QoS 0, which promises nothing; what is over is counted and gone. What a
    persistent broker has acknowledged (QoS 1) is never dropped: there the broker must limit.
    """

    def __init__(
        self,
        broker: Broker,
        intake: Intake,
        bury: Callable[[bytes], Awaitable[None]],
        unread: Unread,
        sealer: Sealer,
        metrics: IngestMetrics,
        *,
        payload_bytes: int,
        limit: RateLimit | None = None,
    ) -> None:
        """`bury` puts a sealed dead letter into its topic, or the spool, before it returns; one at a time."""
        self._broker = broker
        self._intake = intake
        self._bury = bury
        self._burying = asyncio.Lock()
        self._unread = unread
        self._sealer = sealer
        self._metrics = metrics
        self._payload_bytes = payload_bytes
        self._limit = limit or RateLimit()
        self._buried = metrics.accepted.labels("dead-letter")

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            async for arrived in self._broker.messages():
                group.create_task(self._handle(arrived))

    async def _handle(self, arrived: Arrived) -> None:
        backoff = Backoff(0.1, 2.0)
        while True:
            try:
                await self._take(arrived)
            except HaechiError as error:
                self._metrics.refused.labels(error.reason if isinstance(error, Refused) else "failed").inc()
                if isinstance(error, Refused) and error.status != 503:
                    break
                await asyncio.sleep(backoff.next())  # un-acknowledged: the broker keeps it as long as it takes
            except asyncio.CancelledError:
                self._broker.forget(arrived)
                raise
            else:
                break
        failpoint("gateway.before_answer")
        self._broker.acknowledge(arrived)

    async def _take(self, arrived: Arrived) -> None:
        try:
            await self._read(arrived)
        except Refused as refusal:
            if refusal.status == 503:
                raise
            if refusal.reason not in _NOT_OURS:
                await self._put_aside(arrived, refusal.words)
            if refusal.reason in _UNREAD or refusal.field == owntracks.SEALED:
                await self._tell_desk(arrived, refusal.words)
            raise
        except HaechiError:
            raise
        except Exception as error:  # the isolation boundary: no payload may stop the door
            log.exception("mqtt.unexpected", topic=_told(arrived.topic))
            await self._put_aside(arrived, type(error).__name__)
            await self._tell_desk(arrived, f"{type(error).__name__}, a defect of ours.")

    async def _read(self, arrived: Arrived) -> None:
        received_at = self._intake.clock()
        if len(arrived.payload) > self._payload_bytes:
            raise unreadable(f"The payload is larger than {self._payload_bytes} bytes; only its beginning is kept.")
        if arrived.topic == sensorthings.TOPIC:
            observation = sensorthings.parse(arrived.payload, received_at)
            self._limited(arrived, observation.sensor)
            await self._intake.observation(observation, received_at)
            return
        user = _user_of(arrived.topic) or ""
        report = owntracks.parse(Posted(b"", arrived.payload, received_at, user, self._intake.key_of))
        if isinstance(report, Report):
            if report.urgent is None:
                self._limited(arrived, report.device)
            if arrived.retained:
                report = msgspec.structs.replace(report, retained=True)
            await self._intake.report(report, received_at, f"mqtt:{user}")
        elif report is not None:
            await self._intake.goodbye(report, received_at)
        else:
            self._metrics.ignored.labels("owntracks").inc()

    def _limited(self, arrived: Arrived, sender: str) -> None:
        """Refused 429 for who sends too often without asking for an acknowledgement."""
        if arrived.qos == 0 and not self._limit.allows(sender, time.monotonic()):
            raise Refused(429, "rate-limit", "It reports too often.")

    async def _tell_desk(self, arrived: Arrived, why: str) -> None:
        user = _user_of(arrived.topic)
        sender = front_of(user) if user is not None and self._intake.knows(user) else None
        await self._unread.tell(sender, _told(arrived.topic), why, self._intake.clock(), time.monotonic())

    async def _put_aside(self, arrived: Arrived, reason: str) -> None:
        """With what came, but for what may hold a place that no consent covers: of that only the reason is kept."""
        now = self._intake.clock()
        user = _user_of(arrived.topic)
        keeps = user is None or self._intake.may_keep(user, now)
        letter = DeadLetter(
            app=APP,
            topic=_told(arrived.topic),
            partition=-1,
            offset=arrived.number,
            key=None,
            value=arrived.payload[: self._payload_bytes] if keeps else b"",
            headers=(),
            sent_at=now,
            failed_at=now,
            reason=reason,
        )
        async with self._burying:
            await self._bury(seal(letter, self._sealer).value)
        self._buried.inc()
        log.warning("mqtt.dead_letter", topic=_told(arrived.topic), reason=reason)


def _user_of(topic: str) -> str | None:
    """The device's id, of a topic that carries positions."""
    parts = topic.split("/")
    return parts[1] if parts[0] == "owntracks" and len(parts) > 1 else None


def _told(topic: str) -> str:
    """The topic with the front of the device's id wherever it stands (some call the telephone so, too): whole it is a
    credential."""
    user = _user_of(topic)
    return topic.replace(user, front_of(user)) if user else topic
