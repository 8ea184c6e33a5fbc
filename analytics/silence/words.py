"""The alerts of silence and battery, and what they say in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from analytics.silence.cells import EVERYWHERE, centre_of, name_of
from haechi.domain.alerting import KINDS, Alert, Because, Severity, raised
from haechi.domain.people import Position
from haechi.ids import alert_id

Action = Literal["raise", "update", "clear"]


class Wearer(msgspec.Struct, frozen=True):
    """Whose device it is; of its id, which is a credential, the front only."""

    person: str
    district: str
    device: str

    @property
    def place(self) -> str:
        """The alert's place: a person may wear several."""
        return f"device:{self.device}"


class LastWords(msgspec.Struct, frozen=True):
    """What was known of a device when it was last heard."""

    fix: Position
    battery: float | None
    empty_at: datetime | None
    battery_explains: bool
    moving: bool
    inside: bool
    other_heard_s: float | None  # seconds since another device of the same person was heard


def silent_alert(
    action: Action,
    wearer: Wearer,
    heard: datetime,
    now: datetime,
    said: str,
    *,
    allowed_s: float,
    last: LastWords,
) -> Alert:
    """`heard` is the last word, where the episode starts. Calm when the battery, a safe place or another device of the
    same person explains it: then it is an advice, not an alarm."""
    calm = last.battery_explains or last.inside or last.other_heard_s is not None
    values = [
        ("silent_s", (now - heard).total_seconds()),
        ("allowed_s", float(allowed_s)),
        ("fix_age_s", (now - last.fix.at).total_seconds()),
        ("moving", float(last.moving)),
        ("inside", float(last.inside)),
        ("battery_explains", float(last.battery_explains)),
    ]
    if last.battery is not None:
        values.append(("battery", round(last.battery, 1)))
    if last.empty_at is not None:
        values.append(("empty_at", last.empty_at.timestamp()))
    if last.other_heard_s is not None:
        values.append(("other_heard_s", last.other_heard_s))
    return _alert(
        "silent",
        action,
        wearer.person,
        wearer.place,
        wearer.district,
        heard,
        now,
        Because(rule="silence", words=said, fixes=(last.fix,), values=tuple(values)),
        severity=Severity.ADVISORY if calm else None,
        fix=last.fix,
    )


def silence_in_words(silent_s: float, allowed_s: float, last: LastWords, zone: ZoneInfo) -> str:
    """What a person needs to judge it."""
    parts = [
        f"Not heard for {minutes(silent_s)}; {minutes(allowed_s)} are usual or allowed",
        "it was moving" if last.moving else "it stood still",
    ]
    if last.inside:
        parts.append("inside a safe zone")
    if last.battery is not None:
        parts.append(f"battery {last.battery:.0f} %")
    if last.empty_at is not None:
        parts.append(f"empty at about {clock(last.empty_at, zone)}")
    if last.battery_explains:
        parts.append("which explains it")
    if last.other_heard_s is not None:
        parts.append(f"another device of the same person was heard {minutes(last.other_heard_s)} ago")
    return ", ".join(parts)


def cell_alert(
    action: Action,
    district: str,
    cell: int,
    since: datetime,
    now: datetime,
    people: Sequence[str],
    devices: int,
    partition: int,
) -> Alert:
    """An area whose devices fell silent together at about `since`; `people` are those of `partition` who are silent now.
    Each partition tells its part under an id of its own; they are one incident."""
    where = "everywhere in the district" if cell == EVERYWHERE else f"in {name_of(cell)}"
    said = (
        f"Devices speak again {where}; who does not is watched alone now"
        if action == "clear"
        else f"{devices} devices fell silent together {where}; among them are those of {', '.join(people)}"
    )
    alert = _alert(
        "cell-silent",
        action,
        district,
        name_of(cell),
        district,
        since,
        now,
        Because(rule="silence", words=said, values=(("devices", float(devices)),), people=tuple(people)),
    )
    own = alert_id(alert.kind, district, f"{alert.place} {partition}", since)
    return msgspec.structs.replace(alert, id=own, point=None if cell == EVERYWHERE else centre_of(cell))


def door_alert(action: Action, door: str, district: str, since: datetime, now: datetime) -> Alert:
    """One of our own doors is away since its last tick. The silence of those who speak through it is not decided."""
    said = (
        f"The door {door} does not tick, or its clock is behind. Who speaks through it is not watched until it is back"
    )
    if action == "clear":
        said = f"The door {door} ticks again"
    return _alert("blind", action, "positions", door, district, since, now, Because(rule="blind", words=said))


def clock_alert(action: Action, door: str, district: str, ahead_s: float, since: datetime, now: datetime) -> Alert:
    """The clock of one of our own doors is not believed: Kafka's is, until it is right."""
    said = (
        f"The clock of the door {door} is {ahead_s:.0f} s ahead of Kafka's, whose time is used instead. Set both by NTP"
    )
    if action == "clear":
        said = f"The clock of the door {door} is right again"
    because = Because(rule="clock", words=said, values=(("ahead_s", round(ahead_s, 1)),))
    return _alert("clock-off", action, "positions", door, district, since, now, because)


def battery_alert(
    action: Action,
    wearer: Wearer,
    since: datetime,
    now: datetime,
    level: float | None,
    empty_at: datetime | None,
    zone: ZoneInfo,
    *,
    said: str = "",
) -> Alert:
    """`since` is the reading that was low first."""
    values = [] if level is None else [("battery", round(level, 1))]
    words = said or f"battery {level:.0f} %"
    if empty_at is not None:
        values.append(("empty_at", empty_at.timestamp()))
        words += f", empty at about {clock(empty_at, zone)}"
    because = Because(rule="battery", words=words, values=tuple(values))
    return _alert("battery-low", action, wearer.person, wearer.place, wearer.district, since, now, because)


def clock(at: datetime, zone: ZoneInfo) -> str:
    """As people of the place read it."""
    return at.astimezone(zone).strftime("%H:%M")


def minutes(seconds: float) -> str:
    """A length of time, as short as it can be said."""
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 120 else f"{whole / 60:.1f} h"


def _alert(
    name: str,
    action: Action,
    subject: str,
    place: str,
    district: str,
    since: datetime,
    now: datetime,
    because: Because,
    *,
    severity: Severity | None = None,
    fix: Position | None = None,
) -> Alert:
    about = raised(KINDS[name], subject, place, district, since, because, now=now)
    return msgspec.structs.replace(
        about,
        action=action,
        severity=severity or about.severity,
        ends_at=now if action == "clear" else None,
        point=fix.point if fix else None,
        accuracy_m=fix.accuracy_m if fix else None,
    )
