"""Incidents in words: who, where and how it stands, from what the queue may say."""

from control_room.live.view import View
from control_room.words import word
from haechi.domain.alerting import KINDS
from haechi.domain.incidents import Incident
from haechi.domain.time import span_in_words

OLD_S = 120  # as `OLD_MS` of assets/incident.js
# UCUM codes as people write them.
_UNITS = (("%[LEL]", "% LEL"), ("ug/m3", "µg/m³"), ("dB[SPL]", "dB"), ("[ppm]", "ppm"), ("Cel", "°C"))


def headline(incident: Incident) -> str:
    """What happened, whole: "Left safe zone Home", "Gas 34 % LEL"."""
    title = incident.title
    for code, words in _UNITS:
        title = title.replace(code, words)
    return title


def short_headline(incident: Incident, view: View) -> str:
    """What happened in a row or on the map: a person's zone is left out, because who it is says more."""
    kind = KINDS.get(incident.kind)
    if kind is not None and incident.subject in view.people:
        return kind.title
    return headline(incident)


def who(incident: Incident, view: View) -> str:
    """The subject: "child, 8", a camera's zone, a sensor's name. Never a name."""
    person = view.people.get(incident.subject)
    if person is not None:
        return word(f"who.{person.kind}", age=person.age(incident.starts_at))
    if incident.of_stranger:
        return word("who.unknown")
    camera = view.camera(incident.subject)
    if camera is not None:
        return next((zone.name for zone in camera.zones if zone.id == incident.place), camera.name)
    sensor = view.sensor(incident.subject)
    return sensor.name if sensor is not None else ""


def where(incident: Incident, view: View) -> str:
    """The place in words: the camera's name, else the nearest street and place of the base map."""
    camera = view.camera(incident.subject)
    if camera is not None:
        return camera.name
    spots = view.trails.get(incident.id, ())
    point = spots[-1].point if spots else incident.point
    sensor = view.sensor(incident.subject)
    if point is None and sensor is not None:
        point = sensor.location
    return word("where.unknown") if point is None else view.place(point) or word("where.unnamed")


def standing(incident: Incident, view: View) -> str:
    """How it stands: being told, told, over; in front of it by how much a call for help was late, or its place old."""
    if incident.ends_at is not None and incident.moot:
        stands = word("state.moot")
    elif incident.ends_at is not None:
        stands = word("state.cleared" if incident.acknowledged_at is None else "state.cleared-seen")
    else:
        stands = word("state.telling" if incident.first_attempt_at is None else "state.told")
    return " · ".join((*_late(incident), *_old_place(incident, view), stands))


def _late(incident: Incident) -> tuple[str, ...]:
    if not incident.came_late:
        return ()
    return (word("state.late", span=span_in_words((incident.received_at - incident.starts_at).total_seconds())),)


def _old_place(incident: Incident, view: View) -> tuple[str, ...]:
    """The place was old already when it began, and no newer one has come."""
    if incident.point is None or incident.ends_at is not None:
        return ()
    spots = view.trails.get(incident.id)
    age_s = (incident.opened_at - (spots[-1].at if spots else incident.seen_at)).total_seconds()
    return (word("state.old-place", span=span_in_words(age_s)),) if age_s > OLD_S else ()
