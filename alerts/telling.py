"""What a guardian is told of an incident, part by part: the same in a text and on the page."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from alerts.words import Words, age_in_words
from haechi.domain.incidents import Incident


class Told(msgspec.Struct, frozen=True):
    """In a guardian's language; empty where there is nothing to say. `what` is never empty."""

    mark: str
    who: str
    what: str
    ago: str
    zone: str
    over: str
    fix_age: str
    battery: str
    consent: str

    def line(self) -> str:
        """One line, for a text. Drills say so first."""
        parts = (self.who, self.what, self.ago, self.zone, self.over, self.fix_age, self.battery, self.consent)
        return self.mark + " · ".join(part for part in parts if part)


def told(incident: Incident, words: Words, now: datetime, zone: ZoneInfo, name: str) -> Told:
    """`name` is the person's, as a guardian gave it, or empty where it must not be said; times are shown in `zone`."""
    values = dict(incident.because.values)
    age = age_in_words(words, (now - incident.seen_at).total_seconds())
    ends = values.get("ends_at")
    return Told(
        mark=words.marks[incident.status],
        who=name,
        what=words.kinds.get(incident.kind, incident.title),
        ago=ago(incident, words, now),
        zone=incident.because.zone_name or "",
        over=_over(incident, words, zone),
        # Of what is over, the place is where it began: they are there no more.
        fix_age="" if incident.point is None or incident.ends_at is not None else words.fix_age.format(age=age),
        battery=_battery(values.get("battery"), values.get("empty_at"), words, zone),
        consent=""
        if ends is None
        else words.days_left.format(days=round(values["days_left"]), date=datetime.fromtimestamp(ends, zone).date()),
    )


def _over(incident: Incident, words: Words, zone: ZoneInfo) -> str:
    if incident.ends_at is None:
        return ""
    if incident.moot:
        return words.moot
    return f"{words.over.get(incident.kind, words.over[''])} ({incident.ends_at.astimezone(zone):%H:%M})"


def ago(incident: Incident, words: Words, now: datetime) -> str:
    """How long ago a call for help happened that reached us late, by its device's clock; empty for what was prompt."""
    if not incident.came_late:
        return ""
    return words.ago.format(age=age_in_words(words, (now - incident.starts_at).total_seconds()))


def _battery(percent: float | None, empty_at: float | None, words: Words, zone: ZoneInfo) -> str:
    parts = []
    if percent is not None:
        parts.append(words.battery.format(percent=round(percent)))
    if empty_at is not None:
        parts.append(words.empty.format(clock=f"{datetime.fromtimestamp(empty_at, zone):%H:%M}"))
    return ", ".join(parts)
