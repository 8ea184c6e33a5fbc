"""Which cameras can see a spot, from where they hang and, where it is known, which way they look.

    a camera whose view is     | the circle of the fix                    | it
    known                      | lies wholly in the view                  | sees the spot
    known                      | touches the view, or holds the camera    | may see it
    known                      | lies beside, behind or beyond it         | does not
    not known                  | comes within 60 m of the camera          | may see it
    not known                  | lies farther away                        | does not

A view is a sector of a circle on the ground; what stands in between (walls, trees, buses) is not known. A fix of
unknown accuracy is taken to be wrong by 30 m. First who sees, then who may, the nearest first, six at most, and only
cameras of the incident's own district: rights end there.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from haechi.domain.geo import UNKNOWN_ACCURACY_M, LocalPlane, Point
from haechi.domain.video import CameraView

NO_VIEW_M = 60.0
AT_MOST = 6


class CameraSite(msgspec.Struct, frozen=True):
    """What is needed of a camera to know what it sees: no address, no zones."""

    id: str
    district: str
    name: str
    location: Point
    view: CameraView | None = None


class Watcher(msgspec.Struct, frozen=True):
    """A camera that sees a spot, or may; `metres` from it to the spot."""

    id: str
    name: str
    metres: int
    sees: Literal["sees", "may see"]


class Coverage:
    """The cameras of some districts, asked about spots. Thirty thousand of them cost less than a millisecond."""

    def __init__(self, sites: Iterable[CameraSite]) -> None:
        self._sites = tuple(sites)
        self._by_id = {site.id: site for site in self._sites}
        self._lon = np.array([site.location.lon for site in self._sites], dtype=np.float64)
        self._lat = np.array([site.location.lat for site in self._sites], dtype=np.float64)
        self._reach = np.array([site.view.reach_m if site.view else NO_VIEW_M for site in self._sites])

    def get(self, camera: str) -> CameraSite | None:
        """The site of a camera."""
        return self._by_id.get(camera)

    def watchers(self, spot: Point, accuracy_m: float | None, district: str) -> tuple[Watcher, ...]:
        """By the table above."""
        if not self._sites:
            return ()
        wrong_by = UNKNOWN_ACCURACY_M if accuracy_m is None else accuracy_m
        x, y = LocalPlane(spot).to_metres(self._lon, self._lat)
        metres = np.hypot(x, y)
        found = []
        for i in np.flatnonzero(metres - wrong_by <= self._reach).tolist():
            site = self._sites[i]
            # The bearing from the camera to the spot, which is the origin of the plane.
            sees = _sees(site.view, float(metres[i]), math.degrees(math.atan2(-x[i], -y[i])), wrong_by)
            if sees is not None and site.district == district:
                found.append(Watcher(site.id, site.name, round(float(metres[i])), sees))
        return tuple(_best(found)[:AT_MOST])


def _sees(
    view: CameraView | None, metres: float, bearing: float, wrong_by_m: float
) -> Literal["sees", "may see"] | None:
    if view is None or metres <= wrong_by_m:
        return "may see"
    aside = abs((bearing - view.heading + 180) % 360 - 180)
    spread = math.degrees(math.asin(wrong_by_m / metres))
    if metres + wrong_by_m <= view.reach_m and aside + spread <= view.width / 2:
        return "sees"
    return "may see" if aside - spread <= view.width / 2 else None


def _best(found: Sequence[Watcher]) -> list[Watcher]:
    return sorted(found, key=lambda watcher: (watcher.sees != "sees", watcher.metres, watcher.id))
