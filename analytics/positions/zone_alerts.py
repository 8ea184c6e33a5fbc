"""The alerts of the zones: which kind is about what, and what it says."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from haechi.domain.alerting import KINDS, Alert, Because, raised
from haechi.domain.people import Position, SafeZone
from haechi.domain.time import instant_of

Action = Literal["raise", "clear"]


class Episode(NamedTuple):
    """What is told: the kind, when it began, the time that decided this (both microseconds since 1970), why, and whether its
    end is only that nobody asks any more."""

    kind: str
    started: int
    at: int
    why: str
    moot: bool = False


def alert(
    action: Action,
    episode: Episode,
    zone: SafeZone,
    fixes: tuple[Position, ...],
    thresholds: tuple[tuple[str, float], ...],
    person: str,
) -> Alert:
    """Raise or clear an episode; `fixes`, newest last, are what is known of the device that decided (perhaps nothing)."""
    kind, starts_at, at = KINDS[episode.kind], instant_of(episode.started), instant_of(episode.at)
    newest = fixes[-1] if fixes else None
    received = newest.received_at if newest else at
    values = thresholds
    if newest is not None:
        values = (*thresholds, ("fix_age_s", (max(at, received) - newest.at).total_seconds()))
    because = Because(
        rule=f"zone:{zone.kind}",
        words=f"{episode.why}: {zone.name}",
        fixes=fixes,
        values=values,
        zone=zone.id,
        zone_name=zone.name,
        zone_version=zone.version,
    )
    title, now = f"{kind.title} {zone.name}", max(at, received)
    return msgspec.structs.replace(
        raised(kind, person, zone.id, zone.district, starts_at, because, now=now, title=title),
        action=action,
        ends_at=at if action == "clear" else None,
        received_at=received,
        point=newest.point if newest else None,
        accuracy_m=newest.accuracy_m if newest else None,
        moot=episode.moot,
    )


def known_to_be_over(alerts: Sequence[Alert]) -> list[Alert]:
    """A raise whose clear comes with it is raised as over already, so that nobody runs for who is back.

    The clear goes on its way all the same: it changes nothing then, and is there for a raise that was told before a crash.
    """
    clears = {one.id: one for one in alerts if one.action == "clear"}
    return [_as_over(one, clears[one.id]) if one.action == "raise" and one.id in clears else one for one in alerts]


def _as_over(told: Alert, clear: Alert) -> Alert:
    because = msgspec.structs.replace(told.because, words=f"{told.because.words}; {clear.because.words}")
    return msgspec.structs.replace(told, ends_at=clear.ends_at, moot=clear.moot, because=because)
