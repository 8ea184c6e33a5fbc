"""Who did something: what a guardian did is signed by an opaque id, which becomes a name only where people read it."""

from collections.abc import Mapping, Sequence

import msgspec

from haechi.domain.deliveries import DeliveryView
from haechi.domain.incidents import Incident, IncidentEvent

A_GUARDIAN = "a guardian"


def signature(guardian: str) -> str:
    """What a guardian did is signed by the opaque id: the name stands in the registry alone, and goes with the row."""
    return f"guardian:{guardian}"


def forges(name: str) -> bool:
    """Whether a name reads as a guardian's signature: nobody else may be called so."""
    return name.startswith(signature(""))


def in_words(by: str, names: Mapping[str, str] | None = None) -> str:
    """Who did something, for people to read. `names` are guardians' by signature; whose is not known is "a guardian"."""
    if not forges(by):
        return by
    name = (names or {}).get(by)
    return f"{name} (guardian)" if name else A_GUARDIAN


def signed(incident: Incident, words: Mapping[str, str]) -> Incident:
    """Signatures in words, for people to read; one that `words` does not know is "a guardian"."""
    signed = {
        field: words.get(by, in_words(by))
        for field in ("acknowledged_by", "owner", "closed_by")
        if (by := getattr(incident, field)) is not None
    }
    return msgspec.structs.replace(incident, **signed)


def named(
    incident: Incident, trail: Sequence[IncidentEvent], deliveries: Sequence[DeliveryView]
) -> tuple[Incident, list[IncidentEvent]]:
    """Signatures as names, for people to read: of the guardians whom a message of the incident went to, as it named them."""
    names = {signature(d.recipient.id): d.recipient.name for d in deliveries if d.recipient.kind == "guardian"}
    words = {sign: in_words(sign, names) for sign in names}
    lines = [msgspec.structs.replace(event, by=in_words(event.by, names)) for event in trail]
    return signed(incident, words), lines
