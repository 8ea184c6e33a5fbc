"""What was known around an alert when it was raised, frozen with its incident so that it can be proved later."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from haechi.domain.coverage import Coverage, Watcher
from haechi.domain.geo import Point
from haechi.domain.people import Battery, Position
from haechi.domain.places import Gazetteer, PlaceWords
from haechi.ids import front_of

FIXES = 10


class Scene(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an incident is, as it was known at the time. Nothing of it is filled in later.

    `seen_at` is that of the fix (`Position`) that the place comes from, and with the present instant gives its age.
    `fixes` are the subject's last ones before the alert, oldest first; `battery` is the device's, percent.
    """

    point: Point | None = None
    accuracy_m: float | None = None
    seen_at: datetime | None = None
    place: PlaceWords | None = None
    fixes: tuple[Position, ...] = ()
    battery: Battery | None = None
    cameras: tuple[Watcher, ...] = ()


def last_before(fixes: Sequence[Position], at: datetime) -> tuple[Position, ...]:
    """The last fixes up to an instant, oldest first, each once. A device's id is its credential: only its front."""
    known = {(fix.device, fix.at): fix for fix in fixes if fix.seen_at <= at}
    newest = sorted(known.values(), key=lambda fix: fix.seen_at)[-FIXES:]
    return tuple(msgspec.structs.replace(fix, device=front_of(fix.device)) for fix in newest)


def scene_of(
    point: Point | None,
    accuracy_m: float | None,
    seen_at: datetime,
    fixes: Sequence[Position],
    battery: float | None,
    district: str,
    gazetteer: Gazetteer,
    coverage: Coverage,
) -> Scene:
    """The scene of an alert at `point`, seen at `seen_at`; without a point, at the last of the `fixes` before that.

    `battery` is what the alert itself told; else it is that of the newest fix that knows it.
    """
    before = last_before(fixes, seen_at)
    if battery is None:
        battery = next((fix.battery for fix in reversed(before) if fix.battery is not None), None)
    if point is None and before:
        point, accuracy_m, seen_at = before[-1].point, before[-1].accuracy_m, before[-1].seen_at
    if point is None:
        return Scene(fixes=before, battery=battery)
    return Scene(
        point=point,
        accuracy_m=accuracy_m,
        seen_at=seen_at,
        place=gazetteer.describe(point, accuracy_m),
        fixes=before,
        battery=battery,
        cameras=coverage.watchers(point, accuracy_m, district),
    )
