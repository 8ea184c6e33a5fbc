"""Detectors beside each other on the same frames: what they find, and how long they take."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from haechi.errors import HaechiError
from vision.training.score import Boxes, Scored, asked_for

SHIPPED = Path(__file__).parents[1] / "vision" / "models" / "haechi-person_openvino_model"
_LEAST = 0.05
"""Boxes below this confidence are not even looked at."""


@dataclass(frozen=True)
class Look:
    """One frame with its truth: visible boxes in pixels, and the share of each person that is visible."""

    light: str
    frame: NDArray[np.uint8]
    truth: Boxes
    shares: NDArray[np.float64]


@dataclass
class Detector:
    """A model as Ultralytics runs it, people only, with the time of each frame (preparation and selection included)."""

    name: str
    path: Path
    milliseconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise HaechiError(f"{self.path} is not there: --peer takes an OpenVINO folder, an ONNX or a .pt file.")
        os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
        os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="haechi-yolo-"))
        from ultralytics import YOLO

        self._model: Any = YOLO(str(self.path), task="detect")
        metadata = self.path / "metadata.yaml"
        self._shape = list(yaml.safe_load(metadata.read_text())["imgsz"]) if metadata.exists() else [384, 640]

    def find(self, frame: NDArray[np.uint8]) -> tuple[Boxes, NDArray[np.float64]]:
        """Boxes (n, 4) in pixels and their scores."""
        began = time.perf_counter()
        found = self._model.predict(frame, imgsz=self._shape, conf=_LEAST, classes=[0], verbose=False, device="cpu")[0]
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        boxes = found.boxes
        return boxes.xyxy.cpu().numpy().astype(np.float64), boxes.conf.cpu().numpy().astype(np.float64)

    @property
    def median_ms(self) -> float:
        """Of all frames but the first few, in which the model warms up."""
        times = self.milliseconds[5:] or self.milliseconds
        return round(statistics.median(times), 2) if times else 0.0


def beside(detectors: Iterable[Detector], looks: Iterable[Look]) -> dict[str, list[Scored]]:
    """Every detector on every frame, in turn, so that all feel the same load of the machine."""
    listed = list(detectors)
    outcome: dict[str, list[Scored]] = {detector.name: [] for detector in listed}
    for look in looks:
        asked = asked_for(look.truth, look.shares)
        for detector in listed:
            boxes, scores = detector.find(look.frame)
            outcome[detector.name].append(Scored(look.light, boxes, scores, look.truth, asked))
    return outcome


def video(path: Path, every: int = 1) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Every n-th frame of a file with its number from 0."""
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise HaechiError(f"{path} cannot be read as a video.")
    number = 0
    try:
        while True:
            there, frame = capture.read()
            if not there:
                return
            if number % every == 0:
                yield number, np.asarray(frame, np.uint8)
            number += 1
    finally:
        capture.release()


def mot(path: Path) -> dict[int, Boxes]:
    """The boxes of a MOT text file by frame number, which starts at 1 there and at 0 here."""
    rows: dict[int, list[tuple[float, float, float, float]]] = {}
    for line in path.read_text().splitlines():
        frame, _, x, y, w, h = (float(v) for v in line.split(",")[:6])
        rows.setdefault(int(frame) - 1, []).append((x, y, x + w, y + h))
    return {frame: np.array(boxes, np.float64) for frame, boxes in rows.items()}
