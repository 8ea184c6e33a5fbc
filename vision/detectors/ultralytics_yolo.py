"""Ultralytics YOLO from an OpenVINO folder, an ONNX file or a .pt file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from haechi.domain.video import Detections, SightingLabel
from haechi.errors import ConfigError
from vision.detectors.detector import LABELS

SIZE = (384, 640)  # height, width: a camera's shape; a square costs a third more
_THREADS = 2
_LOW = 0.1  # the tracker pairs boxes of low score with known tracks; new ones need the setting's


class UltralyticsYolo:
    """One model, loaded at construction. `folder` takes what Ultralytics keeps for itself."""

    def __init__(self, path: Path, folder: Path) -> None:
        os.environ["YOLO_OFFLINE"] = "1"  # nothing is downloaded and nothing is reported at a start
        os.environ["YOLO_AUTOINSTALL"] = "false"
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
        folder.mkdir(parents=True, exist_ok=True)
        import torch
        from ultralytics import YOLO, settings

        torch.set_num_threads(_THREADS)
        settings.update({"sync": False})
        self.name = path.name
        try:
            self._model: Any = YOLO(str(path), task="detect", verbose=False)
            names = cast("dict[int, str]", self._model.names)
            self._labels = {number: name for number, name in names.items() if name in LABELS}
            self.detect([np.zeros((*SIZE, 3), np.uint8)])  # a model that can't look fails here, not at the first frame
        except Exception as error:  # whatever the libraries raise about a file that is no model of theirs
            raise ConfigError(
                f"vision.model: {path} is no model that Ultralytics can load ({error}). Name an OpenVINO folder, an ONNX "
                "or a .pt file, or 'auto'."
            ) from error
        if not self._labels:
            raise ConfigError(f"vision.model: {path} knows none of {', '.join(LABELS)}; it knows {names}.")

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """One by one: a batch gained nothing on a CPU, and the newest frame is answered soonest."""
        return [self._one(image) for image in images]

    def _one(self, image: NDArray[np.uint8]) -> Detections:
        (result,) = self._model.predict(
            image, imgsz=SIZE, conf=_LOW, iou=0.6, classes=list(self._labels), verbose=False, device="cpu"
        )
        height, width = image.shape[:2]
        found = result.boxes
        corners = np.asarray(found.xyxy, dtype=np.float32).reshape(-1, 4)
        boxes = np.column_stack((corners[:, :2], corners[:, 2:] - corners[:, :2])) / (width, height, width, height)
        labels = tuple(cast("SightingLabel", self._labels[int(number)]) for number in np.asarray(found.cls))
        return Detections(boxes.astype(np.float32), np.asarray(found.conf, dtype=np.float32), labels)
