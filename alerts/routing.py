"""Who is told about what: one table, and nobody else."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from alerts.channels import CHANNELS, ChannelKind
from haechi.domain.alerting import Status
from haechi.domain.deliveries import NO_CHANNEL, Agency, AgencyRole, Recipient, RecipientKind
from haechi.domain.incidents import Incident
from haechi.domain.people import Guardian

DESK_ONLY: tuple[RecipientKind, ...] = ("desk",)
_EVERYONE: tuple[RecipientKind, ...] = ("guardian", "police", "fire", "desk")

# The kind of an incident -> the kinds of recipients. What is not named here is for the duty desk.
ROUTES: Mapping[str, tuple[RecipientKind, ...]] = {
    "sos": _EVERYONE,
    "man-down": _EVERYONE,
    "strap-cut": _EVERYONE,
    "tamper": _EVERYONE,
    "zone-exit": ("guardian", "desk"),
    "zone-entry": ("guardian", "desk"),
    "not-arrived": ("guardian", "desk"),
    "arrived": ("guardian",),
    "left": ("guardian",),
    "night-walk": ("guardian",),
    "usual-place": ("guardian",),
    "trespass": ("police", "desk"),
    "phone-test": ("guardian",),
    "consent-ends": ("guardian", "desk"),
    "gas": ("fire", "desk"),
    "fire": ("fire", "desk"),
    "dead-letter": DESK_ONLY,
    "blind": DESK_ONLY,
    "clock-off": DESK_ONLY,
    "erasure-waits": DESK_ONLY,
    "silent": ("guardian", "desk"),
    "cell-silent": DESK_ONLY,
    "battery-low": ("guardian",),
}

# A drill stays among those who take part in it: no agency outside the house hears of one, and of a guardian's own test
# nobody but guardians.
_HEARS: Mapping[Status, frozenset[RecipientKind]] = {
    "Actual": frozenset(_EVERYONE),
    "Exercise": frozenset({"guardian", "desk"}),
    "Test": frozenset({"guardian"}),
}


class Directory(Protocol):
    """Who there is (`haechi.store.slices.RecipientsSlice`)."""

    def guardians_of(self, person: str) -> Sequence[Guardian]:
        """In order of call; none for somebody whom nobody registered."""

    def agencies(self, district: str, role: AgencyRole) -> Sequence[Agency]:
        """Of one district only."""


def kinds_told(incident: Incident) -> tuple[RecipientKind, ...]:
    """The kinds of recipients of an incident: the table, narrowed for unknown devices and for drills."""
    if incident.of_stranger:
        return DESK_ONLY
    told = ROUTES.get(incident.kind, DESK_ONLY)
    return tuple(kind for kind in told if kind in _HEARS[incident.status])


def recipients(
    incident: Incident, directory: Directory, channels: Sequence[ChannelKind] = CHANNELS
) -> tuple[Recipient, ...]:
    """Everyone who is to be told, in the order of the table; who cannot be told is among them, with the reason.

    A duty desk without an address is left out: it sees every incident on the wall.
    """
    found: list[Recipient] = []
    for kind in kinds_told(incident):
        if kind == "guardian":
            entries: Sequence[Guardian | Agency] = directory.guardians_of(incident.subject)
        else:
            entries = directory.agencies(incident.district, kind)
        told = [_by_channel(kind, entry, channels) for entry in entries]
        found.extend(one for one in told if kind != "desk" or one.channel != NO_CHANNEL)
        if not entries and kind != "desk":
            found.append(Recipient(kind, "-", kind, NO_CHANNEL, f"no {kind} is registered"))
    return tuple(found)


def _by_channel(kind: RecipientKind, entry: Guardian | Agency, channels: Sequence[ChannelKind]) -> Recipient:
    language = entry.language if isinstance(entry, Guardian) else ""
    for channel in channels:
        if address := channel.address(entry):
            return Recipient(kind, entry.id, entry.name, channel.name, address, language)
    return Recipient(kind, entry.id, entry.name, NO_CHANNEL, "cannot be told: no webhook address is registered")
