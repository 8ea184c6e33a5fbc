"""Ways to reach a recipient. To add one: a file here with `endpoint` and `send`, and its line in the list below."""

from collections.abc import Mapping

from alerts.channels.contract import Channel, DeliveryError, Receipt
from alerts.channels.webhook import Webhook

__all__ = ["Channel", "DeliveryError", "Receipt", "channels"]


def channels(webhook: Webhook) -> Mapping[str, Channel]:
    """The channels by the name that a recipient's `channel` holds."""
    return {
        "webhook": webhook,
    }
