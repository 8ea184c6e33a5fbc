"""Why an alert came, in words: which fixes, zone and thresholds, when each step was, who was told and who was not."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import msgspec
import numpy as np
import shapely

from haechi.domain.alerting import KINDS
from haechi.domain.deliveries import NO_CHANNEL, DeliveryView, RecipientKind
from haechi.domain.geo import LocalPlane, Point
from haechi.domain.incidents import HIDDEN, Incident, IncidentEvent, about_person
from haechi.domain.people import Position, SafeZone
from haechi.domain.signatures import named
from haechi.domain.time import span_in_words

_RECIPIENTS: tuple[RecipientKind, ...] = ("guardian", "police", "fire", "desk")
_AGENCIES = frozenset({"police", "fire"})
# How the names of `Because.values` end, and what that means; `_at` are seconds since 1970. Some are yes (1) or no (0).
_UNITS = (("_m", " m"), ("_s", " s"), ("_percent", " %"), ("battery", " %"))
_YES_OR_NO = frozenset({"walked", "moving", "inside", "battery_explains"})
_SHORT_S = 120


class Section(msgspec.Struct, frozen=True):
    """A question and its answer, a line each."""

    title: str
    lines: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True):
    """Of one incident, as it stands at the instant it was asked for."""

    incident: str
    number: int
    headline: str
    sections: tuple[Section, ...]

    def text(self) -> str:
        """For a terminal or a letter."""
        parts = [self.headline]
        for section in self.sections:
            parts += ["", section.title, *(f"  {line}" for line in section.lines)]
        return "\n".join(parts)


def explain(
    incident: Incident,
    trail: Sequence[IncidentEvent],
    deliveries: Sequence[DeliveryView],
    zone: SafeZone | None,
    now: datetime,
    tz: tzinfo,
) -> Explanation:
    """`zone` is the safe zone as it stands now, where the alert names one; `tz` is in which times are shown."""
    incident, trail = named(incident, trail, deliveries)
    sections = (
        Section("What", tuple(_what(incident))),
        Section("Why", tuple(_why(incident, zone, tz))),
        Section("Fixes that decided it", tuple(_fixes(incident.because.fixes, incident, zone, tz))),
        Section("Where", tuple(_where(incident, now, tz))),
        Section("When", tuple(_when(incident, tz))),
        Section("Who was told", tuple(_told(incident, deliveries))),
        Section("Who was not told", tuple(_untold(incident, deliveries))),
        Section("What happened since", tuple(_since(trail, tz))),
    )
    kind = KINDS.get(incident.kind)
    headline = f"Incident {incident.number}: {kind.title if kind else incident.kind}, {_state(incident)}"
    return Explanation(incident.id, incident.number, headline, tuple(s for s in sections if s.lines))


def _state(incident: Incident) -> str:
    drill = "" if incident.status == "Actual" else f"{incident.status.upper()}, "
    if incident.closed_by is not None:
        return f"{drill}closed by {incident.closed_by}"
    if incident.acknowledged_by is not None:
        return f"{drill}{incident.acknowledged_by} is on it"
    return f"{drill}nobody is on it yet"


def _what(incident: Incident) -> Iterator[str]:
    yield f"{incident.title}; severity {int(incident.severity)}, status {incident.status}"
    yield f"subject {incident.subject}" + ("" if incident.place == "-" else f", place {incident.place}")
    yield f"alert {incident.alert_id}, incident {incident.id}"
    if incident.presses > 1:
        yield f"raised {incident.presses} times; what is said of it is of the newest"
    if incident.previous is not None:
        yield f"the one before it is incident {incident.previous}"


def _why(incident: Incident, zone: SafeZone | None, tz: tzinfo) -> Iterator[str]:
    because = incident.because
    yield f"{because.words} (rule {because.rule})"
    if because.values:
        yield "with " + ", ".join(_value(name, value, tz) for name, value in because.values)
    if because.people:
        yield f"it is about {', '.join(because.people)}"
    if because.zone is None:
        return
    version = "" if because.zone_version is None else f", version {because.zone_version}"
    if zone is None:
        yield f"zone {because.zone}{version}; it is not there any more, or not a person's"
        return
    yield f"zone {zone.name} ({zone.id}{version})"
    if because.zone_version is not None and zone.version != because.zone_version:
        yield f"the zone has been changed since: it is at version {zone.version} now"


def _value(name: str, value: float, tz: tzinfo) -> str:
    if name.endswith("_at"):
        return f"{name.removesuffix('_at').replace('_', ' ')} {datetime.fromtimestamp(value, tz):%Y-%m-%d %H:%M:%S}"
    if name in _YES_OR_NO:
        return f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"
    unit = next(((end, words) for end, words in _UNITS if name.endswith(end)), None)
    if unit is None:
        return f"{name.replace('_', ' ')} {value:g}"
    label = name.removesuffix(unit[0]).replace("_", " ") or name
    return f"{label} {value:g}{unit[1]}"


def _fixes(
    fixes: Sequence[Position], incident: Incident, zone: SafeZone | None, tz: tzinfo, *, distances: bool = True
) -> Iterator[str]:
    known = zone if zone is not None and zone.version == incident.because.zone_version and distances else None
    for fix in fixes:
        parts = [_clock(fix.at, tz), _spot(fix.point, fix.accuracy_m)]
        if known is not None:
            metres = _outside_m(known, fix.point)
            parts.append(f"{metres:.0f} m outside {known.name}" if metres else f"inside {known.name}")
        if fix.battery is not None:
            parts.append(f"battery {fix.battery:.0f} %")
        parts.append(f"had {_after(fix.received_at, fix.at)}")
        yield " · ".join(parts)


def _where(incident: Incident, now: datetime, tz: tzinfo) -> Iterator[str]:
    scene = incident.scene
    if incident.point is None:
        yield _no_place(incident)
    else:
        named = f"{scene.place.en} ({scene.place.ko}); " if scene is not None and scene.place is not None else ""
        yield named + _spot(incident.point, incident.accuracy_m)
        old = (incident.starts_at - incident.seen_at).total_seconds()
        then = f", {span_in_words(old)} before the alert" if old > 1 else ""
        yield f"seen at {_clock(incident.seen_at, tz)}{then}; {span_in_words((now - incident.seen_at).total_seconds())} ago now"
    if scene is None:
        return
    if scene.battery is not None:
        yield f"battery {scene.battery:.0f} %"
    for camera in scene.cameras:
        yield f"camera {camera.name} {'sees' if camera.sees == 'sees' else 'may see'} it from {camera.metres} m"
    if scene.fixes:
        yield "fixes before it:"
        yield from (f"  {line}" for line in _fixes(scene.fixes, incident, None, tz, distances=False))


def _no_place(incident: Incident) -> str:
    if incident.because.words == HIDDEN:
        return HIDDEN
    return (
        "a drill tells no place"
        if incident.status != "Actual" and about_person(incident)
        else "the place was not known"
    )


def _when(incident: Incident, tz: tzinfo) -> Iterator[str]:
    yield f"happened {incident.starts_at.astimezone(tz):%Y-%m-%d %H:%M:%S %Z}"
    steps: tuple[tuple[str, datetime | None], ...] = (
        ("received", incident.received_at),
        ("decided", incident.decided_at),
        ("incident opened", incident.opened_at),
        ("first attempt to tell someone", incident.first_attempt_at),
        ("acknowledged", incident.acknowledged_at),
        ("no longer watched" if incident.moot else "over", incident.ends_at),
        ("closed", incident.closed_at),
    )
    for words, at in steps:
        if at is not None:
            yield f"{words} {_after(at, incident.starts_at)}"
        elif words == "first attempt to tell someone":
            yield "nobody was tried yet"


def _told(incident: Incident, deliveries: Sequence[DeliveryView]) -> Iterator[str]:
    tellable = [delivery for delivery in deliveries if delivery.recipient.channel != NO_CHANNEL]
    if not tellable:
        yield "nobody"
    for delivery in tellable:
        to = delivery.recipient
        why = "guards the person" if to.kind == "guardian" else f"{incident.kind} goes to {to.kind}"
        yield f"{to.name} ({to.kind}) by {to.channel}, because {why} and the incident was {delivery.reason}: " + _how(
            incident, delivery
        )


def _how(incident: Incident, delivery: DeliveryView) -> str:
    tries = "" if delivery.attempts == 1 else f", {delivery.attempts} attempts"
    error = f"; last answer: {delivery.last_error}" if delivery.last_error and delivery.state != "delivered" else ""
    first = (
        "not tried yet"
        if delivery.first_attempt_at is None
        else f"tried {_after(delivery.first_attempt_at, incident.starts_at)}"
    )
    if delivery.state == "delivered" and delivery.finished_at is not None:
        return f"{first}, taken {_after(delivery.finished_at, incident.starts_at)}{tries}"
    return f"{first}, {delivery.state}{tries}{error}"


def _untold(incident: Incident, deliveries: Sequence[DeliveryView]) -> Iterator[str]:
    for delivery in deliveries:
        if delivery.recipient.channel == NO_CHANNEL:
            name, kind = delivery.recipient.name, delivery.recipient.kind
            yield f"{name if name == kind else f'{name} ({kind})'}: {delivery.last_error}"
    present = {delivery.recipient.kind for delivery in deliveries}
    for kind in _RECIPIENTS:
        if kind not in present:
            yield f"{kind}: {_absent(incident, kind)}"


def _absent(incident: Incident, kind: RecipientKind) -> str:
    if incident.status != "Actual" and kind in _AGENCIES:
        return f"status {incident.status}: an agency never hears of it"
    if incident.status == "Test" and kind == "desk":
        return "a test is for guardians only"
    if incident.of_stranger:
        return "nobody registered the device; such a call goes to the duty desk only"
    if kind == "desk":
        return "none is registered; the wall shows every incident"
    return f"alerts of the kind {incident.kind} do not go there"


def _since(trail: Sequence[IncidentEvent], tz: tzinfo) -> Iterator[str]:
    for event in trail:
        words = f": {event.words}" if event.words else ""
        yield f"{_clock(event.at, tz)} {event.kind} by {event.by}{words}"


def _outside_m(zone: SafeZone, point: Point) -> float:
    plane = LocalPlane(point)
    shape = plane.shape(zone.area)
    return float(shapely.distance(shape, shapely.points(np.zeros(1), np.zeros(1)))[0])


def _spot(point: Point, accuracy_m: float | None) -> str:
    wrong_by = "accuracy unknown" if accuracy_m is None else f"±{accuracy_m:.0f} m"
    return f"{point.lat:.5f}, {point.lon:.5f} {wrong_by}"


def _clock(at: datetime, tz: tzinfo) -> str:
    return f"{at.astimezone(tz):%H:%M:%S}"


def _after(at: datetime, start: datetime) -> str:
    seconds = (at - start).total_seconds()
    span = f"{abs(seconds):.2f} s" if abs(seconds) < _SHORT_S else span_in_words(abs(seconds))
    return f"{span} before" if seconds < 0 else f"after {span}"
