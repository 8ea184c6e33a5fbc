"""What is sent about an incident: an id, what, when, where and a link, not the life story (it ends in others' logs)."""

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from alerts.links import Links
from alerts.telling import ago, told
from alerts.words import ENGLISH, words_of
from haechi.domain.alerting import Status
from haechi.domain.deliveries import Delivery, Recipient, RecipientKind
from haechi.domain.incidents import Incident, IncidentState, for_people
from haechi.domain.places import PlaceWords
from haechi.networks import is_loopback
from haechi.shown import one_line
from haechi.store.audit import Look, OwnReason

# Who may know the place: who goes there. The desk looks at the wall, where looking leaves a trace.
_MAY_KNOW_PLACE: frozenset[RecipientKind] = frozenset({"guardian", "police", "fire"})
SENT: OwnReason = "sent with an alarm"


class Place(msgspec.Struct, frozen=True):
    """WGS84 degrees, metres, the age of the fix in seconds when the message was sent, and the place in words."""

    lon: float
    lat: float
    accuracy_m: float | None
    age_s: float
    words: PlaceWords | None


class To(msgspec.Struct, frozen=True):
    """Whom the message is for, so that one address can serve several."""

    kind: RecipientKind
    id: str


class Payload(msgspec.Struct, frozen=True):
    """The body of every webhook, JSON below 20 kB (Standard Webhooks 1.0.0: thin).

    `cameras` are the names of those that see the spot, or may: for agencies, who ask the centre about them.
    """

    type: Literal["incident"]
    id: str
    number: int
    kind: str
    severity: int
    status: Status
    title: str
    state: IncidentState
    district: str
    starts_at: datetime
    received_at: datetime
    recipient: To
    point: Place | None
    cameras: tuple[str, ...]
    link: str | None
    reply_to: str | None


def payload_of(delivery: Delivery, links: Links, at: datetime, zone: ZoneInfo, name: str = "") -> Payload:
    """The message of one delivery, sent at `at`; `name` is its person's, and times in words are those of `zone`."""
    incident, recipient = for_people(delivery.incident), delivery.recipient
    guardian = recipient.kind == "guardian"
    scene, place = incident.scene, None
    cameras: tuple[str, ...] = ()
    if incident.point is not None and recipient.kind in _MAY_KNOW_PLACE:
        age_s = round(max((at - incident.seen_at).total_seconds(), 0.0), 1)
        words = scene.place if scene else None
        place = Place(incident.point.lon, incident.point.lat, incident.accuracy_m, age_s, words)
        cameras = tuple(camera.name[:200] for camera in scene.cameras) if scene and not guardian else ()
    return Payload(
        type="incident",
        id=incident.id,
        number=incident.number,
        kind=incident.kind,
        severity=int(incident.severity),
        status=incident.status,
        title=one_line(_title(incident, recipient, at, zone, name))[:200],
        state=incident.state,
        district=incident.district,
        starts_at=incident.starts_at,
        received_at=incident.received_at,
        recipient=To(recipient.kind, recipient.id),
        point=place,
        cameras=cameras,
        link=links.guardian_page(incident.district, incident.id, recipient.id, at) if guardian else None,
        reply_to=None if guardian else links.agency_reply(incident.district, incident.id, delivery.id, at),
    )


def disclosure(delivery: Delivery) -> Look | None:
    """The look that the message is for whoever gets it, where it tells an agency a place; guardians have theirs by the page."""
    incident, recipient = for_people(delivery.incident), delivery.recipient
    if incident.point is None or recipient.kind not in _MAY_KNOW_PLACE - {"guardian"}:
        return None
    shown = f"incident {incident.number}"
    return Look(incident.subject, incident.district, recipient.name, recipient.kind, shown, SENT)


def _title(incident: Incident, recipient: Recipient, at: datetime, zone: ZoneInfo, name: str) -> str:
    """For a guardian in their language, ready to be sent as a text; nobody takes a drill for the real thing.

    The name goes to nobody but guardians: with two children a text without it says half. To them it goes where nobody
    else can read it on its way.
    """
    if recipient.kind != "guardian" or not recipient.language:
        drill = "" if incident.status == "Actual" else f"{incident.status.upper()} · "
        over = "" if incident.ends_at is None else ENGLISH.moot if incident.moot else "over"
        return drill + " · ".join(part for part in (incident.title, ago(incident, ENGLISH, at), over) if part)
    private = name if _nobody_overhears(recipient.address) else ""
    return told(incident, words_of(recipient.language), at, zone, private).line()


def _nobody_overhears(url: str) -> bool:
    """TLS, or this machine itself, where a city's own server before its SMS gateway may listen."""
    to = urlsplit(url)
    return to.scheme == "https" or is_loopback(to.hostname or "")
