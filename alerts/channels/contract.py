"""What every channel keeps to."""

from typing import Protocol

import msgspec

from haechi.domain.deliveries import Delivery
from haechi.shown import one_line


class Receipt(msgspec.Struct, frozen=True):
    """The other side took the message: its answer, in its own words, for the trail."""

    words: str


class DeliveryError(Exception):
    """An attempt that did not deliver.

    `recoverable`: whether trying again can help. `endpoint_down`: the endpoint itself is ill (unreachable, hanging,
    5xx), so that its breaker counts it. `retry_after_s`: the patience that it asked for. `gone`: it said that it will
    never take messages again. Words may be the other side's own, and are kept and shown.
    """

    def __init__(
        self,
        words: str,
        *,
        recoverable: bool,
        endpoint_down: bool = False,
        retry_after_s: float | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(one_line(words))
        self.recoverable = recoverable
        self.endpoint_down = endpoint_down
        self.retry_after_s = retry_after_s
        self.gone = gone


class Channel(Protocol):
    """One way to reach a recipient."""

    def endpoint(self, delivery: Delivery) -> str:
        """What fails together (host:port, a gateway's name): the unit of bulkhead and breaker."""

    async def send(self, delivery: Delivery) -> Receipt:
        """One attempt, within its own deadline. Raises DeliveryError."""
