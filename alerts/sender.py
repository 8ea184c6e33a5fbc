"""Sends the outbox: lease, post, write the status. At least once, always under the same id, and nothing given up."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from alerts.channels import Channel, DeliveryError, Receipt
from alerts.endpoints import QUEUE, Endpoint, Endpoints
from alerts.metrics import SenderMetrics
from alerts.payload import disclosure
from alerts.retry import delay_after
from alerts.together import Together
from haechi.clock import Clock, utc_now
from haechi.domain.deliveries import Delivery
from haechi.errors import TransientError
from haechi.failpoints import failpoint
from haechi.store.outbox import Received

log = structlog.get_logger(__name__)

POLL_S = 1.0
LEASE_S = 5.0  # after a crash, another sender takes over so much later; renewed while in hand
RENEW_S = 1.5
LEASE_AT_ONCE = 200
# A slot is for endpoints that answer. An attempt that takes longer goes on without one, so that hanging endpoints
# cannot use up the slots of the healthy ones; `HELD_PER_SLOT` bounds them all.
SLOW_S = 0.5
HELD_PER_SLOT = 64
BUSY_S = 1.0
DELIVERED_TOGETHER_S = 0.01  # nobody waits for this status, and one statement writes many
AWAY_S = 0.5
ERROR_WORDS = 500

# A delivery that can never be made: a person must be told (before it is marked as failed).
Alarm = Callable[[Delivery, DeliveryError], Awaitable[None]]


class Outbox(Protocol):
    """What is asked of `haechi.store.outbox.Outbox`."""

    async def lease(self, worker: str, limit: int, lease_s: float, but: Sequence[str] = ()) -> list[Delivery]: ...
    async def renew(self, delivery_ids: Sequence[str], lease_s: float) -> list[str]: ...
    async def first_attempt(self, *delivery_ids: str) -> None: ...
    async def delivered(self, *received: Received) -> None: ...
    async def retry(self, delivery_id: str, error: str, after_s: float) -> None: ...
    async def postpone(self, delivery_id: str, after_s: float) -> None: ...
    async def failed(self, delivery_id: str, error: str) -> None: ...
    async def depth(self) -> tuple[int, float]: ...
    async def wait(self, timeout_s: float) -> bool: ...


class Sender:
    """One process's sender; any number may run. `worker` tells them apart in the rows."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Channel],
        alarm: Alarm,
        metrics: SenderMetrics,
        *,
        worker: str,
        slots: int,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._alarm = alarm
        self._metrics = metrics
        self._worker = worker
        self._clock = clock
        self._monotonic = monotonic
        self._slots = asyncio.Semaphore(slots)
        self._most = slots * HELD_PER_SLOT
        self._held: dict[str, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()  # there is room for more deliveries
        self._able = asyncio.Event()  # there is something to lease: somebody said so, or an endpoint can take more
        self._endpoints = Endpoints(monotonic)
        self._first_attempt = Together[str](lambda ids: outbox.first_attempt(*ids))
        self._delivered = Together[Received](lambda those: outbox.delivered(*those), linger_s=DELIVERED_TOGETHER_S)

    async def run(self) -> None:
        """Until cancelled; what is on the way then is sent again by whoever leases it next, under the same id."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._renew_forever(), name="leases")
                group.create_task(self._measure_forever(), name="outbox figures")
                await self._lease_forever()
        finally:
            for task in self._held.values():
                task.cancel()

    def wake(self) -> None:
        """There is something new: look now, without waiting for PostgreSQL's notification."""
        self._able.set()

    async def _lease_forever(self) -> None:
        while True:
            room = min(self._most - len(self._held), LEASE_AT_ONCE)
            if room <= 0:
                self._freed.clear()
                await self._freed.wait()
                continue
            self._able.clear()
            try:
                leased = await self._outbox.lease(self._worker, room, LEASE_S, self._endpoints.leave_out())
            except TransientError as error:
                log.warning("sender.outbox_away", error=str(error))
                await asyncio.sleep(AWAY_S)
                continue
            failpoint("sender.after_lease")
            self._metrics.alive.set_to_current_time()
            for delivery in leased:
                self._take(delivery)
            if len(leased) < room:
                await self._something_new()

    async def _something_new(self) -> None:
        """Until there may be a row to lease: a hint, an endpoint that was left out and can take more, or the poll."""
        waits = {asyncio.create_task(self._outbox.wait(POLL_S)), asyncio.create_task(self._able.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    def _take(self, delivery: Delivery) -> None:
        if delivery.id in self._held:  # our own lease ran out while we still hold it: one attempt at a time
            return
        task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.id}")
        self._held[delivery.id] = task
        self._metrics.held.set(len(self._held))
        task.add_done_callback(lambda _: self._release(delivery.id))

    def _drop(self, delivery_id: str) -> None:
        """Somebody must not be told any more: the attempt that waits or is under way ends here."""
        if (task := self._held.get(delivery_id)) is not None:
            log.info("sender.dropped", delivery=delivery_id)
            task.cancel()

    def _release(self, delivery_id: str) -> None:
        del self._held[delivery_id]
        self._metrics.held.set(len(self._held))
        self._freed.set()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            channel = self._channels.get(delivery.recipient.channel)
            if channel is None:
                words = f"there is no channel '{delivery.recipient.channel}'"
                await self._settle(delivery, DeliveryError(words, recoverable=False))
                return
            endpoint = self._endpoints.of(channel.endpoint(delivery), delivery.recipient.address)
            if endpoint.waiting >= QUEUE:
                await self._postpone(delivery, BUSY_S, "busy")
                return
            endpoint.waiting += 1
            try:
                async with endpoint.slots:
                    if not (wait_s := endpoint.ask()):
                        failpoint("sender.before_post")
                        stamp = asyncio.create_task(self._stamp(delivery))
                        outcome = await self._attempt(delivery, channel, endpoint)
                        failpoint("sender.after_post")
            finally:
                endpoint.waiting -= 1
                if endpoint.able_again:
                    self._able.set()
            if wait_s:
                await self._postpone(delivery, wait_s, "breaker")
            else:
                await stamp
                await self._settle(delivery, outcome)
        except Exception:
            # The isolation boundary of one delivery: its lease runs out and it is tried again, the others go on.
            log.exception("sender.unexpected", delivery=delivery.id)

    async def _attempt(self, delivery: Delivery, channel: Channel, endpoint: Endpoint) -> Receipt | DeliveryError:
        start = self._monotonic()
        ill = False
        try:
            outcome: Receipt | DeliveryError = await self._send(delivery, channel)
        except DeliveryError as error:
            outcome, ill = error, error.endpoint_down
        except asyncio.CancelledError:
            endpoint.broken_off()
            raise
        except Exception as error:  # the isolation boundary of a channel: whatever it raises is a failed attempt
            log.exception("sender.channel_failed", delivery=delivery.id, channel=delivery.recipient.channel)
            outcome, ill = DeliveryError(f"{type(error).__name__}: {error}", recoverable=True), True
        endpoint.report(ill=ill)
        self._metrics.seconds.observe(self._monotonic() - start)
        return outcome

    async def _send(self, delivery: Delivery, channel: Channel) -> Receipt:
        await self._slots.acquire()
        sending = asyncio.create_task(channel.send(delivery))
        try:
            await asyncio.wait({sending}, timeout=SLOW_S)
        except asyncio.CancelledError:
            sending.cancel()
            raise
        finally:
            self._slots.release()
        return await sending

    async def _stamp(self, delivery: Delivery) -> None:
        if delivery.attempts == 1:
            self._metrics.first.observe((self._clock() - delivery.created_at).total_seconds())
        try:
            await self._first_attempt(delivery.id)
        except TransientError as error:  # a figure is lost, not the message
            log.warning("sender.not_stamped", delivery=delivery.id, error=str(error))

    async def _settle(self, delivery: Delivery, outcome: Receipt | DeliveryError) -> None:
        name = delivery.recipient.channel
        if isinstance(outcome, Receipt):
            received = Received(delivery.id, disclosure(delivery))
            await self._persist(lambda: self._delivered(received))
            self._metrics.alive.set_to_current_time()
            self._metrics.attempts.labels(name, "delivered").inc()
        elif outcome.recoverable:
            after_s = delay_after(delivery.attempts, outcome.retry_after_s)
            words = str(outcome)[:ERROR_WORDS]
            await self._persist(lambda: self._outbox.retry(delivery.id, words, after_s))
            self._metrics.attempts.labels(name, "retry").inc()
            log.warning(
                "sender.retry",
                delivery=delivery.id,
                incident=delivery.incident.number,
                to=delivery.recipient.kind,
                attempt=delivery.attempts,
                after_s=after_s,
                error=words,
            )
        else:
            await self._persist(lambda: self._alarm(delivery, outcome))
            await self._persist(lambda: self._outbox.failed(delivery.id, str(outcome)[:ERROR_WORDS]))
            self._metrics.attempts.labels(name, "failed").inc()
            log.error("sender.failed", delivery=delivery.id, incident=delivery.incident.number, error=str(outcome))
        failpoint("sender.after_status")

    async def _postpone(self, delivery: Delivery, after_s: float, why: str) -> None:
        self._metrics.postponed.labels(why).inc()
        await self._persist(lambda: self._outbox.postpone(delivery.id, after_s))

    async def _persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write a status, again and again while PostgreSQL is away."""
        while True:
            try:
                await write()
            except TransientError as error:
                log.warning("sender.status_waits", error=str(error))
                await asyncio.sleep(AWAY_S)
            else:
                return

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if self._held:
                try:
                    for cancelled in await self._outbox.renew(list(self._held), LEASE_S):
                        self._drop(cancelled)
                except TransientError as error:
                    log.warning("sender.leases_not_renewed", error=str(error))

    async def _measure_forever(self) -> None:
        while True:
            for mode, count in self._endpoints.modes().items():
                self._metrics.breakers.labels(mode.name.lower()).set(count)
            try:
                depth, oldest_s = await self._outbox.depth()
            except TransientError:
                log.debug("sender.outbox_not_measured")
            else:
                self._metrics.depth.set(depth)
                self._metrics.oldest.set(oldest_s)
            await asyncio.sleep(POLL_S)
