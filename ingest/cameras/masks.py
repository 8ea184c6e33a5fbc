"""Privacy masks: what lies in a mask zone leaves the camera's reader as one flat grey, for every later use."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from haechi.domain.video import CameraZone

GREY = (64, 64, 64)


class Masks:
    """The mask zones of one camera; filled polygons are cached per picture size."""

    def __init__(self, zones: Sequence[CameraZone]) -> None:
        self._polygons = [np.array(zone.polygon, dtype=np.float64) for zone in zones if zone.kind == "mask"]

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (h, w, 3) with its masks in it; the same object where there are none."""
        if not self._polygons:
            return image
        height, width = image.shape[:2]
        # Rounded outwards by a pixel: an edge must hide rather than show.
        points = [np.round(polygon * (width, height)).astype(np.int32) for polygon in self._polygons]
        masked = np.ascontiguousarray(image).copy()
        cv2.fillPoly(masked, points, GREY)
        cv2.polylines(masked, points, isClosed=True, color=GREY, thickness=3)
        return masked
