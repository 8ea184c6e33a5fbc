"""What a rule over the zones of cameras is."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from haechi.domain.alerting import Alert
from haechi.domain.video import Camera, CameraZone, Sightings

S = TypeVar("S", bound=msgspec.Struct)


class CameraRule(msgspec.Struct, Generic[S], frozen=True):
    """Decides, purely, what one camera sees in one of its zones of `zone_kind`.

    `empty` is what it remembers of a zone at first; what it remembers is kept under `name`, which is never renamed. `step`
    looks at one frame's sightings, `elapse` at the time of a tick; both give what is remembered now, and alerts with
    deterministic ids (`haechi.ids.alert_id`), because a replay tells them again.
    """

    name: str
    zone_kind: Literal["forbidden", "watch"]
    empty: S
    step: Callable[[S, Camera, CameraZone, Sightings], tuple[S, Sequence[Alert]]]
    elapse: Callable[[S, Camera, CameraZone, datetime], tuple[S, Sequence[Alert]]]


AnyCameraRule = CameraRule[Any]  # a list holds rules that remember different things
