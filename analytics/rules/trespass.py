"""A person in a forbidden zone of a camera's picture while the zone's schedule holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import shapely

from analytics.rules.contract import CameraRule
from haechi.domain.alerting import KINDS, Alert, Because, cleared, raised
from haechi.domain.schedule import holds
from haechi.domain.video import Camera, CameraZone, Sighting, Sightings

WINDOW_FRAMES = 5
_KIND = KINDS["trespass"]


class Rule(msgspec.Struct, frozen=True):
    """`frames` of the last five must show a person in the zone; it is over after `quiet_s` seconds without one."""

    frames: int = 3
    quiet_s: float = 20


class Watch(msgspec.Struct, frozen=True):
    """What is remembered of one zone: which of the last frames had somebody in it, and the open episode."""

    seen: tuple[bool, ...] = ()
    last_seen: datetime | None = None
    alerted_at: datetime | None = None


def camera_rule(rule: Rule) -> CameraRule[Watch]:
    """As the cameras' zones are asked about it."""
    return CameraRule(
        "trespass",
        "forbidden",
        Watch(),
        lambda watch, camera, zone, seen: step(watch, rule, camera, zone, seen),
        lambda watch, camera, zone, now: elapse(watch, rule, camera, zone, now),
    )


def step(watch: Watch, rule: Rule, camera: Camera, zone: CameraZone, seen: Sightings) -> tuple[Watch, Sequence[Alert]]:
    """One frame's sightings against one zone. Somebody is in the zone when their feet are."""
    inside = tuple(s for s in seen.sightings if s.label == "person" and _within(zone, s))
    at = seen.captured_at
    if watch.last_seen is not None and at < watch.last_seen:
        return watch, ()
    if not holds(zone.schedule, at):
        return elapse(watch, rule, camera, zone, at, "the schedule has ended", at_once=True)
    frames = (*watch.seen, bool(inside))[-WINDOW_FRAMES:]
    last_seen = at if inside else watch.last_seen
    if watch.alerted_at is None and inside and sum(frames) >= rule.frames:
        people = "one person" if len(inside) == 1 else f"{len(inside)} people"
        words = f"{people} in {zone.name}, seen by {camera.name}"
        alert = _alert(rule, camera, zone, at, seen.seen_at, words, inside)
        return Watch(frames, last_seen, at), (msgspec.structs.replace(alert, evidence=seen.evidence),)
    kept = msgspec.structs.replace(watch, seen=frames, last_seen=last_seen)
    return elapse(kept, rule, camera, zone, at)


def elapse(
    watch: Watch,
    rule: Rule,
    camera: Camera,
    zone: CameraZone,
    now: datetime,
    words: str = "nobody is there any more",
    *,
    at_once: bool = False,
) -> tuple[Watch, Sequence[Alert]]:
    """Time has passed: an episode ends after a quiet while, or at once where the zone no longer holds."""
    if watch.alerted_at is None or watch.last_seen is None:
        return (Watch() if at_once else watch), ()
    if not at_once and now - watch.last_seen < timedelta(seconds=rule.quiet_s):
        return watch, ()
    alert = _alert(rule, camera, zone, watch.alerted_at, now, f"{words}: {zone.name}")
    return Watch(), (cleared(alert, now),)


def _within(zone: CameraZone, sighting: Sighting) -> bool:
    return bool(shapely.contains_xy(shapely.Polygon(zone.polygon), *sighting.box.foot))


def _alert(
    rule: Rule,
    camera: Camera,
    zone: CameraZone,
    started: datetime,
    now: datetime,
    words: str,
    inside: tuple[Sighting, ...] = (),
) -> Alert:
    because = Because(
        rule="trespass",
        words=words,
        sightings=inside,
        values=(("frames", float(rule.frames)), ("of", float(WINDOW_FRAMES))),
        zone=zone.id,
    )
    title = f"{_KIND.title} · {zone.name}"
    alert = raised(_KIND, camera.id, zone.id, camera.district, started, because, now=now, title=title)
    point = next((s.ground for s in inside if s.ground), None) or camera.location
    return msgspec.structs.replace(alert, point=point)
