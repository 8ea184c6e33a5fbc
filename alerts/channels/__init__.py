"""Ways to reach a recipient. To add one: a file here with `endpoint` and `send`, and its row in CHANNELS."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import aiohttp
import msgspec

from alerts.channels.contract import Channel, DeliveryError, Receipt
from alerts.channels.webhook import Names, Secrets, Webhook
from alerts.links import Links
from haechi.clock import Clock
from haechi.domain.deliveries import Agency
from haechi.domain.people import Guardian

__all__ = ["CHANNELS", "Channel", "ChannelKind", "DeliveryError", "Receipt", "Tools"]


class Tools(msgspec.Struct, frozen=True):
    """What a channel may need: outgoing HTTP behind the guard, recipients' secrets, links for messages, the time, the zone of times in
    words, and what a person is called."""

    session: aiohttp.ClientSession
    secrets: Secrets
    links: Links
    clock: Clock
    zone: ZoneInfo
    name_of: Names


class ChannelKind(msgspec.Struct, frozen=True):
    """`address` finds where an entry of the registry is reached this way, None where it is not; `make` makes the channel.
    `name` stands in every delivery: never renamed."""

    name: str
    address: Callable[[Guardian | Agency], str | None]
    make: Callable[[Tools], Channel]


# An entry is told by the first that has an address for it.
CHANNELS: tuple[ChannelKind, ...] = (
    ChannelKind(
        "webhook",
        lambda entry: entry.webhook_url or None,
        lambda tools: Webhook(tools.session, tools.secrets, tools.links, tools.clock, tools.zone, tools.name_of),
    ),
)
