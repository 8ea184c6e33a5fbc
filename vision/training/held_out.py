"""Scores a model on composed pictures that hold other people and other places than it learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision.training.compose import SIZE
from vision.training.export import SHAPE
from vision.training.score import Boxes, Scored, asked_for, confidence_for, tally

ALLOWED_FALSE = 0.05
"""False boxes per picture, at the confidence that is chosen."""


def truth_of(label: Path) -> Boxes:
    """The boxes of a label file, in pixels; shape (n, 4)."""
    rows = [[float(v) for v in line.split()[1:]] for line in label.read_text().splitlines()]
    x, y, w, h = np.array(rows, np.float64).reshape(-1, 4).T * SIZE
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def score_pictures(model: Path, pictures: Path) -> dict[str, float]:
    """Recall, false boxes and the confidence that they were taken at, over a folder with `images/` and `labels/`."""
    from ultralytics import YOLO

    detector: Any = YOLO(str(model), task="detect")
    scored = []
    for image in sorted((pictures / "images").glob("*.jpg")):
        small = np.asarray(cv2.imread(str(image)), np.uint8)
        top, left = (SHAPE[0] - SIZE) // 2, (SHAPE[1] - SIZE) // 2  # the model wants its own shape: grey around
        frame = np.full((*SHAPE, 3), 114, np.uint8)
        frame[top : top + SIZE, left : left + SIZE] = small
        found = detector.predict(frame, imgsz=list(SHAPE), conf=0.05, verbose=False)[0].boxes
        truth = truth_of(pictures / "labels" / f"{image.stem}.txt")
        boxes = found.xyxy.cpu().numpy().astype(np.float64) - np.array([left, top, left, top])
        scores = found.conf.cpu().numpy().astype(np.float64)
        scored.append(Scored("all", boxes, scores, truth, asked_for(truth, np.ones(len(truth)))))
    confidence = confidence_for(scored, ALLOWED_FALSE)
    result = tally(scored, confidence)
    return {
        "pictures": result.frames,
        "people asked for": result.asked,
        "confidence": confidence,
        "recall": round(result.recall, 4),
        "false boxes per picture": round(result.false_per_frame, 4),
    }
