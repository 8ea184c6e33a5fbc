"""What the centre must tell a person of itself: a message that nobody could process, a recipient that is gone."""

from datetime import datetime

from haechi.domain.alerting import KINDS, Alert, Because, Status, raised
from haechi.domain.deliveries import Delivery

_KIND = KINDS["dead-letter"]


def unprocessed(source: str, name: str, reason: str, district: str, at: datetime) -> Alert:
    """A life-safety message that could not be processed. `source` and `name` say where it can be found; all that have
    the same of both are one incident while it is open."""
    return _alert(source, name, f"A message of {source} could not be processed", reason, district, "Actual", at)


def unreachable(delivery: Delivery, reason: str, at: datetime) -> Alert:
    """A recipient that will not take messages any more, and the incident that did not reach it."""
    recipient, incident = delivery.recipient, delivery.incident
    words = f"{recipient.name} did not get incident {incident.number} and will get no other by {recipient.channel}: {reason}"
    title = f"A {recipient.kind} can no longer be reached by {recipient.channel}"
    return _alert(recipient.id, recipient.channel, title, words, incident.district, incident.status, at)


def _alert(subject: str, place: str, title: str, words: str, district: str, status: Status, at: datetime) -> Alert:
    return raised(_KIND, subject, place, district, at, Because("dispatch", words[:1000]), status=status, title=title)
