"""Who is told of an incident, and how far the message to each of them is."""

from datetime import datetime
from typing import Literal

import msgspec

from haechi.domain.incidents import Incident

AgencyRole = Literal["police", "fire", "desk"]


class Agency(msgspec.Struct, frozen=True):
    """Police, fire or the duty desk of a district, told by webhook."""

    id: str
    district: str
    name: str
    role: AgencyRole
    webhook_url: str


RecipientKind = Literal["guardian", "police", "fire", "desk"]
NO_CHANNEL = "none"


class Recipient(msgspec.Struct, frozen=True):
    """Who is told, and by which channel: a guardian, an agency or the duty desk.

    With NO_CHANNEL it is somebody who ought to be told and cannot be; `address` then says why. `language` (BCP 47) is a
    guardian's.
    """

    kind: RecipientKind
    id: str
    name: str
    channel: str
    address: str
    language: str = ""


DeliveryState = Literal["pending", "sending", "delivered", "failed", "cancelled"]


class Delivery(msgspec.Struct, frozen=True):
    """One message to one recipient about one incident; `id` is the webhook-id and the same across retries."""

    id: str
    incident_id: str
    recipient: Recipient
    state: DeliveryState
    attempts: int
    created_at: datetime
    incident: Incident


class DeliveryView(msgspec.Struct, frozen=True):
    """How far one delivery is, as people look at it."""

    id: str
    recipient: Recipient
    reason: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    first_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None
