"""The contract of a detector."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from haechi.domain.video import Detections

LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck")


class Detector(Protocol):
    """Blocking: called in a worker thread, one call at a time."""

    name: str
    """What it is, for the log, `doctor` and the wall."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """For each image (h, w, 3) uint8 blue-green-red, in order, what of LABELS is in it."""
