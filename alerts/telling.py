"""What a guardian is told of an incident, part by part: the same in a text and on the page."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from alerts.words import Words, age_in_words
from haechi.domain.alerting import CALLS
from haechi.domain.incidents import Incident


class Told(msgspec.Struct, frozen=True):
    """In a guardian's language; empty where there is nothing to say. `what` is never empty.

    Of what is over, `what` says so first, because a telephone's screen shows the first words only; `then` is what it was.
    """

    mark: str
    who: str
    what: str
    ago: str
    zone: str
    then: str
    calm: str
    fix_age: str
    battery: str
    consent: str

    def line(self) -> str:
        """One line, for a text. Drills say so first."""
        said = (
            self.who,
            self.what,
            self.ago,
            self.zone,
            self.then,
            self.calm,
            self.fix_age,
            self.battery,
            self.consent,
        )
        return self.mark + " · ".join(part for part in said if part)


def told(incident: Incident, words: Words, now: datetime, zone: ZoneInfo, name: str) -> Told:
    """`name` is the person's, as a guardian gave it, or empty where it must not be said; times are shown in `zone`."""
    values = dict(incident.because.values)
    kind = words.kinds.get(incident.kind, incident.title)
    over = _over(incident, words, zone)
    ends = values.get("ends_at")
    return Told(
        mark=words.marks[incident.status],
        who=name,
        what=over or kind,
        ago=ago(incident, words, now),
        zone=incident.because.zone_name or "",
        then=words.before.format(what=kind) if over else words.moot if incident.moot else "",
        calm="" if over else _calm(values, words),
        fix_age=_fix_age(incident, words, now),
        battery=_battery(values.get("battery"), values.get("empty_at"), words, zone),
        consent=""
        if ends is None
        else words.days_left.format(days=round(values["days_left"]), date=_last_day(ends, zone)),
    )


def _over(incident: Incident, words: Words, zone: ZoneInfo) -> str:
    if incident.ends_at is None or incident.moot:
        return ""
    return f"{words.over.get(incident.kind, words.over[''])} ({incident.ends_at.astimezone(zone):%H:%M})"


def _calm(values: Mapping[str, float], words: Words) -> str:
    """What explains that a device fell silent, as its rule knew it."""
    known = (
        (words.other_heard, "other_heard_s" in values),
        (words.was_inside, values.get("inside")),
        (words.battery_gone, values.get("battery_explains")),
    )
    return ", ".join(said for said, holds in known if holds)


def _fix_age(incident: Incident, words: Words, now: datetime) -> str:
    """Of what is over, the place is where it began: they are there no more."""
    if incident.ends_at is not None:
        return ""
    if incident.point is None:
        return words.no_place if incident.kind in CALLS and incident.status == "Actual" else ""
    return words.fix_age.format(age=age_in_words(words, (now - incident.seen_at).total_seconds()))


def ago(incident: Incident, words: Words, now: datetime) -> str:
    """How long ago a call for help happened that reached us late, by its device's clock; empty for what was prompt."""
    if not incident.came_late:
        return ""
    return words.ago.format(age=age_in_words(words, (now - incident.starts_at).total_seconds()))


def _last_day(ends: float, zone: ZoneInfo) -> date:
    """Midnight belongs to the day that it ends."""
    return datetime.fromtimestamp(math.ceil(ends) - 1, zone).date()


def _battery(percent: float | None, empty_at: float | None, words: Words, zone: ZoneInfo) -> str:
    parts = []
    if percent is not None:
        parts.append(words.battery.format(percent=round(percent)))
    if empty_at is not None:
        parts.append(words.empty.format(clock=f"{datetime.fromtimestamp(empty_at, zone):%H:%M}"))
    return ", ".join(parts)
